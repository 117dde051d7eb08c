import type { Seconds, UnixSeconds } from "./time.ts";

/** The value of an operation, or why it was refused. Exceptions are for bugs. */
export type Result<Value, Reason> = { readonly ok: true; readonly value: Value } | Refused<Reason>;

/** The refused half of a {@link Result}. It is assignable to a result with any type of value. */
export type Refused<Reason> = { readonly ok: false; readonly refusal: Reason };

export function ok<Value>(value: Value): { readonly ok: true; readonly value: Value } {
  return { ok: true, value };
}

export function refuse<Reason>(refusal: Reason): Refused<Reason> {
  return { ok: false, refusal };
}

/**
 * An expected refusal. `code` is stable and public. `reason` is for the log and for `explain`, and never quotes a
 * token, a signature, a key or a query. `http/problems.ts` decides what clients may know of each code.
 *
 * A function lists the codes that it returns, so that the compiler checks them: `Result<Grant, Refusal<"grant_invalid" |
 * "key_unknown">>`.
 */
export type Refusal<Code extends RefusalCode = RefusalCode> =
  | PlainRefusal<Extract<Code, PlainCode>>
  | Extract<DetailedRefusal, { readonly code: Code }>;

/** A refusal with a reason and, if the client can fix the request, its errors. */
export type PlainRefusal<Code extends PlainCode> = {
  readonly code: Code;
  readonly reason: string;
  /**
   * For the client: each names a header, parameter or member and what is allowed there. Unlike `reason` they are public,
   * so they say only what the request itself shows.
   */
  readonly faults?: readonly string[];
};

/** A refusal with details in addition to its reason. */
type DetailedRefusal =
  | { readonly code: "scope_insufficient"; readonly reason: string; readonly scope: string }
  // `unknown`: the members of the place that the asset asks for and nobody told.
  | { readonly code: "place_forbidden"; readonly reason: string; readonly unknown: readonly string[] }
  | { readonly code: "place_not_allowed"; readonly reason: string; readonly unknown: readonly string[] }
  | { readonly code: "stream_limit"; readonly reason: string; readonly running: readonly RunningSession[] }
  | { readonly code: "start_rate_exceeded"; readonly reason: string; readonly retryAfter: Seconds }
  | { readonly code: "rate_limited"; readonly reason: string; readonly retryAfter: Seconds }
  | { readonly code: "asset_invalid"; readonly reason: string; readonly faults: readonly string[] }
  | { readonly code: "revocation_invalid"; readonly reason: string; readonly faults: readonly string[] }
  | { readonly code: "method_unknown"; readonly reason: string; readonly allow: string }
  // `size` is the file's length in bytes, for `Content-Range: bytes */<size>` (RFC 9110 §15.5.17).
  | { readonly code: "range_not_satisfiable"; readonly reason: string; readonly size: number };

/** A session of the refused viewer that is running: it has a lease. */
export interface RunningSession {
  readonly sessionId: string;
  readonly assetId: string;
  readonly startedAt: UnixSeconds;
  /** The time of its last recorded request. */
  readonly seenAt: UnixSeconds;
}

/** Codes of `POST /stream/start`. */
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
  | "player_refused"
  | "entitlement_refused"
  | "provider_unavailable"
  | "asset_revoked"
  | "asset_unknown"
  | "address_unknown"
  | "file_forbidden"
  | "quality_unavailable";

/** Codes of the routes below `/stream/{id}` and of `POST /operator/revocations`. */
type SessionCode = "session_unknown" | "session_forbidden" | "revocation_invalid" | "revocation_unknown";

/** Codes of the checks of a media URL, which precede the request to the origin. */
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

/** Faults of a playlist that the origin sent. */
type PlaylistCode = "playlist_invalid" | "playlist_too_large" | "uri_foreign";

/** Failures of an origin. */
type OriginCode = "object_unknown" | "range_not_satisfiable" | "origin_failed" | "origin_slow";

/** Unknown routes, and failures of this service. */
type ServerCode = "route_unknown" | "configuration_invalid" | "store_unavailable" | "internal_error";

/** Codes of refusals that can do without details. For some codes, details are optional. */
export type PlainCode = StartCode | SessionCode | MediaCode | PlaylistCode | OriginCode | ServerCode;

export type RefusalCode = PlainCode | DetailedRefusal["code"];

/** A refused result with a reason, and the errors that the client can fix. */
export function refusal<Code extends PlainCode>(
  code: Code,
  reason: string,
  ...faults: readonly string[]
): Refused<PlainRefusal<Code>> {
  return { ok: false, refusal: { code, reason, ...(faults.length > 0 && { faults }) } };
}
