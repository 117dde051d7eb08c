import type { TelemetryEvent } from "./telemetry.ts";

/**
 * An event as a row of a store of time series. The columns are part of what an operator asks such a store, so they stay as
 * they are: `blobs[0]` is the event, and the others are its parts in the order that is given here.
 */
export interface DataPoint {
  /** What is sampled together where there is too much to keep: for `seen` the subject, so that all its places are kept. */
  readonly index: string;
  readonly blobs: readonly string[];
}

/** The row of an event. */
export function dataPointOf(event: TelemetryEvent): DataPoint {
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
      return row(event.event);
    case "revoked":
      return row(event.event, event.kind);
    case "limited":
      return row(event.event, event.policy);
    case "seen":
      return { ...row(event.event, event.subject, event.country, event.network), index: event.subject };
    case "served":
      return row(event.event, event.what, event.outcome);
    case "cached":
      return row(event.event, event.outcome);
    case "origin":
      return row(event.event, event.outcome);
    case "rewritten":
      return row(event.event, event.from);
    case "snapshot":
      return row(event.event);
    case "alive":
      return row(event.event, event.assetId, event.country);
    case "ended":
      return row(event.event);
  }
}

function row(...blobs: readonly string[]): DataPoint {
  return { index: blobs.slice(0, 2).join(" "), blobs };
}
