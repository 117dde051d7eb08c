import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import { version } from "../../base/version.ts";
import { revocationKinds } from "../../sessions/revocation.ts";
import type { RevocationSnapshot } from "../../sessions/revocation-snapshot.ts";
import { seriesOf } from "../../telemetry/metrics.ts";
import { prometheusText } from "../../telemetry/prometheus-text.ts";
import { fromStore } from "../session/store-failure.ts";
import type { OperatorContext } from "./context.ts";
import { forbiddenNow } from "./forbidden-now.ts";
import { type KeyNow, keysNow } from "./keys-now.ts";

type Sample = readonly [series: string, value: number];

/**
 * `GET /metrics`: the counts of all workers' isolates, and what is to be said of this moment, in the text format of
 * Prometheus. `store_unavailable` where nobody gathers: a scrape that failed is seen, and counts of zero would not be. The keys
 * and the size of the revocation log are left out where a store that tells of them is down, since then the counts are wanted most.
 */
export async function metricsNow(context: OperatorContext): Promise<Result<string, Refusal>> {
  const [counts, keys, revoked] = await Promise.all([
    fromStore("what gathers the counts", context.gathered.counts(), context),
    keysNow(context),
    forbiddenNow(context),
  ]);
  if (!counts.ok) return counts;
  const now = context.clock();
  const ofKeys = keys.ok ? keys.value.keys.flatMap((key) => samplesOf(key, now)) : [];
  const build: Sample = [seriesOf("stagedoor_build_info", { version }), 1];
  const ofLog = revoked.ok ? sizesOf(revoked.value) : [];
  return ok(prometheusText([...counts.value, ...ofLog, ...ofKeys, build]));
}

function sizesOf({ entries }: RevocationSnapshot): readonly Sample[] {
  return revocationKinds.map((kind) => [seriesOf("stagedoor_revocations", { kind }), entries[kind].size]);
}

function samplesOf({ kid, purpose, state, since, ends, next }: KeyNow, now: UnixSeconds): readonly Sample[] {
  const samples: Sample[] = [];
  if (since !== undefined) samples.push([seriesOf("stagedoor_key_age_seconds", { purpose, kid, state }), now - since]);
  if (ends !== undefined) samples.push([seriesOf("stagedoor_key_ends_seconds", { purpose, kid }), ends - now]);
  if (next !== undefined) {
    const { step, from } = next;
    samples.push([seriesOf("stagedoor_key_next_step_seconds", { purpose, kid, step }), from - now]);
  }
  return samples;
}
