import { isObject } from "../base/body-text.ts";
import { makeRoom } from "../base/bounded-map.ts";
import { utf8 } from "../base/encoding.ts";
import { type Refusal, type Refused, type Result, refusal } from "../base/result.ts";
import { after, earlier, seconds, type UnixSeconds } from "../base/time.ts";
import { askJson, type HttpDeps, type NoAnswer } from "./ask-json.ts";
import { readClaims } from "./claims.ts";
import type { TokenRefusal, VerifiedToken } from "./credential.ts";
import type { IntrospectionEndpoint, Issuer } from "./issuer.ts";

/**
 * Called before a provider or the identity worker is asked about a credential. If it refuses, the credential is refused
 * with the same refusal and no request is sent. It is not called for a credential that is verified locally or whose
 * answer is cached.
 */
export type BeforeAsking<Reason extends Refusal> = () => Promise<Result<undefined, Reason>>;

/** Asks an issuer about its tokens. */
export interface Introspection {
  ask<Reason extends Refusal = never>(
    token: string,
    now: UnixSeconds,
    before?: BeforeAsking<Reason>,
  ): Promise<Result<VerifiedToken, TokenRefusal | Reason>>;
  /** Removes this token's cached answer, so that the next request asks the provider again. */
  forget(token: string): void;
}

interface Kept {
  readonly result: Result<VerifiedToken, TokenRefusal>;
  readonly until: UnixSeconds;
}

const limits = { within: seconds(2), longest: 65_536 };
const mostKept = 1000;
/**
 * How many seconds a refusal is cached, if caching is on: repeated attempts with one token cost one request per second.
 */
const refusedFor = 1;
/**
 * After this many failures in a row, no request is sent for a while. A single failure may be caused by one odd token
 * and must not affect others.
 */
const failuresInARow = 3;
const rest = seconds(2);

/**
 * Token introspection (RFC 7662) at one provider, as the client in `endpoint`. An active token's answer is cached for
 * `endpoint.cache` seconds and never past the token's expiry. A refusal is cached for a second, in a separate map, so
 * that forged tokens cannot push out valid ones.
 *
 * The key of the cache is a hash of the token's text. A token may have several spellings; another spelling only costs
 * one more request, and revocations are keyed on claims.
 */
export function introspectionAt(endpoint: IntrospectionEndpoint, settings: Issuer, reach: HttpDeps): Introspection {
  const [active, inactive] = [new Map<string, Kept>(), new Map<string, Kept>()];
  const authorization = basicAuthorization(endpoint);
  let forgotten = 0;
  let failures = 0;
  let restUntil = 0;

  function failed({ why, status }: NoAnswer): Refused<Refusal<"provider_unavailable">> {
    // A 4xx is about the request: odd tokens must not stop introspection of valid ones. The same is true of 429: the
    // provider is up and limits its own load, and one caller's excess must not block all others.
    const isDown = status === undefined || status < 400 || status >= 500;
    failures = isDown ? failures + 1 : 0;
    if (failures >= failuresInARow) restUntil = after(reach.clock(), rest);
    return refusal("provider_unavailable", `the provider's introspection endpoint ${why}`);
  }

  async function ask<Reason extends Refusal = never>(
    token: string,
    now: UnixSeconds,
    before?: BeforeAsking<Reason>,
  ): Promise<Result<VerifiedToken, TokenRefusal | Reason>> {
    const name = reach.sha256(token);
    for (const kept of [active, inactive]) {
      const entry = kept.get(name);
      if (entry !== undefined && now < entry.until) return entry.result;
      kept.delete(name);
    }
    if (reach.clock() < restUntil)
      return refusal("provider_unavailable", "the provider's introspection endpoint failed a moment ago");
    const asOf = forgotten;
    const allowed = before === undefined ? undefined : await before();
    if (allowed?.ok === false) return allowed;
    const body = new URLSearchParams({ token, token_type_hint: "access_token" });
    const headers = { Authorization: authorization, Accept: "application/json" };
    const answer = await askJson(endpoint.url, { method: "POST", headers, body }, reach, limits);
    if (!answer.ok) return failed(answer.refusal);
    failures = 0;
    const result = readAnswer(answer.value, settings, now);
    const until = keptUntil(result, endpoint, now);
    // An answer that was on its way during a `forget` is too old to be cached.
    if (until <= now || asOf !== forgotten) return result;
    const kept = result.ok ? active : inactive;
    makeRoom(kept, mostKept);
    kept.set(name, { result, until });
    return result;
  }

  return {
    ask,
    forget: (token) => {
      forgotten++;
      for (const kept of [active, inactive]) kept.delete(reach.sha256(token));
    },
  };
}

function keptUntil(
  result: Result<VerifiedToken, TokenRefusal>,
  { cache }: IntrospectionEndpoint,
  now: UnixSeconds,
): UnixSeconds {
  if (result.ok) return earlier(after(now, seconds(cache)), result.value.credential.expiresAt);
  // A failed request may succeed next time.
  return result.refusal.code === "provider_unavailable" ? now : after(now, seconds(Math.min(cache, refusedFor)));
}

/**
 * HTTP Basic as OAuth defines it: both halves are form-encoded first (RFC 6749 §2.3.1), so neither contains a colon.
 */
function basicAuthorization({ clientId, clientSecret }: IntrospectionEndpoint): string {
  const pair = [clientId, clientSecret].map((text) => new URLSearchParams({ "": text }).toString().slice(1)).join(":");
  return `Basic ${btoa(String.fromCharCode(...utf8(pair)))}`;
}

/**
 * Reads a provider's introspection response (RFC 7662 §2.2) with the same checks as the claims of a JWT. A response of
 * another form is `provider_unavailable`.
 */
function readAnswer(answer: unknown, settings: Issuer, now: UnixSeconds): Result<VerifiedToken, TokenRefusal> {
  if (!isObject(answer) || typeof answer.active !== "boolean")
    return refusal(
      "provider_unavailable",
      "the provider's introspection answer does not say whether the token is active",
    );
  if (!answer.active) return refusal("token_invalid", "the provider says that the token is not active");
  const { iss, exp, nbf, iat } = answer;
  if (iss !== undefined && iss !== settings.issuer)
    return refusal("token_invalid", "the provider's answer names another issuer");
  if (!isAccessToken(answer)) return refusal("token_invalid", "the provider says that this is no access token");
  if (typeof exp !== "number")
    return refusal("token_invalid", "the provider's answer does not say when the token ends (exp)");
  if ([nbf, iat].some((time) => time !== undefined && typeof time !== "number"))
    return refusal("token_invalid", "the nbf or iat of the provider's answer is no number");
  if (exp <= now - settings.clockTolerance) return refusal("token_expired", "the token has expired");
  if (typeof nbf === "number" && nbf > now + settings.clockTolerance)
    return refusal("token_invalid", "the token is not in force yet (nbf)");
  const read = readClaims(answer, settings, now);
  if (read.ok && isDpop(answer.token_type) && read.value.jkt === undefined)
    return refusal("token_invalid", "the provider's answer does not say which key the DPoP token is bound to");
  return read;
}

/** Providers report refresh tokens as active too, and those live for months. */
function isAccessToken({ token_type: type, token_use: use }: Readonly<Record<string, unknown>>): boolean {
  const isOne = (value: unknown, words: readonly string[]) =>
    value === undefined || (typeof value === "string" && words.includes(value.toLowerCase()));
  return isOne(type, ["bearer", "dpop", "access_token"]) && isOne(use, ["access", "access_token"]);
}

function isDpop(type: unknown): boolean {
  return typeof type === "string" && type.toLowerCase() === "dpop";
}
