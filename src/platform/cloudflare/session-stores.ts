import type { Refusal } from "../../base/result.ts";
import { type Milliseconds, milliseconds, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import type { Configuration } from "../../config/configuration.ts";
import type { Telemetry } from "../../metrics/telemetry.ts";
import type { StreamsOf } from "../../sessions/lease.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import { type RevocationWatch, watchRevocations } from "../../sessions/revocation-watch.ts";
import type { EdgeCache } from "./edge-cache.ts";
import type { SubjectLeases } from "./leases-object.ts";
import { streamsOf } from "./object-clients.ts";
import { revocationLog } from "./revocation-log.ts";
import type { RevocationLog as RevocationLogObject } from "./revocation-object.ts";

/** The Durable Objects that store sessions. */
export interface SessionBindings {
  readonly REVOCATION_LOG: DurableObjectNamespace<RevocationLogObject>;
  readonly SUBJECT_LEASES: DurableObjectNamespace<SubjectLeases>;
}

export interface SessionStores {
  readonly revocations: RevocationWatch;
  readonly log: RevocationLog;
  readonly streams: StreamsOf;
}

/** A worker's session stores, wired once per isolate. */
export function sessionStores(
  bindings: SessionBindings,
  cache: EdgeCache,
  settings: Pick<Configuration, "mediaUrl" | "revocationMaxAge" | "storeFailure">,
  onFailure: (refusal: Refusal) => void,
  telemetry: Telemetry,
): SessionStores {
  const clock = systemMillisecondClock;
  const onSkipped = (count: number) => {
    for (let i = 0; i < count; i++) telemetry({ event: "unlogged" });
  };
  const log = revocationLog({ objects: bindings.REVOCATION_LOG, cache, mediaUrl: settings.mediaUrl, clock, onSkipped });
  const maxAge = milliseconds(settings.revocationMaxAge * 1000);
  const failure = settings.storeFailure;
  const onAge = (age: Milliseconds) => telemetry({ event: "snapshot", age });
  return {
    log,
    revocations: watchRevocations({ log, clock, timer: systemTimer, maxAge, failure, onFailure, onAge }),
    streams: streamsOf(bindings.SUBJECT_LEASES),
  };
}
