import type { Refusal, Result } from "../base/result.ts";
import { type MillisecondClock, milliseconds, type Seconds, seconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { AssetOrigin } from "../catalog/asset-origin.ts";
import type { Telemetry, TelemetryEvent } from "../metrics/telemetry.ts";
import type { cachingHeaders } from "./freshness.ts";

/** A request to an origin. It contains nothing of the viewer except a range and an entity tag. */
export interface OriginRequest {
  readonly asset: Asset;
  /** Below the asset's prefix, as it is sent: `360p/0.ts`, `a;v=1//0.ts`. */
  readonly path: string;
  /** The origin's own query as it is sent, without `?`; empty if there is none. */
  readonly query: string;
  readonly method: "GET" | "HEAD";
  /** One range of bytes, as `rangeText` spells it. */
  readonly range?: string | undefined;
  /** A well-formed If-None-Match. */
  readonly ifNoneMatch?: string | undefined;
  /**
   * For a playlist, whose URIs resolve against its final URL. Redirects must stay below the asset's prefix, and the
   * response's Content-Location is the final location, relative to that prefix.
   */
  readonly locates?: true;
  /** How long the origin may hold its response beyond its `timeout`, for a blocking reload. */
  readonly hold?: Seconds | undefined;
}

/**
 * Port: the files of an asset. The response is 200, 206 or 304 with no headers except {@link originHeaders} and
 * {@link cachingHeaders}. A range may be answered with the whole file. `range_not_satisfiable` carries the file's size if it
 * is known; `configuration_invalid` means a missing binding or secret.
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

/** The origin headers that are passed on to viewers. */
export const originHeaders = [
  "Content-Type",
  "Content-Length",
  "ETag",
  "Last-Modified",
  "Accept-Ranges",
  "Content-Range",
] as const;

/** The headers of an origin's response that are passed on, or others by their names. */
export function pickHeaders(from: Headers, names: readonly string[] = originHeaders): Headers {
  const headers = new Headers();
  for (const name of names) {
    const value = from.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

/** One origin for all assets, which selects by the asset's type. */
export function originOf(origins: Readonly<Record<AssetOrigin["type"], Origin>>): Origin {
  return (request) => origins[request.asset.origin.type](request);
}

/** The timeout of buckets and folders, which have none in the catalog: the default of HTTP origins. */
const storeTimeout = seconds(10);

/** How long an origin may take for a response and its body. `hold`: see {@link OriginRequest}. */
export function timeoutOf(origin: AssetOrigin, hold = seconds(0)): Seconds {
  return seconds((origin.type === "http" ? origin.timeout : storeTimeout) + hold);
}

type Outcome = Extract<TelemetryEvent, { event: "origin" }>["outcome"];

/**
 * Reports how long each response of an origin took. A missing file counts as answered. A blocking reload is only
 * reported if it fails, because its duration says nothing about the origin.
 */
export function timedOrigin(origin: Origin, telemetry: Telemetry, clock: MillisecondClock): Origin {
  return async (request) => {
    const askedAt = clock();
    const tell = (outcome: Outcome) => {
      if (outcome === "answered" && (request.hold ?? 0) > 0) return;
      // The machine's clock may have been set back.
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
