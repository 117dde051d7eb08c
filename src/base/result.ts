import type { Seconds, UnixSeconds } from "./time.ts";

/** What an operation came to: its value, or the reason why it was refused. Exceptions are kept for bugs. */
export type Result<Value, Reason> = { readonly ok: true; readonly value: Value } | Refused<Reason>;

/** The refused half of a {@link Result}, which fits a result of any value. */
export type Refused<Reason> = { readonly ok: false; readonly refusal: Reason };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function refuse<Reason>(refusal: Reason): Refused<Reason> {
  return { ok: false, refusal };
}

/**
 * Every expected refusal of Stagedoor. `code` is stable and public; `reason` is for the log and for `explain`: it says
 * what was found in words and never quotes a token, a signature, a key or a query. What the outside may know of each is
 * decided in `http/problem-response.ts` alone.
 */
export type Refusal =
  | Plain<StartCode | SessionCode | MediaCode | PlaylistCode | OriginCode | ServerCode>
  | { readonly code: "scope_insufficient"; readonly reason: string; readonly scope: string }
  | { readonly code: "stream_limit"; readonly reason: string; readonly running: readonly RunningSession[] }
  | { readonly code: "start_rate_exceeded"; readonly reason: string; readonly retryAfter: Seconds }
  | { readonly code: "rate_limited"; readonly reason: string; readonly retryAfter: Seconds }
  | { readonly code: "asset_invalid"; readonly reason: string; readonly faults: readonly string[] }
  // What is wrong with the members of a JSON body, by their names.
  | {
      readonly code: "body_invalid" | "revocation_invalid";
      readonly reason: string;
      readonly faults: readonly string[];
    }
  | { readonly code: "method_unknown"; readonly reason: string; readonly allow: string }
  // Where the file's length in bytes is known, the answer names it: `Content-Range: bytes */<size>` (RFC 9110 §15.5.17).
  | { readonly code: "range_not_satisfiable"; readonly reason: string; readonly size: number };

/** A session of the same viewer that is running: it holds a lease. */
export interface RunningSession {
  readonly sessionId: string;
  readonly assetId: string;
  readonly startedAt: UnixSeconds;
  /** When it last asked for anything, as far as that was written down. */
  readonly seenAt: UnixSeconds;
}

type Plain<Code extends string> = { readonly code: Code; readonly reason: string };

/** What `POST /stream/start` refuses. */
type StartCode =
  | "body_invalid"
  | "request_invalid"
  | "https_required"
  | "token_missing"
  | "token_invalid"
  | "token_expired"
  | "token_revoked"
  | "dpop_proof_invalid"
  | "sign_in_required"
  | "origin_untrusted"
  | "asset_forbidden"
  | "asset_not_yet_available"
  | "asset_no_longer_available"
  | "country_forbidden"
  | "origin_forbidden"
  | "entitlement_refused"
  | "asset_revoked"
  | "asset_unknown"
  | "address_unknown";

/** What the routes below `/stream/{id}` refuse. */
type SessionCode = "session_unknown" | "session_forbidden" | "revocation_invalid" | "revocation_unknown";

/** What the check of a media URL refuses: it is done before an origin is asked for anything. */
type MediaCode =
  | "path_invalid"
  | "signature_missing"
  | "signature_invalid"
  | "signature_expired"
  | "signature_not_yet_valid"
  | "grant_invalid"
  | "grant_expired"
  | "path_not_covered"
  | "method_not_covered"
  | "address_not_covered"
  | "binding_mismatch"
  | "session_revoked"
  | "session_shared"
  | "stream_taken"
  | "key_unknown";

/** What a playlist of the origin is refused for. */
type PlaylistCode = "playlist_invalid" | "playlist_too_large" | "uri_foreign";

/** What an origin answered, or did not. */
type OriginCode = "object_unknown" | "range_not_satisfiable" | "origin_failed" | "origin_slow";

/** Our own side. */
type ServerCode = "route_unknown" | "configuration_invalid" | "store_unavailable" | "internal_error";

export type RefusalCode = Refusal["code"];

/** The codes that need nothing beside their reason. */
export type PlainCode = Exclude<
  RefusalCode,
  "scope_insufficient" | "stream_limit" | "start_rate_exceeded" | "rate_limited" | "asset_invalid" | "method_unknown"
>;

/** A refusal with its reason, ready to be returned from a function that gives a `Result`. */
export function refusal(code: PlainCode, reason: string): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal: { code, reason } };
}
