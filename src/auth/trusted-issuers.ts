import { errors } from "jose";
import { decodeBase64url } from "../base/encoding.ts";
import { type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { HttpDeps } from "./ask-json.ts";
import type { VerifiedToken } from "./credential.ts";
import { type BeforeAsking, introspectionAt } from "./introspection.ts";
import type { Issuer } from "./issuer.ts";
import { fetchedKeys, keysInSet } from "./jwk-set.ts";
import { type AskedIssuer, type FindKeys, type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/** What tokens are verified with, made once an isolate. */
export interface TokenSources {
  readonly issuers: readonly TrustedIssuer[];
}

/**
 * Verifies a token by the one issuer that it can be of: a JWS by the `iss` it names, an opaque one by what it begins with,
 * where several issuers give out such. No issuer is ever sent a token of another. `token_invalid`, `token_expired`;
 * `store_unavailable` where that issuer, or its keys, cannot be had.
 */
export async function verifyToken(
  token: string,
  form: "jws" | "opaque",
  { issuers }: TokenSources,
  now: UnixSeconds,
  before?: BeforeAsking,
): Promise<Result<VerifiedToken, Refusal>> {
  if (form === "jws") return verifyJwt(token, issuers, now, before);
  const issuer = issuerOfOpaque(token, issuers);
  if (issuer === undefined) return refusal("token_invalid", "the token is opaque, and no issuer here gives out such");
  return issuer.introspection.ask(token, now, before);
}

/** The prefix by which an opaque token is a named issuer's; "" where its issuer takes whatever has none; undefined for nobody's. */
export function prefixOf(token: string, { issuers }: TokenSources): string | undefined {
  const issuer = issuerOfOpaque(token, issuers);
  return issuer === undefined ? undefined : (issuer.settings.tokenPrefix ?? "");
}

function issuerOfOpaque(token: string, issuers: readonly TrustedIssuer[]): AskedIssuer | undefined {
  return issuers.filter(isAsked).find(({ settings }) => token.startsWith(settings.tokenPrefix ?? ""));
}

/** Forgets what is kept of a token between requests. */
export function forgetToken(token: string, { issuers }: TokenSources): void {
  for (const { introspection } of issuers.filter(isAsked)) introspection.forget(token);
}

function isAsked(issuer: TrustedIssuer): issuer is AskedIssuer {
  return "introspection" in issuer;
}

/** An issuer with what its tokens are verified by: its keys, or its answers. Made once an isolate: both are kept there. */
export function trustIssuer(settings: Issuer, reach: HttpDeps): TrustedIssuer {
  const { introspection } = settings;
  return introspection === undefined
    ? { settings, keys: keysOf(settings, reach) }
    : { settings, introspection: introspectionAt(introspection, settings, reach) };
}

type GivenKeys = NonNullable<Issuer["jwks"]>["keys"];

/**
 * What finds an issuer's keys: those that were given, or those of its JWK Set's address. `jku`, `x5u` and `jwk` in a
 * token's header are never looked at: keys come from the configuration alone.
 */
function keysOf({ jwks, jwksUri }: Issuer, reach: HttpDeps): FindKeys {
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
