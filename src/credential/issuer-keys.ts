import { errors } from "jose";
import { decodeBase64url } from "../base/base64url.ts";
import type { Reach } from "./ask-json.ts";
import type { Issuer } from "./issuer.ts";
import { fetchedKeys, keysInSet } from "./jwk-set.ts";
import type { FindKeys } from "./verify-jwt.ts";

type GivenKeys = NonNullable<Issuer["jwks"]>["keys"];

/**
 * What finds an issuer's keys: those that were given, or those of its JWK Set's address. `jku`, `x5u` and `jwk` in a
 * token's header are never looked at: keys come from the configuration alone.
 */
export function keysOf({ jwks, jwksUri }: Issuer, reach: Reach): FindKeys {
  if (jwksUri !== undefined) return fetchedKeys(jwksUri, reach);
  const keys = jwks?.keys ?? [];
  // The settings allow no others in addition to a secret.
  return keys.some(({ kty }) => kty === "oct") ? secretsOf(keys) : keysInSet({ keys });
}

/** Secrets by kid, which jose's JWK Sets leave out. */
function secretsOf(keys: GivenKeys): FindKeys {
  const secrets = keys.flatMap(({ kid, k }) => {
    const secret = typeof k === "string" ? decodeBase64url(k) : undefined;
    return secret === undefined ? [] : [{ kid, secret }];
  });
  return async ({ kid }) => {
    const fitting = secrets.filter((one) => kid === undefined || one.kid === kid).map(({ secret }) => secret);
    if (fitting.length === 0) throw new errors.JWKSNoMatchingKey();
    return fitting;
  };
}
