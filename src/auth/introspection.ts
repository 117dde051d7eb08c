import { makeRoom } from "../base/bounded-map.ts";
import { utf8 } from "../base/encoding.ts";
import { type Refusal, type Result, refusal } from "../base/result.ts";
import { after, earlier, seconds, type UnixSeconds } from "../base/time.ts";
import { askJson, type HttpDeps, type NoAnswer } from "./ask-json.ts";
import { isObject, readClaims } from "./claims.ts";
import type { VerifiedToken } from "./credential.ts";
import type { IntrospectionEndpoint, Issuer } from "./issuer.ts";

/**
 * Called before somebody else is asked about a credential: a provider, or the identity worker. What it refuses, the credential
 * is refused for, and nobody is asked. A credential that is judged here, or whose answer is kept, does not call it.
 */
export type BeforeAsking = () => Promise<Result<undefined, Refusal>>;

/** What an issuer says about its tokens, asked when they come. */
export interface Introspection {
  /** `token_invalid`, `token_expired`; `store_unavailable` where the provider does not answer. */
  ask(token: string, now: UnixSeconds, before?: BeforeAsking): Promise<Result<VerifiedToken, Refusal>>;
  /** Forgets what was kept of this token: who asks next hears what the provider says by then. */
  forget(token: string): void;
}

interface Kept {
  readonly result: Result<VerifiedToken, Refusal>;
  readonly until: UnixSeconds;
}

const limits = { within: seconds(2), longest: 65_536 };
const mostKept = 1000;
/** For how long one that a token is not in force is kept, where answers are kept: who hammers with it asks once a second. */
const refusedFor = 1;
/** So many failures in a row, and nobody asks for that long: one alone may be a token's own doing, and must not shut others out. */
const failuresInARow = 3;
const rest = seconds(2);

/**
 * Token introspection (RFC 7662) at one provider, as the client that `endpoint` names. An answer that a token is active is
 * kept for `endpoint.cache` seconds and never past the token's end; one that it is not for a second, and apart from those, so
 * that a stranger's made-up tokens push nobody's out.
 *
 * Answers are kept under a hash of the token's text. That is sound though a token may have several spellings: each is asked
 * for by itself, so another spelling costs a question and gains nothing; what forbids tokens is keyed on their claims.
 */
export function introspectionAt(endpoint: IntrospectionEndpoint, settings: Issuer, reach: HttpDeps): Introspection {
  const [taken, refused] = [new Map<string, Kept>(), new Map<string, Kept>()];
  const authorization = basicAuthorization(endpoint);
  let forgotten = 0;
  let failures = 0;
  let restUntil = 0;

  function failed({ why, status }: NoAnswer): Result<VerifiedToken, Refusal> {
    // An answer of 4xx is about the question: who sends odd tokens must not stop us from asking about sound ones. So is 429:
    // the provider is up and answers as many as it likes, and who made too many of them must not have us ask about none.
    const isDown = status === undefined || status < 400 || status >= 500;
    failures = isDown ? failures + 1 : 0;
    if (failures >= failuresInARow) restUntil = after(reach.clock(), rest);
    return refusal("store_unavailable", `the provider's introspection endpoint ${why}`);
  }

  async function ask(token: string, now: UnixSeconds, before?: BeforeAsking): Promise<Result<VerifiedToken, Refusal>> {
    const name = reach.sha256(token);
    for (const kept of [taken, refused]) {
      const found = kept.get(name);
      if (found !== undefined && now < found.until) return found.result;
      kept.delete(name);
    }
    if (reach.clock() < restUntil)
      return refusal("store_unavailable", "the provider's introspection endpoint failed a moment ago");
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
    // An answer that was on its way when somebody had it forgotten is as old as the one that he meant.
    if (until <= now || asOf !== forgotten) return result;
    const kept = result.ok ? taken : refused;
    makeRoom(kept, mostKept);
    kept.set(name, { result, until });
    return result;
  }

  return {
    ask,
    forget: (token) => {
      forgotten++;
      for (const kept of [taken, refused]) kept.delete(reach.sha256(token));
    },
  };
}

function keptUntil(
  result: Result<VerifiedToken, Refusal>,
  { cache }: IntrospectionEndpoint,
  now: UnixSeconds,
): UnixSeconds {
  if (result.ok) return earlier(after(now, seconds(cache)), result.value.credential.expiresAt);
  // What is no answer at all may be one the next time.
  return result.refusal.code === "store_unavailable" ? now : after(now, seconds(Math.min(cache, refusedFor)));
}

/** HTTP Basic as OAuth writes it: both halves are form-encoded first (RFC 6749 §2.3.1), so that neither can hold a colon. */
function basicAuthorization({ clientId, clientSecret }: IntrospectionEndpoint): string {
  const pair = [clientId, clientSecret].map((text) => new URLSearchParams({ "": text }).toString().slice(1)).join(":");
  return `Basic ${btoa(String.fromCharCode(...utf8(pair)))}`;
}

/**
 * What a provider's answer (RFC 7662 §2.2) makes of a token: the checks of a JWT's claims, on claims that the provider
 * says in place of a signature. `token_invalid`, `token_expired`; `store_unavailable` for what is no answer of that kind.
 */
function readAnswer(answer: unknown, settings: Issuer, now: UnixSeconds): Result<VerifiedToken, Refusal> {
  if (!isObject(answer) || typeof answer.active !== "boolean")
    return refusal("store_unavailable", "the provider's introspection answer does not say whether the token is active");
  if (!answer.active) return refusal("token_invalid", "the provider says that the token is not active");
  const { iss, exp, nbf, iat } = answer;
  if (iss !== undefined && iss !== settings.issuer)
    return refusal("token_invalid", "the provider's answer names another issuer");
  if (!isAccessToken(answer)) return refusal("token_invalid", "the provider says that this is no access token");
  if (typeof exp !== "number")
    return refusal("token_invalid", "the provider's answer does not say when the token ends (exp)");
  if ([nbf, iat].some((time) => time !== undefined && typeof time !== "number"))
    return refusal("token_invalid", "the nbf or iat of the provider's answer is no number");
  if (exp <= now - settings.clockTolerance) return refusal("token_expired", "the token has ended");
  if (typeof nbf === "number" && nbf > now + settings.clockTolerance)
    return refusal("token_invalid", "the token is not in force yet (nbf)");
  const read = readClaims(answer, settings, now);
  if (read.ok && isDpop(answer.token_type) && read.value.jkt === undefined)
    return refusal("token_invalid", "the provider's answer does not say which key the DPoP token is bound to");
  return read;
}

/** A provider calls a refresh token active too, and it lives for months. */
function isAccessToken({ token_type: type, token_use: use }: Readonly<Record<string, unknown>>): boolean {
  const isOne = (value: unknown, words: readonly string[]) =>
    value === undefined || (typeof value === "string" && words.includes(value.toLowerCase()));
  return isOne(type, ["bearer", "dpop", "access_token"]) && isOne(use, ["access", "access_token"]);
}

function isDpop(type: unknown): boolean {
  return typeof type === "string" && type.toLowerCase() === "dpop";
}
