import type { MediaPurpose } from "../base/media-purpose.ts";
import type { RefusalCode } from "../base/result.ts";
import type { Milliseconds, UnixSeconds } from "../base/time.ts";
import type { OperatorAction } from "./event-log.ts";
import type { Asked, Cause, LiveSession, RecentRefusal, RequestTraits } from "./gathered.ts";

/** Events for metrics. None is secret: subjects and networks are keyed hashes, locations are countries. */
export type TelemetryEvent =
  /** A credential was verified: its kind, and the result (`accepted`, or the refusal's code). */
  | { readonly event: "validated"; readonly by: CredentialKind; readonly outcome: "accepted" | RefusalCode }
  /** A worker refused a request. `asked`: what a viewer asked for; absent for other requests. */
  | ({ readonly event: "refused"; readonly cause: Cause; readonly asked?: Asked | undefined } & Omit<
      RecentRefusal,
      "at"
    >)
  /** A request was served that would be refused if its asset were enforced. */
  | ({ readonly event: "observed"; readonly code: RefusalCode } & RequestTraits)
  /** The identity worker responded with an error status. */
  | { readonly event: "identity_refused"; readonly status: number }
  /** A refresh token was exchanged: rotated, answered again within the grace period, or refused. */
  | { readonly event: "refreshed"; readonly outcome: "rotated" | "replayed" | "refused" }
  /** A refresh token was used a second time: its family was ended. */
  | { readonly event: "reused" }
  /** Something was revoked: a session, subject, asset, token, key or login. */
  | { readonly event: "revoked"; readonly kind: string }
  /** The revocation log was full and left out a viewer's entry. */
  | { readonly event: "unlogged" }
  /** A rate limit refused a request. */
  | { readonly event: "limited"; readonly policy: string }
  /** A subject started a stream: the country (`XX` if unknown), and the hash of the network. */
  | { readonly event: "seen"; readonly subject: string; readonly country: string; readonly network: string }
  /** A file or playlist was served, or a segment's URL was renewed by a redirect. */
  | { readonly event: "served"; readonly what: MediaPurpose; readonly outcome: "served" | "renewed" }
  /** A lookup in the data centre's cache. */
  | { readonly event: "cached"; readonly outcome: "hit" | "miss" }
  /** An origin's response, or its failure, with the time until its headers. */
  | { readonly event: "origin"; readonly outcome: "answered" | "failed" | "slow"; readonly took: Milliseconds }
  /**
   * The manifest worker made a playlist. Measured by the edge, because a worker's clock stops while it computes.
   * `memory`: only rewriting; `origin`: with a wait for the origin.
   */
  | { readonly event: "rewritten"; readonly from: "memory" | "origin"; readonly took: Milliseconds }
  /** A new version of a live playlist was compiled: how long ago its newest part ended. */
  | { readonly event: "live"; readonly delay: Milliseconds }
  /** The age of the revocation snapshot that a request used. */
  | { readonly event: "snapshot"; readonly age: Milliseconds }
  /** A CloudFront Function's KeyValueStore is in step with the revocation log. `store`: its id, from the ARN. */
  | ({ readonly event: "store" } & StoreFullness)
  /** A session has a lease. */
  | ({ readonly event: "alive" } & LiveSession)
  /** A session was ended. */
  | { readonly event: "ended"; readonly sessionId: string; readonly why: Ended }
  /** An operator did or tried something. */
  | ({ readonly event: "acted" } & Omit<OperatorAction, "at">);

/** Why a session ended. `left`: its viewer ended it. */
export type Ended = "revoked" | "taken" | "shared" | "left";

/** How full a KeyValueStore is. */
interface StoreFullness {
  readonly store: string;
  readonly bytes: number;
  readonly capacity: number;
  readonly entries: number;
  /** Entries that had no room. */
  readonly dropped: number;
  readonly inStepAt: UnixSeconds;
}

export type CredentialKind = "jwt" | "introspected" | "identity" | "cookie" | "operator" | "backend" | "none";

/** Port: counts events. Never throws, and is never waited for. */
export type Telemetry = (event: TelemetryEvent) => void;

/** Counts nothing. */
export const noTelemetry: Telemetry = () => undefined;

/** The events of served files. Created once, because one is reported with every segment. */
export const servedEvents = {
  served: eventsOf("served"),
  renewed: eventsOf("renewed"),
};

function eventsOf(outcome: "served" | "renewed"): Readonly<Record<MediaPurpose, TelemetryEvent>> {
  const of = (what: MediaPurpose) => ({ event: "served", what, outcome }) as const;
  return { playlist: of("playlist"), segment: of("segment"), key: of("key"), file: of("file") };
}
