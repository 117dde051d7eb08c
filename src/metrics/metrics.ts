/** A Prometheus metric. Its name has the unit, and its labels have values from closed sets only. */
export interface Metric {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** In a fixed order. Never a viewer, session, asset or address: each value would be a permanent series. */
  readonly labels: readonly string[];
  /** Upper bounds, in the metric's unit. */
  readonly buckets?: readonly number[];
  /** Whether reports have a gauge: the last report's value is the current one. */
  readonly isReported?: true;
}

/** Every metric, by its name. */
export const metrics = {
  stagedoor_validated_total: {
    type: "counter",
    help: "Verified credentials, by kind and result.",
    labels: ["by", "outcome"],
  },
  stagedoor_refused_total: {
    type: "counter",
    help: "Refused requests, by worker and refusal code.",
    labels: ["worker", "code"],
  },
  stagedoor_unserved_total: {
    type: "counter",
    help: "Starts and media requests that were refused, by cause: ours, origin, provider, viewer.",
    labels: ["what", "cause", "code"],
  },
  stagedoor_observed_total: {
    type: "counter",
    help: "Requests that were served because their asset is in observe or off, by the code that would have refused them.",
    labels: ["code", "player"],
  },
  stagedoor_webhooks_total: {
    type: "counter",
    help: "Attempts to send an event to a webhook: delivered, failed (it is tried again), or dropped.",
    labels: ["outcome"],
  },
  stagedoor_identity_refused_total: {
    type: "counter",
    help: "Error responses of the identity worker, by status.",
    labels: ["status"],
  },
  stagedoor_refreshed_total: {
    type: "counter",
    help: "Exchanged refresh tokens: rotated, answered again within the grace period, or refused.",
    labels: ["outcome"],
  },
  stagedoor_reused_total: {
    type: "counter",
    help: "Refresh tokens that were used a second time, which ended their family: the token may have been copied.",
    labels: [],
  },
  stagedoor_revoked_total: {
    type: "counter",
    help: "Revocations by operators and by sign-out, by what was revoked.",
    labels: ["kind"],
  },
  stagedoor_revocations: {
    type: "gauge",
    help: "Entries in the revocation log, by what is revoked; every isolate keeps all of them.",
    labels: ["kind"],
  },
  stagedoor_revocations_skipped_total: {
    type: "counter",
    help: "Entries of viewers that a full revocation log left out: their sessions end within a lease, by their rows.",
    labels: [],
  },
  stagedoor_limited_total: {
    type: "counter",
    help: "Requests beyond the quota of a rate limit.",
    labels: ["policy"],
  },
  stagedoor_started_total: { type: "counter", help: "Streams that were started.", labels: [] },
  stagedoor_served_total: {
    type: "counter",
    help: "Playlists, segments, keys and files that were served, and URLs that were renewed by a redirect.",
    labels: ["what", "outcome"],
  },
  stagedoor_cache_total: {
    type: "counter",
    help: "Lookups in the data centre's cache, by result.",
    labels: ["outcome"],
  },
  stagedoor_origin_seconds: {
    type: "histogram",
    help: "Time until the headers of an origin's response, without successful blocking reloads.",
    labels: ["outcome"],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  },
  stagedoor_playlist_seconds: {
    type: "histogram",
    help: "Duration of the manifest worker's responses: rewritten from memory, or fetched from the origin first.",
    labels: ["from"],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
  },
  stagedoor_live_delay_seconds: {
    type: "histogram",
    help: "How long ago the newest part of a live playlist ended, by EXT-X-PROGRAM-DATE-TIME, at each new version.",
    labels: [],
    buckets: [1, 2, 4, 6, 8, 12, 20, 30, 60, 300],
  },
  stagedoor_snapshot_age_seconds: {
    type: "histogram",
    help: "Age of the revocation snapshot that a request used; an hour if there was none.",
    labels: [],
    buckets: [0.5, 1, 2, 5, 15, 60, 300],
  },
  stagedoor_reports_total: {
    type: "counter",
    help: "Reports of counts from a worker's isolates.",
    labels: ["worker"],
  },
  stagedoor_reports_unread_total: {
    type: "counter",
    help: "Unreadable reports, from a worker of an incompatible version.",
    labels: [],
  },
  stagedoor_series_dropped_total: {
    type: "counter",
    help: "Dropped counts: of too many series, or of unknown ones.",
    labels: [],
  },
  stagedoor_unenforced_assets: {
    type: "gauge",
    help: "Assets whose protection is not enforced now, by their mode: observe or off.",
    labels: ["mode"],
  },
  stagedoor_sessions: { type: "gauge", help: "Sessions with a lease that were seen recently.", labels: [] },
  stagedoor_key_age_seconds: {
    type: "gauge",
    help: "How long a key of the API's ring has been in its state, if that is known.",
    labels: ["purpose", "kid", "state"],
  },
  stagedoor_key_ends_seconds: {
    type: "gauge",
    help: "Time until a key of the API's ring is no longer accepted; negative afterwards.",
    labels: ["purpose", "kid"],
  },
  stagedoor_key_next_step_seconds: {
    type: "gauge",
    help: "Time until the next step of a key is allowed; negative afterwards.",
    labels: ["purpose", "kid", "step"],
  },
  stagedoor_cloudfront_store_bytes: {
    type: "gauge",
    help: "Bytes of the entries in the KeyValueStore of a CloudFront Function.",
    labels: ["store"],
    isReported: true,
  },
  stagedoor_cloudfront_store_capacity_bytes: {
    type: "gauge",
    help: "Bytes that the KeyValueStore can have.",
    labels: ["store"],
    isReported: true,
  },
  stagedoor_cloudfront_store_entries: {
    type: "gauge",
    help: "Entries in the KeyValueStore.",
    labels: ["store"],
    isReported: true,
  },
  stagedoor_cloudfront_store_dropped: {
    type: "gauge",
    help: "Entries of viewers that had no room in the KeyValueStore: the media host renews expired URLs meanwhile.",
    labels: ["store"],
    isReported: true,
  },
  stagedoor_cloudfront_store_in_step_timestamp_seconds: {
    type: "gauge",
    help: "When the KeyValueStore was last in step with the revocation log, in Unix seconds.",
    labels: ["store"],
    isReported: true,
  },
  stagedoor_build_info: { type: "gauge", help: "1, with the version of the API worker.", labels: ["version"] },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof metrics;

export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof metrics)[Name]["labels"][number], string>>;

/** A series of a metric, in its canonical spelling. */
export function seriesOf<Name extends MetricName>(name: Name, labels: LabelsOf<Name>): string {
  const { labels: order }: Metric = metrics[name];
  const given: Labels = labels;
  return spellSeries(
    name,
    order.map((label) => [label, given[label] ?? ""]),
  );
}

type HistogramName = {
  [Name in MetricName]: (typeof metrics)[Name]["type"] extends "histogram" ? Name : never;
}[MetricName];

/** The series of a histogram with its labels, created once, so that an observation builds no text. */
export interface Histogram {
  /** Upper bounds in ascending order, except the last, which is infinite. */
  readonly bounds: readonly number[];
  /** The series of each bucket; the infinite one is last. */
  readonly buckets: readonly string[];
  readonly sum: string;
  readonly count: string;
}

export function histogramOf<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>): Histogram {
  const { labels: order, buckets: bounds = [] }: Metric = metrics[name];
  const given: Labels = labels;
  const pairs = order.map((label) => [label, given[label] ?? ""] as const);
  const bucket = (bound: string) => spellSeries(`${name}_bucket`, [...pairs, ["le", bound]]);
  return {
    bounds,
    buckets: [...bounds.map((bound) => bucket(String(bound))), bucket("+Inf")],
    sum: spellSeries(`${name}_sum`, pairs),
    count: spellSeries(`${name}_count`, pairs),
  };
}

type Labels = Readonly<Record<string, string>>;

/**
 * A series in its canonical spelling, `name{label="value"}`, as in the Prometheus text format. Backslash, quotation
 * mark and line feed are escaped in a value, so it cannot end early and start another line.
 */
export function spellSeries(name: string, labels: readonly (readonly [label: string, value: string])[]): string {
  if (labels.length === 0) return name;
  return `${name}{${labels.map(([label, value]) => `${label}="${escapeValue(value)}"`).join(",")}}`;
}

const form = /^([a-z][a-z0-9_]*)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)+)\})?$/;

/** The name and labels of a series in their order; undefined if it is not canonical or repeats a label. */
export function readSeries(series: string): { readonly name: string; readonly labels: Labels } | undefined {
  const read = form.exec(series);
  if (read === null) return undefined;
  const [, name = "", pairs = ""] = read;
  const labels: Record<string, string> = {};
  for (const [, label = "", value = ""] of pairs.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g))
    labels[label] = value.replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
  return spellSeries(name, Object.entries(labels)) === series ? { name, labels } : undefined;
}

function escapeValue(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
