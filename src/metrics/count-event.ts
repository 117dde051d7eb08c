import type { MediaPurpose } from "../base/media-purpose.ts";
import type { Milliseconds } from "../base/time.ts";
import { type Histogram, histogramOf, seriesOf } from "./metrics.ts";
import type { TelemetryEvent } from "./telemetry.ts";

/** Collects counts. */
export interface Counts {
  /** Increments a series. */
  add(series: string): void;
  /** Sets a gauge. */
  set(series: string, value: number): void;
  /** Adds an observation, in the unit of the metric. */
  observe(histogram: Histogram, value: number): void;
}

// Created once, so that counting a segment builds no text.
const served = {
  playlist: servedSeries("playlist"),
  segment: servedSeries("segment"),
  key: servedSeries("key"),
  file: servedSeries("file"),
};
const cached = {
  hit: seriesOf("stagedoor_cache_total", { outcome: "hit" }),
  miss: seriesOf("stagedoor_cache_total", { outcome: "miss" }),
};
const origin = {
  answered: histogramOf("stagedoor_origin_seconds", { outcome: "answered" }),
  failed: histogramOf("stagedoor_origin_seconds", { outcome: "failed" }),
  slow: histogramOf("stagedoor_origin_seconds", { outcome: "slow" }),
};
const playlist = {
  memory: histogramOf("stagedoor_playlist_seconds", { from: "memory" }),
  origin: histogramOf("stagedoor_playlist_seconds", { from: "origin" }),
};
const liveDelay = histogramOf("stagedoor_live_delay_seconds", {});
const snapshotAge = histogramOf("stagedoor_snapshot_age_seconds", {});

/** Maps each event to the series that it increments. This is the only place that does. */
export function countEvent(event: TelemetryEvent, counts: Counts): void {
  switch (event.event) {
    case "served":
      counts.add(served[event.what][event.outcome]);
      break;
    case "cached":
      counts.add(cached[event.outcome]);
      break;
    case "snapshot":
      counts.observe(snapshotAge, inSeconds(event.age));
      break;
    case "origin":
      counts.observe(origin[event.outcome], inSeconds(event.took));
      break;
    case "rewritten":
      counts.observe(playlist[event.from], inSeconds(event.took));
      break;
    case "live":
      counts.observe(liveDelay, inSeconds(event.delay));
      break;
    case "validated":
      counts.add(seriesOf("stagedoor_validated_total", { by: event.by, outcome: event.outcome }));
      break;
    case "refused":
      counts.add(seriesOf("stagedoor_refused_total", { worker: event.worker, code: event.code }));
      if (event.asked !== undefined) {
        const { asked: what, cause, code } = event;
        counts.add(seriesOf("stagedoor_unserved_total", { what, cause, code }));
      }
      break;
    case "observed":
      counts.add(seriesOf("stagedoor_observed_total", { code: event.code, player: playerLabel(event.player) }));
      break;
    case "identity_refused":
      counts.add(seriesOf("stagedoor_identity_refused_total", { status: String(event.status) }));
      break;
    case "refreshed":
      counts.add(seriesOf("stagedoor_refreshed_total", { outcome: event.outcome }));
      break;
    case "reused":
      counts.add(seriesOf("stagedoor_reused_total", {}));
      break;
    case "revoked":
      counts.add(seriesOf("stagedoor_revoked_total", { kind: event.kind }));
      break;
    case "unlogged":
      counts.add(seriesOf("stagedoor_revocations_skipped_total", {}));
      break;
    case "limited":
      counts.add(seriesOf("stagedoor_limited_total", { policy: event.policy }));
      break;
    case "seen":
      counts.add(seriesOf("stagedoor_started_total", {}));
      break;
    case "store": {
      const { store } = event;
      counts.set(seriesOf("stagedoor_cloudfront_store_bytes", { store }), event.bytes);
      counts.set(seriesOf("stagedoor_cloudfront_store_capacity_bytes", { store }), event.capacity);
      counts.set(seriesOf("stagedoor_cloudfront_store_entries", { store }), event.entries);
      counts.set(seriesOf("stagedoor_cloudfront_store_dropped", { store }), event.dropped);
      counts.set(seriesOf("stagedoor_cloudfront_store_in_step_timestamp_seconds", { store }), event.inStepAt);
      break;
    }
    // Not counted here: the gauge of sessions comes from the list of live sessions.
    case "alive":
    case "ended":
    case "acted":
      break;
    default:
      event satisfies never;
  }
}

/** Other families share a label, so that a client cannot add series. Breakdowns have all of them. */
const observedPlayers: ReadonlySet<string> = new Set([
  ...["AVPlayer", "ExoPlayer", "Roku", "Chromecast", "Tizen", "webOS", "VLC", "ffmpeg", "curl", "none"],
  ...["Chrome", "Safari", "Firefox", "Microsoft Edge"],
]);

function playerLabel(player: string | undefined): string {
  return player !== undefined && observedPlayers.has(player) ? player : "other";
}

function servedSeries(what: MediaPurpose) {
  return {
    served: seriesOf("stagedoor_served_total", { what, outcome: "served" }),
    renewed: seriesOf("stagedoor_served_total", { what, outcome: "renewed" }),
  };
}

function inSeconds(length: Milliseconds): number {
  return length / 1000;
}
