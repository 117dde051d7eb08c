import { isCountry } from "../../base/country.ts";
import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { after, earlier } from "../../base/seconds.ts";
import { playScope } from "../../catalog/asset.ts";
import { isJws } from "../../credential/token-form.ts";
import { conditionsHold } from "../../policy/conditions.ts";
import { decide } from "../../policy/decide.ts";
import { type Explanation, fails, holds, type Step, told } from "../explain/explanation.ts";
import { examineToken } from "../explain/token.ts";
import { shown, when } from "../explain/words.ts";
import type { SessionRequest } from "../session/context.ts";
import { entitled } from "../session/entitled.ts";
import { lastingSubject } from "../session/lasting-names.ts";
import { addressName } from "../session/network-name.ts";
import { termsOf } from "../session/open-session.ts";
import { nothingForbids } from "../session/revocations-now.ts";
import type { OperatorContext } from "./context.ts";
import { pasted } from "./pasted.ts";
import { conditionWords, lookAtQuota, lookAtStreams, termWords } from "./simulate-parts.ts";

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
    steps.push(result.ok ? step(part, words(result.value)) : fails(part, result.refusal.code, result.refusal.reason));
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
  const catalog = judge("catalog", await context.catalog(), (found) => `${found.assets().length} assets`);
  if (!catalog.ok) return refused(catalog.refusal);
  const decided = decide(credential, asked.asset, catalog.value.asset(asked.asset), playScope);
  const asset = judge(
    "asset",
    decided,
    ({ id, scope }) => `the token opens ${shown(id)}, with the scope ${shown(scope)}`,
  );
  if (!asset.ok) return refused(asset.refusal);
  const held = conditionsHold(asset.value, { country, origin }, now);
  const conditions = judge("conditions", held, () => conditionWords(asset.value));
  if (!conditions.ok) return refused(conditions.refusal);
  const { id } = asset.value;
  const free = await nothingForbids(credential, id, { waitUntil }, context);
  const snapshot = judge(
    "revocations",
    free,
    () => "neither the token, its viewer, its login nor the asset was revoked",
  );
  if (!snapshot.ok) return refused(snapshot.refusal);
  const service =
    context.entitlement === undefined ? "there is no service to ask" : "the service was asked: it allows it";
  const allowed = judge("entitlement", await entitled(credential, id, { client, country }, context), () => service);
  if (!allowed.ok) return refused(allowed.refusal);
  const opening = { ...allowed.value, client, asset: asset.value, snapshot: snapshot.value, takeover };
  const terms = judge("grant", termsOf(opening, now, context), (value) => termWords(value, now));
  if (!terms.ok) return refused(terms.refusal);
  const place = judge("place", await lookAtStreams(opening, terms.value, now, context), (words) => words);
  if (!place.ok) return refused(place.refusal);
  steps.push(
    told("brake", "starts in quick succession, which are answered 429 start_rate_exceeded, are not looked at"),
  );
  const { expiresAt } = terms.value;
  const manifestEnds = when(earlier(after(now, settings.manifestTtl), expiresAt), now);
  const grants = `a session of ${shown(id)} until ${when(expiresAt, now)}, whose manifest URL ends ${manifestEnds}`;
  return ok({ kind: "start", verdict: "accepted", refusal: undefined, grants, steps });
}
