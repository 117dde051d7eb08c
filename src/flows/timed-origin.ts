import { type MillisecondClock, milliseconds } from "../base/milliseconds.ts";
import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { Origin } from "../catalog/origin.ts";
import type { Telemetry, TelemetryEvent } from "../telemetry/telemetry.ts";

type Outcome = Extract<TelemetryEvent, { event: "origin" }>["outcome"];

/**
 * An origin that tells how long each answer took. What it says that it does not have is an answer. One that was to hold its
 * answer until there is something new is told of only where it fails: how long it took says nothing about the origin.
 */
export function timedOrigin(origin: Origin, telemetry: Telemetry, clock: MillisecondClock): Origin {
  return async (request) => {
    const askedAt = clock();
    const tell = (outcome: Outcome) => {
      if (outcome === "answered" && (request.hold ?? 0) > 0) return;
      // A machine's clock may be set back meanwhile.
      telemetry({ event: "origin", outcome, took: milliseconds(Math.max(0, clock() - askedAt)) });
    };
    try {
      const answer = await origin(request);
      tell(outcomeOf(answer));
      return answer;
    } catch (error) {
      tell("failed");
      throw error;
    }
  };
}

function outcomeOf(answer: Result<Response, Refusal>): Outcome {
  if (answer.ok) return "answered";
  switch (answer.refusal.code) {
    case "object_unknown":
    case "range_not_satisfiable":
      return "answered";
    case "origin_slow":
      return "slow";
    default:
      return "failed";
  }
}
