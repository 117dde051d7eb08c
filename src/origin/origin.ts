import type { Refusal, Result } from "../base/result.ts";
import { type MillisecondClock, milliseconds, type Seconds, seconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { AssetOrigin } from "../catalog/asset-origin.ts";
import type { Telemetry, TelemetryEvent } from "../metrics/telemetry.ts";
import type { cachingHeaders } from "./freshness.ts";

/** What is asked of an origin. It holds nothing of the viewer: no grant, no signature, no header but a range and a tag. */
export interface OriginRequest {
  readonly asset: Asset;
  /** Relative to the asset's prefix, as it goes over the wire: `360p/0.ts`, `a;v=1//0.ts`. */
  readonly path: string;
  /** The origin's own query as it goes over the wire, without `?`; empty where there is none. */
  readonly query: string;
  readonly method: "GET" | "HEAD";
  /** One range of bytes, as `rangeText` spells it; see `byte-range.ts`. */
  readonly range?: string | undefined;
  /** A well-formed If-None-Match; see `entity-tag.ts`. */
  readonly ifNoneMatch?: string | undefined;
  /**
   * For a playlist, whose URIs resolve against the URL that it comes from in the end: redirects have to stay below the
   * asset's prefix, and after one the response says in Content-Location where it led, relative to that prefix.
   */
  readonly locates?: true;
  /** How long the origin may hold its answer beyond its `timeout`: for a playlist that it is to wait for. */
  readonly hold?: Seconds | undefined;
}

/**
 * The port to where an asset's files lie. It answers 200, 206 or 304 with no headers except {@link originHeaders} and
 * {@link cachingHeaders}, or refuses: `object_unknown`, `range_not_satisfiable` (with the file's size where it is known),
 * `origin_failed`, `origin_slow`, and `configuration_invalid` where a binding or a secret is missing. A range may be answered
 * with the whole file.
 */
export type Origin = (request: OriginRequest) => Promise<Result<Response, OriginRefusal>>;

export type OriginRefusal = Refusal<
  | "object_unknown"
  | "range_not_satisfiable"
  | "origin_failed"
  | "origin_slow"
  | "configuration_invalid"
  | "path_invalid"
  | "internal_error"
>;

/** The only headers of an origin that are passed on to viewers. */
export const originHeaders = [
  "Content-Type",
  "Content-Length",
  "ETag",
  "Last-Modified",
  "Accept-Ranges",
  "Content-Range",
] as const;

/** One origin for all assets: it picks the one of the asset's type. */
export function originOf(origins: Readonly<Record<AssetOrigin["type"], Origin>>): Origin {
  return (request) => origins[request.asset.origin.type](request);
}

/** How long a bucket may take, which has no `timeout` in the catalog: as long as an HTTP origin without one. */
const bucketTimeout = seconds(10);

/** How long an origin may take for an answer and its body, where it holds nothing back. */
export function timeoutOf(origin: AssetOrigin): Seconds {
  return origin.type === "http" ? origin.timeout : bucketTimeout;
}

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

function outcomeOf(answer: Result<Response, OriginRefusal>): Outcome {
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
