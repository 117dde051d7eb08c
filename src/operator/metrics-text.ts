import { version } from "../base/constants.ts";
import { ok, type Refusal, type Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { countModes } from "../catalog/enforcement.ts";
import { seriesOf } from "../metrics/metrics.ts";
import { prometheusText } from "../metrics/prometheus-text.ts";
import { revocationKinds } from "../sessions/revocation.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { fromStore } from "../sessions/session-context.ts";
import { type KeyStatus, listKeys } from "./list-keys.ts";
import type { OperatorContext } from "./operator-context.ts";
import { unenforcedNow } from "./set-enforcement.ts";

type Sample = readonly [series: string, value: number];

/**
 * `GET /metrics` in Prometheus' text format: the counts of all isolates, and the current keys and revocations. If the
 * metrics object does not respond, the scrape fails with `store_unavailable`: a failed scrape is noticed, a count of
 * zero is not. If the revocation log is down, its samples are left out, because the counts are needed most during an
 * outage.
 */
export async function metricsText(context: OperatorContext): Promise<Result<string, Refusal<"store_unavailable">>> {
  const [counts, keys, revocations, unenforced] = await Promise.all([
    fromStore("the metrics object", context.gathered.counts(), context),
    listKeys(context),
    context.revocations.fresh(),
    unenforcedNow(context),
  ]);
  if (!counts.ok) return counts;
  const now = context.clock();
  const keySamples = keys.ok ? keys.value.keys.flatMap((key) => samplesOfKey(key, now)) : [];
  const build: Sample = [seriesOf("stagedoor_build_info", { version }), 1];
  const logSamples = revocations.ok ? samplesOfLog(revocations.value) : [];
  const modes = Object.entries(countModes(unenforced)).map(
    ([mode, count]): Sample => [seriesOf("stagedoor_unenforced_assets", { mode }), count],
  );
  return ok(prometheusText([...counts.value, ...logSamples, ...keySamples, ...modes, build]));
}

function samplesOfLog({ entries, blackouts }: RevocationSnapshot): readonly Sample[] {
  const count = [...blackouts.values()].reduce((sum, ofAsset) => sum + ofAsset.size, 0);
  return [
    ...revocationKinds.map((kind): Sample => [seriesOf("stagedoor_revocations", { kind }), entries[kind].size]),
    [seriesOf("stagedoor_revocations", { kind: "blackout" }), count],
  ];
}

function samplesOfKey({ kid, purpose, state, since, ends, next }: KeyStatus, now: UnixSeconds): readonly Sample[] {
  const samples: Sample[] = [];
  if (since !== undefined) samples.push([seriesOf("stagedoor_key_age_seconds", { purpose, kid, state }), now - since]);
  if (ends !== undefined) samples.push([seriesOf("stagedoor_key_ends_seconds", { purpose, kid }), ends - now]);
  if (next !== undefined) {
    const { step, from } = next;
    samples.push([seriesOf("stagedoor_key_next_step_seconds", { purpose, kid, step }), from - now]);
  }
  return samples;
}
