import { type Metric, type MetricName, metrics } from "./metrics.ts";
import { readSeries } from "./series.ts";

/** What a metric of another version is bounded with: all such series together. */
export const unknownFamily = "unknown";

/** Counted where the reports come together, and by no report. */
const ownCounters: ReadonlySet<string> = new Set<MetricName>([
  "stagedoor_reports_total",
  "stagedoor_reports_unread_total",
  "stagedoor_series_dropped_total",
]);

const families: Readonly<Record<string, Metric>> = metrics;

/**
 * The metric of a series that a report may raise; {@link unknownFamily} for one that this version does not know, since a
 * worker of another one counts it. Undefined for what no worker counts, or would make the exposition one that no scraper
 * reads: a gauge, a count of ours, a part that a histogram or counter does not have.
 */
export function reportedFamily(series: string): string | undefined {
  const read = readSeries(series);
  if (read === undefined || !read.name.startsWith("stagedoor_")) return undefined;
  const { name } = read;
  const labels = Object.keys(read.labels);
  const whole = metricOf(name);
  if (whole !== undefined) {
    if (whole.type !== "counter" || ownCounters.has(name)) return undefined;
    return isSame(labels, whole.labels) ? name : unknownFamily;
  }
  const [, base = "", part = ""] = /^(.+)_(bucket|sum|count)$/.exec(name) ?? [];
  const metric = metricOf(base);
  if (metric === undefined) return unknownFamily;
  if (metric.type !== "histogram" || labels.includes("le") !== (part === "bucket")) return undefined;
  if (part === "bucket" && !/^(\+Inf|\d+(\.\d+)?)$/.test(read.labels.le ?? "")) return undefined;
  const others = labels.filter((label) => label !== "le");
  return isSame(others, metric.labels) ? base : unknownFamily;
}

function metricOf(name: string): Metric | undefined {
  return Object.hasOwn(families, name) ? families[name] : undefined;
}

function isSame(labels: readonly string[], order: readonly string[]): boolean {
  return labels.length === order.length && labels.every((label, place) => label === order[place]);
}
