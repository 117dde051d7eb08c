import type { Reach } from "./ask-json.ts";
import { introspectionAt } from "./introspection.ts";
import type { Issuer } from "./issuer.ts";
import { keysOf } from "./issuer-keys.ts";
import type { TrustedIssuer } from "./verify-jwt.ts";

/** An issuer with what its tokens are verified by: its keys, or its answers. Made once an isolate: both are kept there. */
export function trustIssuer(settings: Issuer, reach: Reach): TrustedIssuer {
  const { introspection } = settings;
  return introspection === undefined
    ? { settings, keys: keysOf(settings, reach) }
    : { settings, introspection: introspectionAt(introspection, settings, reach) };
}
