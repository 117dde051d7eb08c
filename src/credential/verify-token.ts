import { type Refusal, refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { BeforeAsking } from "./introspection.ts";
import type { VerifiedToken } from "./verified-token.ts";
import { type AskedIssuer, type TrustedIssuer, verifyJwt } from "./verify-jwt.ts";

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
