import type { RefusalCode } from "../base/refusal.ts";

/** What is worth counting. Nothing of it is secret: subjects and networks are keyed hashes, places are countries. */
export type TelemetryEvent =
  /** A credential was looked at: of which kind, and what came out (`accepted`, or the refusal's code). */
  | { readonly event: "validated"; readonly by: CredentialKind; readonly outcome: "accepted" | RefusalCode }
  /** A worker refused a request. */
  | { readonly event: "refused"; readonly worker: string; readonly code: RefusalCode }
  /** The identity worker answered with another status than a success. */
  | { readonly event: "identity_refused"; readonly status: number }
  /** A refresh token was traded in: rotated, answered again within the grace, or refused. */
  | { readonly event: "refreshed"; readonly outcome: "rotated" | "replayed" | "refused" }
  /** A refresh token came that had been traded in before: its family was ended. */
  | { readonly event: "reused" }
  /** Something was revoked: a session, subject, asset, token, key or login. */
  | { readonly event: "revoked"; readonly kind: string }
  /** A rate limit refused a request. */
  | { readonly event: "limited"; readonly policy: string }
  /** A subject started a stream: from which country (`XX` where nobody says), in the hash of which network. */
  | { readonly event: "seen"; readonly subject: string; readonly country: string; readonly network: string };

export type CredentialKind = "jwt" | "introspected" | "identity" | "cookie" | "operator" | "none";

/** The port to what counts them. It never throws and is never waited for. */
export type Telemetry = (event: TelemetryEvent) => void;

/** For who counts nothing. */
export const noTelemetry: Telemetry = () => undefined;
