import type { RatePolicy } from "../auth/rate-limit.ts";
import { isJws } from "../auth/read-credential.ts";
import { isCountry } from "../base/country.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, type UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { type Claiming, forbiddenAmong, placeOf } from "../sessions/claim-lease.ts";
import { addressName, subjectDigest } from "../sessions/identifiers.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { type StartCheck, startChecks, type Terms } from "../sessions/start-checks.ts";
import { pasted } from "./explain/explain-text.ts";
import { examineToken } from "./explain/explain-token.ts";
import { bindingWords, type Explanation, fails, info, passes, type Step, shown, when } from "./explain/explanation.ts";
import type { OperatorContext } from "./operator-context.ts";

/** A start to simulate. An omitted member is unknown to the service, too. */
export interface SimulatedStart {
  /** The bearer token, as copied. If it is bound to a key, its proof is assumed to be valid. */
  readonly credential: string;
  readonly asset: string;
  readonly takeover?: boolean | undefined;
  readonly address?: string | undefined;
  /** ISO 3166-1 alpha-2 in upper case; anything else is unknown. */
  readonly country?: string | undefined;
  readonly origin?: string | undefined;
}

/**
 * What `POST /stream/start` would answer, by its own checks in their order, without side effects: it counts nothing,
 * claims no lease, uses up no proof and prolongs no sign-in session. It does ask the token's issuer and the entitlement
 * service, which only read. A start that would be refused is a successful explanation.
 */
export async function simulate(
  start: SimulatedStart,
  { waitUntil }: Pick<SessionRequest, "waitUntil">,
  context: OperatorContext,
): Promise<Explanation> {
  const now = context.clock();
  const { settings } = context;
  const { address, origin, takeover = false } = start;
  const country = start.country !== undefined && isCountry(start.country) ? start.country : undefined;
  const client = { address, userAgentHash: () => "" };
  const steps: Step[] = [];
  const judge = <Value>(
    part: string,
    result: Result<Value, Refusal>,
    words: (value: Value) => string,
    step: typeof info = passes,
  ) => {
    steps.push(stepFor(part, result, words, step));
    return result;
  };
  const refused = (refusal: Refusal): Explanation => ({
    kind: "start",
    verdict: "refused",
    refusal,
    grants: undefined,
    steps,
  });

  // The address is not counted for a JWT, which is usually verified without asking its issuer.
  if (!isJws(pasted(start.credential))) {
    const quota = quotaWords(settings.startRateAddress, addressName(client.address), now, context);
    const fromAddress = judge("quota", quota, (seen) => `of the address: ${seen}`, info);
    if (!fromAddress.ok) return refused(fromAddress.refusal);
  }
  const { verified, steps: tokenSteps } = await examineToken(pasted(start.credential), context, now);
  steps.push(...tokenSteps);
  if (!verified.ok) return refused(verified.refusal);
  const { credential } = verified.value;
  if (credential.backend !== undefined) {
    const { refusal: noViewer } = refusal(
      "body_invalid",
      "a backend's start names its viewer, which a simulation cannot",
    );
    steps.push(fails("viewer", noViewer.code, noViewer.reason));
    return refused(noViewer);
  }
  const name = subjectDigest(credential.issuer, credential.subject);
  const own = quotaWords(settings.startRate, name, now, context);
  const bySubject = judge("quota", own, (seen) => `of the viewer: ${seen}`, info);
  if (!bySubject.ok) return refused(bySubject.refusal);
  const attempt = { credential, assetId: start.asset, request: { client, country, origin, waitUntil }, now };
  const observe = (outcome: StartCheck) => void steps.push(checkStep(outcome, context, now));
  const passed = await startChecks(attempt, context, { observe, revocations: context.revocations.fresh() });
  if (!passed.ok) return refused(passed.refusal);
  const { terms } = passed.value;
  const claiming = { ...passed.value, client, takeover };
  const place = judge("place", await streamWords(claiming, terms, now, context), (words) => words);
  if (!place.ok) return refused(place.refusal);
  steps.push(info("throttle", "not checked: starts in quick succession are refused with 429 start_rate_exceeded"));
  const { expiresAt } = terms;
  const manifestExpiry = when(earlier(after(now, settings.manifestTtl), expiresAt), now);
  const grants = `a session of ${shown(passed.value.asset.id)} until ${when(expiresAt, now)}, with a manifest URL that expires ${manifestExpiry}`;
  return { kind: "start", verdict: "accepted", refusal: undefined, grants, steps };
}

function checkStep(outcome: StartCheck, { entitlement }: OperatorContext, now: UnixSeconds): Step {
  const { check } = outcome;
  switch (check) {
    case "catalog":
      return stepFor(check, outcome.result, (catalog) => `${catalog.assets().length} assets`);
    case "asset":
      return stepFor(
        check,
        outcome.result,
        ({ id, scope }) => `the token covers ${shown(id)} and has the scope ${shown(scope)}`,
      );
    case "conditions":
      return stepFor(check, outcome.result, conditionWords);
    case "revocations":
      return stepFor(check, outcome.result, () => "none of token, viewer, login and asset is revoked");
    case "entitlement":
      return stepFor(check, outcome.result, () =>
        entitlement === undefined ? "no entitlement service is configured" : "the entitlement service allows it",
      );
    case "grant":
      return stepFor(check, outcome.result, (terms) => termWords(terms, now));
  }
}

function stepFor<Value>(
  part: string,
  result: Result<Value, Refusal>,
  words: (value: Value) => string,
  step: typeof info = passes,
): Step {
  return result.ok ? step(part, words(result.value)) : fails(part, result.refusal.code, result.refusal.reason);
}

/** Refuses if this isolate knows that the quota is used up. Nothing is counted. */
function quotaWords(
  policy: RatePolicy | undefined,
  name: string | undefined,
  now: UnixSeconds,
  { limits }: Pick<OperatorContext, "limits">,
): Result<string, Refusal<"rate_limited">> {
  if (policy === undefined) return ok("no limit");
  if (name === undefined) return ok("not counted, because the address is unknown");
  const spent = limits.spent(policy, name, now);
  if (spent === undefined) return ok("not known to be used up; the remainder is not checked, because that would count");
  return refuse({
    code: "rate_limited",
    reason: `the quota of ${policy.name} is used up`,
    retryAfter: spent.resetsIn,
  });
}

async function streamWords(
  claiming: Omit<Claiming, "sessionId">,
  { key }: Terms,
  now: UnixSeconds,
  context: OperatorContext,
): Promise<Result<string, Refusal<"stream_limit" | "store_unavailable">>> {
  const { streams, limit } = placeOf(claiming, key, context);
  const stored = await fromStore("the viewer's streams", streams.running(now), context);
  if (!stored.ok)
    return context.settings.storeFailure === "closed"
      ? stored
      : ok(`${stored.refusal.reason}, and STAGEDOOR_STORE_FAILURE=open admits the viewer`);
  const forbidden = forbiddenAmong(stored.value, claiming);
  // A session that was revoked in the meantime does not count.
  const running = stored.value.filter((stream) => !forbidden.has(stream));
  const count = running.length === 1 ? "1 stream running" : `${running.length} streams running`;
  if (limit === undefined) return ok(`${count}, no limit`);
  const surplus = running.length + 1 - limit;
  if (surplus <= 0) return ok(`${count}, the limit is ${limit}`);
  if (claiming.takeover) return ok(`${count}, the limit is ${limit}: the takeover would end ${surplus} of them`);
  return refuse({ code: "stream_limit", reason: `stream limit reached (${running.length} running)`, running });
}

/** The asset's conditions, which the start meets. */
function conditionWords({ available, countries, origins }: Asset): string {
  const met = [
    ...(available === undefined ? [] : ["availability window"]),
    ...(countries === undefined ? [] : ["country"]),
    ...(origins === undefined ? [] : ["origin"]),
  ];
  return met.length === 0 ? "the asset has none" : `met: ${met.join(", ")}`;
}

function termWords({ key, binding, expiresAt }: Terms, now: UnixSeconds): string {
  const signed = `signed with the key ${JSON.stringify(key.kid)}, until ${when(expiresAt, now)}`;
  return [signed, bindingWords(binding)].filter((part) => part !== undefined).join(", ");
}
