import type { RatePolicy } from "../auth/rate-limit.ts";
import { isJws } from "../auth/read-credential.ts";
import { isCountry } from "../base/country.ts";
import { ok, type Refusal, type Result, refuse } from "../base/result.ts";
import { after, earlier, type UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { type Claiming, forbiddenAmong, placeOf } from "../sessions/claim-lease.ts";
import { addressName, lastingSubject } from "../sessions/identifiers.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { type StartCheck, startChecks, type Terms } from "../sessions/start-checks.ts";
import { pasted } from "./explain/explain-text.ts";
import { examineToken } from "./explain/explain-token.ts";
import { type Explanation, fails, holds, networkWords, type Step, shown, told, when } from "./explain/explanation.ts";
import type { OperatorContext } from "./operator-context.ts";

/** A start that somebody might ask for. What is left out is not known to the service either. */
export interface SimulateAsked {
  /** The bearer token, as somebody copied it; one that is bound to a key counts as if its proof had come. */
  readonly credential: string;
  readonly asset: string;
  readonly takeover?: boolean | undefined;
  readonly address?: string | undefined;
  /** ISO 3166-1 alpha-2 in upper case; anything else is not known, as in a start. */
  readonly country?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * What `POST /stream/start` would answer to this, step by step in its order and by its own checks, and nothing comes of it:
 * nothing is counted, no lease is claimed, no proof is spent, and no session of sign-in prolonged. Whoever vouches for the token
 * is asked about it, and so is the entitlement service: both are questions. A start that would be refused is an explanation too.
 */
export async function simulate(
  asked: SimulateAsked,
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  context: OperatorContext,
): Promise<Result<Explanation, Refusal>> {
  const now = context.clock();
  const { settings } = context;
  const { address, origin, takeover = false } = asked;
  const country = asked.country !== undefined && isCountry(asked.country) ? asked.country : undefined;
  const client = { address, userAgentHash: () => "" };
  const steps: Step[] = [];
  const judge = <Value>(
    part: string,
    result: Result<Value, Refusal>,
    words: (value: Value) => string,
    step: typeof told = holds,
  ) => {
    steps.push(stepFor(part, result, words, step));
    return result;
  };
  const refused = (refusal: Refusal) =>
    ok({ kind: "start", verdict: "refused", refusal, grants: undefined, steps } as const);

  // A JWT is judged by keys as a rule, and then its address is not counted.
  if (!isJws(pasted(asked.credential))) {
    const quota = lookAtQuota(settings.startRateAddress, addressName(client), now, context);
    const fromAddress = judge("quota", quota, (seen) => `of the address: ${seen}`, told);
    if (!fromAddress.ok) return refused(fromAddress.refusal);
  }
  const { verified, steps: seenOfToken } = await examineToken(pasted(asked.credential), context, now);
  steps.push(...seenOfToken);
  if (!verified.ok) return refused(verified.refusal);
  const { credential } = verified.value;
  const name = lastingSubject(credential.issuer, credential.subject);
  const own = lookAtQuota(settings.startRate, name, now, context);
  const bySubject = judge("quota", own, (seen) => `of the viewer: ${seen}`, told);
  if (!bySubject.ok) return refused(bySubject.refusal);
  const attempt = { credential, assetId: asked.asset, request: { client, country, origin, waitUntil }, now };
  const observe = (outcome: StartCheck) => void steps.push(checkStep(outcome, context, now));
  const passed = await startChecks(attempt, context, { observe });
  if (!passed.ok) return refused(passed.refusal);
  const { terms } = passed.value;
  const claiming = { ...passed.value, client, takeover };
  const place = judge("place", await lookAtStreams(claiming, terms, now, context), (words) => words);
  if (!place.ok) return refused(place.refusal);
  steps.push(
    told("brake", "starts in quick succession, which are answered 429 start_rate_exceeded, are not looked at"),
  );
  const { expiresAt } = terms;
  const manifestEnds = when(earlier(after(now, settings.manifestTtl), expiresAt), now);
  const grants = `a session of ${shown(passed.value.asset.id)} until ${when(expiresAt, now)}, whose manifest URL ends ${manifestEnds}`;
  return ok({ kind: "start", verdict: "accepted", refusal: undefined, grants, steps });
}

/** A check of the start as a step, with what it found in words. */
function checkStep(outcome: StartCheck, { entitlement }: OperatorContext, now: UnixSeconds): Step {
  const { check } = outcome;
  switch (check) {
    case "catalog":
      return stepFor(check, outcome.result, (catalog) => `${catalog.assets().length} assets`);
    case "asset":
      return stepFor(
        check,
        outcome.result,
        ({ id, scope }) => `the token opens ${shown(id)}, with the scope ${shown(scope)}`,
      );
    case "conditions":
      return stepFor(check, outcome.result, conditionWords);
    case "revocations":
      return stepFor(check, outcome.result, () => "neither the token, its viewer, its login nor the asset was revoked");
    case "entitlement":
      return stepFor(check, outcome.result, () =>
        entitlement === undefined ? "there is no service to ask" : "the service was asked: it allows it",
      );
    case "grant":
      return stepFor(check, outcome.result, (terms) => termWords(terms, now));
  }
}

function stepFor<Value>(
  part: string,
  result: Result<Value, Refusal>,
  words: (value: Value) => string,
  step: typeof told = holds,
): Step {
  return result.ok ? step(part, words(result.value)) : fails(part, result.refusal.code, result.refusal.reason);
}

/** How a quota stands as far as this isolate knows, in words; `rate_limited` where it has seen it used up. Nothing is counted. */
function lookAtQuota(
  policy: RatePolicy | undefined,
  name: string | undefined,
  now: UnixSeconds,
  { limits }: Pick<OperatorContext, "limits">,
): Result<string, Refusal> {
  if (policy === undefined) return ok("there is none");
  if (name === undefined) return ok("not counted, since the address is not known");
  const spent = limits.spent(policy, name, now);
  if (spent === undefined)
    return ok("not known to be used up; how much of it is left is not looked at, as that counts");
  return refuse({
    code: "rate_limited",
    reason: `the quota of ${policy.name} is used up`,
    retryAfter: spent.resetsIn,
  });
}

/**
 * What the viewer's streams would say to one more, in words: `stream_limit`, and `store_unavailable` where they do not answer
 * and the operator wants it so. The brake on hasty starts is not looked at.
 */
async function lookAtStreams(
  claiming: Omit<Claiming, "sessionId">,
  { key }: Terms,
  now: UnixSeconds,
  context: OperatorContext,
): Promise<Result<string, Refusal>> {
  const { streams, limit } = placeOf(claiming, key, context);
  const asked = await fromStore("the viewer's streams", streams.running(now), context);
  if (!asked.ok)
    return context.settings.storeFailure === "closed"
      ? asked
      : ok(`${asked.refusal.reason}, and STAGEDOOR_STORE_FAILURE lets him in`);
  const forbidden = forbiddenAmong(asked.value, claiming);
  // Whoever was forbidden meanwhile makes room for the next one.
  const running = asked.value.filter((stream) => !forbidden.has(stream));
  const run = running.length === 1 ? "1 stream runs" : `${running.length} streams run`;
  if (limit === undefined) return ok(`${run}, and there is no limit`);
  const surplus = running.length + 1 - limit;
  if (surplus <= 0) return ok(`${run} of ${limit} that he may`);
  if (claiming.takeover) return ok(`${run} of ${limit} that he may: the takeover would end ${surplus} of them`);
  return refuse({ code: "stream_limit", reason: `${running.length} streams run, which is all he may`, running });
}

/** What an asset's own conditions ask for. */
function conditionWords({ available, countries, origins }: Asset): string {
  const asked = [
    ...(available === undefined ? [] : ["its availability window"]),
    ...(countries === undefined ? [] : ["the country"]),
    ...(origins === undefined ? [] : ["the origin"]),
  ];
  return asked.length === 0 ? "the asset asks for none" : `${asked.join(", ")}: all as the asset asks`;
}

/** Under which key, until when, and bound to what a session would be opened. */
function termWords({ key, binding, expiresAt }: Terms, now: UnixSeconds): string {
  const { network, userAgent } = binding;
  const bound = [
    ...(network === undefined ? [] : [networkWords(network)]),
    ...(userAgent === undefined ? [] : ["the user agent"]),
  ];
  const to = bound.length === 0 ? "" : `, bound to ${bound.join(" and to ")}`;
  return `signed with the key ${JSON.stringify(key.kid)}, until ${when(expiresAt, now)}${to}`;
}
