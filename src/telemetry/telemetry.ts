import type { RefusalCode } from "../base/refusal.ts";

/** What is worth counting. Nothing of it is secret: subjects are hashes, and places countries. */
export type TelemetryEvent =
  /** A credential was looked at: of which kind, and what came out (`accepted`, or the refusal's code). */
  | { readonly event: "validated"; readonly by: CredentialKind; readonly outcome: "accepted" | RefusalCode }
  | { readonly event: "refused"; readonly worker: string; readonly code: RefusalCode }
  /** A refresh token was traded in: rotated, answered again within the grace, or refused. */
  | { readonly event: "refreshed"; readonly outcome: "rotated" | "replayed" | "refused" }
  /** A refresh token came that had been traded in before: its family was ended. */
  | { readonly event: "reused" }
  | { readonly event: "revoked"; readonly kind: string }
  | { readonly event: "limited"; readonly policy: string }
  /** A subject started a stream: from which country, in the hash of which network. */
  | { readonly event: "seen"; readonly subject: string; readonly country: string; readonly network: string };

export type CredentialKind = "jwt" | "introspected" | "identity" | "cookie" | "operator" | "none";

/** The port to what counts them. It never throws and is never waited for. */
export type Telemetry = (event: TelemetryEvent) => void;
