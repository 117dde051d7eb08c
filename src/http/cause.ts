import type { RefusalCode } from "../base/result.ts";
import type { Cause } from "../metrics/gathered.ts";
import { isRefusalCode, problemFor } from "./problems.ts";

/**
 * The causes that a code's status does not show. A code of one viewer's mistake may be here: if many requests have it,
 * the cause is this one, and alerts and the console's headline wait for many.
 */
const named: Partial<Readonly<Record<RefusalCode, Cause>>> = {
  // The keys that sign and those that verify do not fit.
  key_unknown: "ours",
  grant_invalid: "ours",
  signature_invalid: "ours",
  signature_not_yet_valid: "ours",
  // Something in front of this service hides addresses.
  address_unknown: "ours",
  // The tokens of everybody have other keys, another audience or no scope.
  provider_unavailable: "provider",
  token_invalid: "provider",
  scope_insufficient: "provider",
  // The catalog names what the origin does not have, or the origin's playlists changed.
  object_unknown: "origin",
  playlist_invalid: "origin",
  playlist_too_large: "origin",
  uri_foreign: "origin",
  origin_failed: "origin",
  origin_slow: "origin",
};

/** Whose fault a refusal is. A code of another version counts as the viewer's. */
export function causeOf(code: string): Cause {
  if (!isRefusalCode(code)) return "viewer";
  return named[code] ?? (isFailure(code) ? "ours" : "viewer");
}

/** Whether one refusal with this code shows that something is broken: its status is 5xx. */
export function isFailure(code: string): boolean {
  return isRefusalCode(code) && problemFor(code).status >= 500;
}
