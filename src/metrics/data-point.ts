import type { Report } from "./gathered.ts";
import { readSeries } from "./metrics.ts";
import type { TelemetryEvent } from "./telemetry.ts";

/**
 * An event as a row of a store of time series. The columns are part of what an operator asks such a store, so they stay as
 * they are: `blobs[0]` is the event, and the others are its parts in the order that is given here.
 */
export interface DataPoint {
  /** What is sampled together where there is too much to keep: for `seen` the subject, so that all its places are kept. */
  readonly index: string;
  readonly blobs: readonly string[];
  /** How often it happened; and for what takes time how many seconds all of them took. */
  readonly doubles: readonly number[];
}

/** The row of an event; undefined for those that happen with each file, which are written as the sums of a report. */
export function dataPointOf(event: TelemetryEvent): DataPoint | undefined {
  switch (event.event) {
    case "validated":
      return row(event.event, event.by, event.outcome);
    case "refused":
      return row(event.event, event.worker, event.code);
    case "identity_refused":
      return row(event.event, String(event.status));
    case "refreshed":
      return row(event.event, event.outcome);
    case "reused":
    case "unlogged":
      return row(event.event);
    case "revoked":
      return row(event.event, event.kind);
    case "limited":
      return row(event.event, event.policy);
    case "seen":
      return { ...row(event.event, event.subject, event.country, event.network), index: event.subject };
    case "alive":
      return row(event.event, event.assetId, event.country);
    case "ended":
      return row(event.event);
    case "served":
    case "cached":
    case "origin":
    case "rewritten":
    case "snapshot":
      return undefined;
  }
}

/** The rows of what {@link dataPointOf} leaves out, one a series of a report. */
export function sumsOf(counts: Report["counts"]): readonly DataPoint[] {
  const values = new Map(counts);
  return counts.flatMap(([series, value]) => {
    const { name = "", labels = {} } = readSeries(series) ?? {};
    const seconds = values.get(series.replace("_seconds_count", "_seconds_sum")) ?? 0;
    const { what = "", outcome = "", from = "" } = labels;
    switch (name) {
      case "stagedoor_served_total":
        return [{ ...row("served", what, outcome), doubles: [value] }];
      case "stagedoor_cache_total":
        return [{ ...row("cached", outcome), doubles: [value] }];
      case "stagedoor_origin_seconds_count":
        return [{ ...row("origin", outcome), doubles: [value, seconds] }];
      case "stagedoor_playlist_seconds_count":
        return [{ ...row("rewritten", from), doubles: [value, seconds] }];
      case "stagedoor_snapshot_age_seconds_count":
        return [{ ...row("snapshot"), doubles: [value, seconds] }];
      default:
        return [];
    }
  });
}

function row(...blobs: readonly string[]): DataPoint {
  return { index: blobs.slice(0, 2).join(" "), blobs, doubles: [1] };
}
