import { errors, type JSONWebKeySet } from "jose";
import { type Refusal, type Refused, refusal } from "../base/result.ts";
import type { Clock } from "../base/time.ts";
import { publicHalf } from "../keys/key-material.ts";
import { isAccepted, type KeyRing, keysFor } from "../keys/ring.ts";
import type { TokenRefusal } from "./credential.ts";
import { issuerSchema } from "./issuer.ts";
import { keysInSet } from "./jwk-set.ts";
import type { FindKeys, TrustedIssuer } from "./verify-jwt.ts";

/**
 * The issuer of credentials that a ring's keys of one purpose sign: `issuer` is their `iss` and `aud`. Each key is
 * accepted within its validity window and found by the token's kid. Empty if the ring has no such key. A staging key is
 * not valid in production, although the issuer's name is the same.
 */
export function ringIssuers(
  ring: KeyRing,
  purpose: "operator" | "backend",
  issuer: string,
  clock: Clock,
): readonly TrustedIssuer[] {
  const ringKeys = keysFor(ring, purpose);
  if (ringKeys.length === 0) return [];
  const jwks: JSONWebKeySet = { keys: ringKeys.map(publicHalf) };
  const settings = issuerSchema.parse({ issuer, audience: issuer, algorithms: ["ES256"], jwks });
  const find = keysInSet(jwks);
  const keys: FindKeys = async (signed) => {
    const key = ringKeys.find(({ kid }) => kid === signed.kid);
    if (key === undefined || !isAccepted(key, clock())) throw new errors.JWKSNoMatchingKey();
    return find(signed);
  };
  return [{ settings, keys }];
}

export type RingRefusal = Refusal<"token_invalid" | "token_expired" | "store_unavailable">;

/**
 * The refusal of a token of {@link ringIssuers}. If the ring's own keys cannot be used, no provider is the cause.
 * `faults` say what to send instead of an invalid token.
 */
export function ringRefusal({ code, reason }: TokenRefusal, ...faults: readonly string[]): Refused<RingRefusal> {
  if (code === "token_invalid") return refusal(code, reason, ...faults);
  return code === "token_expired" ? refusal(code, reason) : refusal("store_unavailable", reason);
}

/** Whether a kid belongs to a key of these issuers. */
export function isKeyOf(kid: string, issuers: readonly TrustedIssuer[]): boolean {
  return issuers.some(({ settings }) => settings.jwks?.keys.some((key) => key.kid === kid) === true);
}
