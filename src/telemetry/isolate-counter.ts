import { makeRoom } from "../base/oldest-out.ts";
import type { Clock } from "../base/seconds.ts";
import { countEvent } from "./count-event.ts";
import { fairShare } from "./fair-share.ts";
import type { LiveSession, RecentRefusal, Report } from "./gathered.ts";
import { Tally } from "./tally.ts";
import type { Telemetry } from "./telemetry.ts";

/** What a report holds at most beside its counts. */
const most = { refusals: 20, alive: 2_000, ended: 2_000 };

/** How much of a refusal's reason is told; the log has the whole. */
const longestReason = 500;

/** What one isolate counts, in memory and without a wait, until a report takes it. */
export class IsolateCounter {
  readonly #clock: Clock;
  readonly #tally = new Tally();
  #refusals: RecentRefusal[] = [];
  #alive = new Map<string, LiveSession>();
  #ended = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly telemetry: Telemetry = (event) => {
    countEvent(event, this.#tally);
    switch (event.event) {
      case "refused": {
        const { worker, code, reason, request, subject } = event;
        // Seldom, since it looks at all of them.
        if (this.#refusals.length >= 4 * most.refusals) this.#refusals = fairShare(this.#refusals, most.refusals);
        const told = reason.slice(0, longestReason);
        this.#refusals.push({ at: this.#clock(), worker, code, reason: told, request, subject });
        return;
      }
      case "alive": {
        const { event: _, ...session } = event;
        if (!this.#alive.has(session.sessionId)) makeRoom(this.#alive, most.alive);
        this.#alive.set(session.sessionId, session);
        return;
      }
      case "ended":
        this.#alive.delete(event.sessionId);
        if (this.#ended.size < most.ended) this.#ended.add(event.sessionId);
        return;
      default:
        return;
    }
  };

  /** All since the last report, or undefined where nothing was counted. What is taken is not counted again. */
  take(): Omit<Report, "worker" | "from"> | undefined {
    if (this.#tally.isEmpty && this.#alive.size === 0 && this.#ended.size === 0) return undefined;
    const taken = {
      counts: this.#tally.take(),
      refusals: fairShare(this.#refusals, most.refusals),
      alive: [...this.#alive.values()],
      ended: [...this.#ended],
    };
    this.#refusals = [];
    this.#alive = new Map();
    this.#ended = new Set();
    return taken;
  }
}
