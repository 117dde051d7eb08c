import type { Report } from "./gathered.ts";
import { readSeries } from "./metrics.ts";
import type { TelemetryEvent } from "./telemetry.ts";

/**
 * An event as a row of a time-series store. Operators query the columns, so they are stable: `blobs[0]` is the event,
 * the others are its members in the order below.
 */
export interface DataPoint {
  /**
   * The sampling key, used when there are too many rows: for `seen` the subject, so that all rows of a subject are kept
   * together.
   */
  readonly index: string;
  readonly blobs: readonly string[];
  /** The number of occurrences; for durations also their sum in seconds. */
  readonly doubles: readonly number[];
}

/** The row of an event; undefined for events that occur per file, which are written as the sums of a report. */
export function dataPointOf(event: TelemetryEvent): DataPoint | undefined {
  switch (event.event) {
    case "validated":
      return row(event.event, event.by, event.outcome);
    case "refused":
      return row(event.event, event.worker, event.code);
    case "observed":
      return row(event.event, event.code, event.player ?? "");
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
    case "acted":
      return row(event.event, event.act, event.kind);
    case "served":
    case "cached":
    case "origin":
    case "rewritten":
    case "live":
    case "snapshot":
    // A gauge, which no sum of events gives.
    case "store":
      return undefined;
  }
}

/** The rows for events that {@link dataPointOf} omits: one per series of a report. */
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
      case "stagedoor_live_delay_seconds_count":
        return [{ ...row("live"), doubles: [value, seconds] }];
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
