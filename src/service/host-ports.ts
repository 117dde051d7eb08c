import type { MacPort, RandomBytes, TextHash } from "../base/crypto.ts";
import type { Refusal, Result } from "../base/result.ts";
import { type Milliseconds, milliseconds, systemMillisecondClock, systemTimer, type WaitUntil } from "../base/time.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Log, Reporting } from "../http/problem-response.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { StreamsOf } from "../sessions/lease.ts";
import type { RevocationLog } from "../sessions/revocation.ts";
import { type RevocationWatch, watchRevocations } from "../sessions/revocation-watch.ts";

/**
 * Answers every request of its service. `target` is the path and query as they were on the wire, for a host whose
 * `Request` has a URL that was normalized; by default they are those of the URL.
 */
export type AnswerRequest = (request: Request, waitUntil: WaitUntil, target?: string) => Promise<Response>;

/** What every service gets from its host: a worker or a Node process. */
export interface HostPorts {
  readonly telemetry: Telemetry;
  readonly log: Log;
  readonly onRefusal: (refusal: Refusal) => void;
  readonly reporting: Reporting;
  readonly random: RandomBytes;
  /** The host's fastest HMAC-SHA256. */
  readonly hmac: MacPort;
  readonly sha256: TextHash;
  readonly catalog: () => Promise<Result<Catalog, CatalogUnavailable>>;
}

/** The stores of sessions, with a copy of the revocation log in memory. */
export interface SessionStores {
  readonly revocations: RevocationWatch;
  readonly log: RevocationLog;
  readonly streams: StreamsOf;
}

/** The session stores of a service, created once: it follows `log` by the settings. */
export function watchedStores(
  { log, streams }: Pick<SessionStores, "log" | "streams">,
  { revocationMaxAge, storeFailure }: Pick<Configuration, "revocationMaxAge" | "storeFailure">,
  { onRefusal, telemetry }: Pick<HostPorts, "onRefusal" | "telemetry">,
): SessionStores {
  const onAge = (age: Milliseconds) => telemetry({ event: "snapshot", age });
  const revocations = watchRevocations({
    log,
    clock: systemMillisecondClock,
    timer: systemTimer,
    maxAge: milliseconds(revocationMaxAge * 1000),
    failure: storeFailure,
    onFailure: onRefusal,
    onAge,
  });
  return { log, revocations, streams };
}

/** Counts entries of viewers that a full revocation log skipped. */
export function countSkipped(telemetry: Telemetry): (count: number) => void {
  return (count) => {
    for (let i = 0; i < count; i++) telemetry({ event: "unlogged" });
  };
}
