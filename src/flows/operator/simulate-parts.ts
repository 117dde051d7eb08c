import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result, refuse } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import type { Asset } from "../../catalog/asset.ts";
import type { RatePolicy } from "../../limits/rate-limit.ts";
import { networkWords, when } from "../explain/words.ts";
import { type Claiming, forbiddenAmong, placeOf } from "../session/claim-lease.ts";
import type { Terms } from "../session/open-session.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";

/** How a quota stands as far as this isolate knows, in words; `rate_limited` where it has seen it used up. Nothing is counted. */
export function lookAtQuota(
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
export async function lookAtStreams(
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
export function conditionWords({ available, countries, origins }: Asset): string {
  const asked = [
    ...(available === undefined ? [] : ["its availability window"]),
    ...(countries === undefined ? [] : ["the country"]),
    ...(origins === undefined ? [] : ["the origin"]),
  ];
  return asked.length === 0 ? "the asset asks for none" : `${asked.join(", ")}: all as the asset asks`;
}

/** Under which key, until when, and bound to what a session would be opened. */
export function termWords({ key, binding, expiresAt }: Terms, now: UnixSeconds): string {
  const { network, userAgent } = binding;
  const bound = [
    ...(network === undefined ? [] : [networkWords(network)]),
    ...(userAgent === undefined ? [] : ["the user agent"]),
  ];
  const to = bound.length === 0 ? "" : `, bound to ${bound.join(" and to ")}`;
  return `signed with the key ${JSON.stringify(key.kid)}, until ${when(expiresAt, now)}${to}`;
}
