import { createLocalJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { decodeBase64url } from "../base/base64url.ts";
import type { Reach } from "./ask-json.ts";
import type { Issuer } from "./issuer.ts";
import { fetchedKeys } from "./jwk-set.ts";

type GivenKeys = NonNullable<Issuer["jwks"]>["keys"];

/**
 * What finds an issuer's keys: those that were given, or those of its JWK Set's address. `jku`, `x5u` and `jwk` in a
 * token's header are never looked at: keys come from the configuration alone.
 */
export function keysOf({ jwks, jwksUri }: Issuer, reach: Reach): JWTVerifyGetKey {
  if (jwksUri !== undefined) return fetchedKeys(jwksUri, reach);
  const keys = jwks?.keys ?? [];
  // The settings allow no others beside a secret.
  return keys.some(({ kty }) => kty === "oct") ? secretsOf(keys) : createLocalJWKSet({ keys });
}

/** Secrets by kid, which jose's JWK Sets leave out. A token without a kid is taken where there is one secret alone. */
function secretsOf(keys: GivenKeys): JWTVerifyGetKey {
  return async ({ kid }) => {
    const [key, ...others] = kid === undefined ? keys : keys.filter((candidate) => candidate.kid === kid);
    const secret = typeof key?.k !== "string" || others.length > 0 ? undefined : decodeBase64url(key.k);
    if (secret === undefined) throw new errors.JWKSNoMatchingKey();
    return secret;
  };
}
