import { makeRoom } from "../base/oldest-out.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import { after, earlier, seconds, type UnixSeconds } from "../base/seconds.ts";
import { utf8 } from "../base/utf8.ts";
import { askJson, type NoAnswer, type Reach } from "./ask-json.ts";
import { readAnswer } from "./introspection-answer.ts";
import type { IntrospectionEndpoint, Issuer } from "./issuer.ts";
import type { VerifiedToken } from "./verified-token.ts";

/** What an issuer says about its tokens, asked when they come. */
export interface Introspection {
  /** `token_invalid`, `token_expired`; `store_unavailable` where the provider does not answer. */
  ask(token: string, now: UnixSeconds): Promise<Result<VerifiedToken, Refusal>>;
  /** Forgets what was kept of this token: who asks next hears what the provider says by then. */
  forget(token: string): void;
}

const limits = { within: seconds(2), longest: 65_536 };
const mostKept = 1000;
/** So many failures in a row, and nobody asks for that long: one alone may be a token's own doing, and must not shut others out. */
const failuresInARow = 3;
const rest = seconds(2);

/**
 * Token introspection (RFC 7662) at one provider, as the client that `endpoint` names. An answer that a token is active is
 * kept for `endpoint.cache` seconds and never past the token's end; one that it is not is not kept at all.
 *
 * Answers are kept under a hash of the token's text. That is sound though a token may have several spellings: each is asked
 * for by itself, so another spelling costs a question and gains nothing; what forbids tokens is keyed on their claims.
 */
export function introspectionAt(endpoint: IntrospectionEndpoint, settings: Issuer, reach: Reach): Introspection {
  const kept = new Map<string, { readonly result: Result<VerifiedToken, Refusal>; readonly until: UnixSeconds }>();
  const authorization = basicAuthorization(endpoint);
  let forgotten = 0;
  let failures = 0;
  let restUntil = 0;

  function failed({ why, status }: NoAnswer): Result<VerifiedToken, Refusal> {
    // An answer of 4xx is about the question: who sends odd tokens must not stop us from asking about sound ones.
    const isDown = status === undefined || status < 400 || status >= 500 || status === 429;
    failures = isDown ? failures + 1 : 0;
    if (failures >= failuresInARow) restUntil = after(reach.clock(), rest);
    return refusal("store_unavailable", `the provider's introspection endpoint ${why}`);
  }

  async function ask(token: string, now: UnixSeconds): Promise<Result<VerifiedToken, Refusal>> {
    const name = reach.sha256(token);
    const found = kept.get(name);
    if (found !== undefined && now < found.until) return found.result;
    kept.delete(name);
    if (reach.clock() < restUntil)
      return refusal("store_unavailable", "the provider's introspection endpoint failed a moment ago");
    const asOf = forgotten;
    const body = new URLSearchParams({ token, token_type_hint: "access_token" });
    const headers = { Authorization: authorization, Accept: "application/json" };
    const answer = await askJson(endpoint.url, { method: "POST", headers, body }, reach, limits);
    if (!answer.ok) return failed(answer.refusal);
    failures = 0;
    const result = readAnswer(answer.value, endpoint, settings, now);
    if (!result.ok) return result;
    const until = earlier(after(now, seconds(endpoint.cache)), result.value.credential.expiresAt);
    // An answer that was on its way when somebody had it forgotten is as old as the one that he meant.
    if (until <= now || asOf !== forgotten) return result;
    makeRoom(kept, mostKept);
    kept.set(name, { result, until });
    return result;
  }

  return {
    ask,
    forget: (token) => {
      forgotten++;
      kept.delete(reach.sha256(token));
    },
  };
}

/** HTTP Basic as OAuth writes it: both halves are form-encoded first (RFC 6749 §2.3.1), so that neither can hold a colon. */
function basicAuthorization({ clientId, clientSecret }: IntrospectionEndpoint): string {
  const pair = [clientId, clientSecret].map((text) => new URLSearchParams({ "": text }).toString().slice(1)).join(":");
  return `Basic ${btoa(String.fromCharCode(...utf8(pair)))}`;
}
