import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type FetchImplementation,
  type JWTVerifyGetKey,
} from "jose";
import { decodeBase64url } from "../base/base64url.ts";
import type { Issuer } from "./issuer.ts";
import type { TrustedIssuer } from "./verify-jwt.ts";

/** How long a fetched JWK Set is used, how seldom an unknown kid may fetch it anew, and how long a fetch may take (ms, as jose takes them). */
const caching = { cacheMaxAge: 600_000, cooldownDuration: 30_000, timeoutDuration: 5_000 };

/** How long (ms) nothing is fetched after a fetch failed: jose bounds the rate of those that succeed alone. */
const pauseAfterFailure = 5_000;

type GivenKeys = NonNullable<Issuer["jwks"]>["keys"];

/**
 * An issuer with its keys: given, or fetched through `fetch`, cached, and fetched again for an unknown kid at a bounded
 * rate, so that tokens with made-up kids cannot make us hammer the provider. `jku`, `x5u` and `jwk` in a token's header
 * are never looked at: keys come from the configuration alone.
 */
export function trustIssuer(settings: Issuer, fetch: typeof globalThis.fetch): TrustedIssuer {
  return { settings, keys: keysOf(settings, fetch) };
}

function keysOf({ algorithms, jwks, jwksUri }: Issuer, fetch: typeof globalThis.fetch): JWTVerifyGetKey {
  if (jwksUri !== undefined)
    return createRemoteJWKSet(new URL(jwksUri), { ...caching, [customFetch]: restingAfterFailure(fetch) });
  const keys = jwks?.keys ?? [];
  return algorithms.includes("HS256") ? secretsOf(keys) : createLocalJWKSet({ keys });
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

function restingAfterFailure(fetch: typeof globalThis.fetch): FetchImplementation {
  let restUntil = 0;
  return async (url, init) => {
    if (Date.now() < restUntil) throw new Error("the last fetch of the JWK Set failed a moment ago");
    let status = 0;
    try {
      const response = await fetch(url, init);
      status = response.status;
      return response;
    } finally {
      if (status !== 200) restUntil = Date.now() + pauseAfterFailure;
    }
  };
}
