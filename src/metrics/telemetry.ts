import type { MediaPurpose } from "../base/constants.ts";
import type { RefusalCode } from "../base/result.ts";
import type { Milliseconds } from "../base/time.ts";
import type { LiveSession, RecentRefusal } from "./gathered.ts";

/** What is worth counting. Nothing of it is secret: subjects and networks are keyed hashes, places are countries. */
export type TelemetryEvent =
  /** A credential was looked at: of which kind, and what came out (`accepted`, or the refusal's code). */
  | { readonly event: "validated"; readonly by: CredentialKind; readonly outcome: "accepted" | RefusalCode }
  /** A worker refused a request. */
  | ({ readonly event: "refused" } & Omit<RecentRefusal, "at">)
  /** The identity worker answered with another status than a success. */
  | { readonly event: "identity_refused"; readonly status: number }
  /** A refresh token was traded in: rotated, answered again within the grace, or refused. */
  | { readonly event: "refreshed"; readonly outcome: "rotated" | "replayed" | "refused" }
  /** A refresh token came that had been traded in before: its family was ended. */
  | { readonly event: "reused" }
  /** Something was revoked: a session, subject, asset, token, key or login. */
  | { readonly event: "revoked"; readonly kind: string }
  /** The revocation log was full, and left out an entry of a viewer's. */
  | { readonly event: "unlogged" }
  /** A rate limit refused a request. */
  | { readonly event: "limited"; readonly policy: string }
  /** A subject started a stream: from which country (`XX` where nobody says), in the hash of which network. */
  | { readonly event: "seen"; readonly subject: string; readonly country: string; readonly network: string }
  /** A file or playlist was served, or a segment's URL renewed by redirect. */
  | { readonly event: "served"; readonly what: MediaPurpose; readonly outcome: "served" | "renewed" }
  /** The data centre's cache was asked for a file. */
  | { readonly event: "cached"; readonly outcome: "hit" | "miss" }
  /** An origin answered, or did not: how long it took until its headers came. */
  | { readonly event: "origin"; readonly outcome: "answered" | "failed" | "slow"; readonly took: Milliseconds }
  /**
   * The manifest worker made a playlist, as the edge measured it around it, since a worker's own clock stands still while it
   * computes: from what the worker had at hand (that is the rewriting), or with the origin's answer to wait for.
   */
  | { readonly event: "rewritten"; readonly from: "memory" | "origin"; readonly took: Milliseconds }
  /** How old the revocation snapshot was that a request went by. */
  | { readonly event: "snapshot"; readonly age: Milliseconds }
  /** A session holds a lease. */
  | ({ readonly event: "alive" } & LiveSession)
  /** A session was ended. */
  | { readonly event: "ended"; readonly sessionId: string };

export type CredentialKind = "jwt" | "introspected" | "identity" | "cookie" | "operator" | "none";

/** The port to what counts them. It never throws and is never waited for. */
export type Telemetry = (event: TelemetryEvent) => void;

/** For who counts nothing. */
export const noTelemetry: Telemetry = () => undefined;
