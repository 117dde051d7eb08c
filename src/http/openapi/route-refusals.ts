import type { RefusalCode } from "../../base/refusal.ts";

type Codes = readonly RefusalCode[];

/**
 * A viewer's credential is read, and whoever vouches for it is asked (`credential/validate-presented.ts`). The body is read
 * first, on every method: one that breaks off, is too long or is not UTF-8 is refused (`base/body-text.ts`).
 */
const credential: Codes = [
  ...([
    "body_invalid",
    "request_invalid",
    "token_missing",
    "token_invalid",
    "token_expired",
    "dpop_proof_invalid",
  ] as const),
  ...(["sign_in_required", "origin_untrusted", "store_unavailable"] as const),
];

/** The asset is decided about, with all that it asks for beside a credential (`flows/session/start-stream.ts`). */
const decision: Codes = [
  ...(["scope_insufficient", "asset_forbidden", "asset_unknown"] as const),
  ...(["asset_not_yet_available", "asset_no_longer_available", "country_forbidden", "origin_forbidden"] as const),
  ...(["token_revoked", "asset_revoked", "entitlement_refused"] as const),
  ...(["address_unknown", "stream_limit", "start_rate_exceeded"] as const),
];

/** Why a session that was begun is over. */
const ended: Codes = ["session_revoked", "session_shared", "stream_taken"];

/** A viewer's own session (`flows/session/authorize.ts`). */
export const ownSession: Codes = [
  ...credential,
  ...([
    "session_unknown",
    "session_forbidden",
    "grant_invalid",
    "grant_expired",
    "key_unknown",
    "rate_limited",
  ] as const),
];

export const started: Codes = ["rate_limited", ...credential, ...decision];
export const renewed: Codes = [...ownSession, ...decision, ...ended];

/** An operator's credential (`flows/session/authorize-operator.ts`). A cookie makes none, but a faulty one is refused. */
export const operator: Codes = [
  ...(["body_invalid", "request_invalid", "token_missing", "token_invalid", "token_expired", "token_revoked"] as const),
  ...(["dpop_proof_invalid", "sign_in_required", "scope_insufficient", "store_unavailable"] as const),
];
