import { errors } from "jose";
import { decodeBase64url } from "../base/encoding.ts";
import { type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { HttpDeps } from "./ask-json.ts";
import type { TokenRefusal, VerifiedToken } from "./credential.ts";
import { type BeforeAsking, introspectionAt } from "./introspection.ts";
import type { Issuer } from "./issuer.ts";
import { fetchedKeys, keysInSet } from "./jwk-set.ts";
import { type FindKeys, type IntrospectedIssuer, type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

/** The dependencies for verifying tokens, created once per isolate. */
export interface TokenSources {
  readonly issuers: readonly TrustedIssuer[];
}

/**
 * Verifies a token with its one possible issuer: a JWS by its `iss`, an opaque token by its prefix if several issuers
 * use introspection. No issuer ever receives a token of another.
 */
export async function verifyToken<Reason extends Refusal = never>(
  token: string,
  form: "jws" | "opaque",
  { issuers }: TokenSources,
  now: UnixSeconds,
  before?: BeforeAsking<Reason>,
): Promise<Result<VerifiedToken, TokenRefusal | Reason>> {
  if (form === "jws") return verifyJwt(token, issuers, now, before);
  const issuer = issuerOfOpaque(token, issuers);
  if (issuer === undefined)
    return refusal("token_invalid", "the token is opaque, and no trusted issuer issues such tokens");
  return issuer.introspection.ask(token, now, before);
}

/**
 * The prefix that assigns an opaque token to its issuer; "" if the issuer accepts tokens without a prefix; undefined if
 * no issuer matches.
 */
export function prefixOf(token: string, { issuers }: TokenSources): string | undefined {
  const issuer = issuerOfOpaque(token, issuers);
  return issuer === undefined ? undefined : (issuer.settings.tokenPrefix ?? "");
}

function issuerOfOpaque(token: string, issuers: readonly TrustedIssuer[]): IntrospectedIssuer | undefined {
  return issuers.filter(isIntrospected).find(({ settings }) => token.startsWith(settings.tokenPrefix ?? ""));
}

/** Removes a token's cached answers. */
export function forgetToken(token: string, { issuers }: TokenSources): void {
  for (const { introspection } of issuers.filter(isIntrospected)) introspection.forget(token);
}

function isIntrospected(issuer: TrustedIssuer): issuer is IntrospectedIssuer {
  return "introspection" in issuer;
}

/** An issuer with its keys or its introspection endpoint. Created once per isolate, because both keep a cache. */
export function trustIssuer(settings: Issuer, reach: HttpDeps): TrustedIssuer {
  const { introspection } = settings;
  return introspection === undefined
    ? { settings, keys: keysOf(settings, reach) }
    : { settings, introspection: introspectionAt(introspection, settings, reach) };
}

type GivenKeys = NonNullable<Issuer["jwks"]>["keys"];

/**
 * Finds an issuer's keys: the configured ones, or those of its JWK Set's address. `jku`, `x5u` and `jwk` in a token's
 * header are ignored: keys come from the configuration only.
 */
function keysOf({ jwks, jwksUri }: Issuer, reach: HttpDeps): FindKeys {
  if (jwksUri !== undefined) return fetchedKeys(jwksUri, reach);
  const keys = jwks?.keys ?? [];
  // The settings do not allow other keys in addition to a secret.
  return keys.some(({ kty }) => kty === "oct") ? secretsOf(keys) : keysInSet({ keys });
}

/** Secrets by kid, because jose's JWK Sets ignore them. */
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
