import { seconds, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { type DataPoint, dataPointOf, sumsOf } from "../../metrics/data-point.ts";
import type { Gathered, Report } from "../../metrics/gathered.ts";
import { Reporter, withOwn } from "../../metrics/reporter.ts";
import { noTelemetry, type Telemetry } from "../../metrics/telemetry.ts";
import { gatheredBy, type MetricsStoreNamespace } from "./object-clients.ts";

/** What a worker counts with. */
export interface TelemetryBindings<Id> {
  /** Where the counts of all isolates come together; without it there are none at /metrics. */
  readonly METRICS_STORE?: MetricsStoreNamespace<Id> | undefined;
  /** A dataset of Workers Analytics Engine; without it nothing is written there. */
  readonly TELEMETRY?: Dataset | undefined;
  readonly STAGEDOOR_ENV?: string | undefined;
}

export interface IsolateTelemetry {
  readonly telemetry: Telemetry;
  readonly reporter: Reporter;
  /** The counts of all isolates, and at once those of this one; undefined where METRICS_STORE is not bound. */
  readonly gathered: Gathered | undefined;
}

/** How long an isolate counts before it reports, in seconds; on a development machine somebody is looking. */
const reportEvery = { deployed: 10, development: 1 };

const made = new Map<string, IsolateTelemetry>();

/**
 * What counts in this isolate: one for the worker and all Durable Objects of its that live here, since each would else send
 * reports of its own. It holds no promise and no stub, which requests may not share.
 */
export function isolateTelemetry<Id>(worker: string, bindings: TelemetryBindings<Id>): IsolateTelemetry {
  const known = made.get(worker);
  if (known !== undefined) return known;
  const { METRICS_STORE, TELEMETRY, STAGEDOOR_ENV } = bindings;
  const gathered = METRICS_STORE === undefined ? undefined : gatheredBy(METRICS_STORE);
  const reporter = new Reporter({
    worker,
    gathered,
    clock: systemMillisecondClock,
    timer: systemTimer,
    every: seconds(reportEvery[STAGEDOOR_ENV === "development" ? "development" : "deployed"]),
    isolate: crypto.randomUUID(),
    onCounts: analyticsSums(TELEMETRY),
  });
  const write = analyticsTelemetry(TELEMETRY);
  const telemetry: Telemetry = (event) => {
    reporter.telemetry(event);
    write(event);
  };
  const counting = {
    telemetry: TELEMETRY === undefined ? reporter.telemetry : telemetry,
    reporter,
    gathered: gathered === undefined ? undefined : withOwn(gathered, reporter),
  };
  made.set(worker, counting);
  return counting;
}

/** What a worker counts with outside of its own requests' answers; somebody's request stays until it is reported. */
export function countedBy<Id>(
  worker: string,
  waitUntil: (work: Promise<unknown>) => void,
): (bindings: TelemetryBindings<Id>) => Telemetry {
  return (bindings) => {
    const { telemetry, reporter } = isolateTelemetry(worker, bindings);
    reporter.linger(waitUntil);
    return telemetry;
  };
}

/** The part of an AnalyticsEngineDataset that is used here. */
export interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * Counts in Workers Analytics Engine, where a dataset is bound; else nowhere. `SUM(_sample_interval * double1)` is how often
 * something happened: an event is a point with the value 1, except events of each file, which
 * {@link analyticsSums} writes. Writing costs the request nothing: the runtime does it later.
 */
export function analyticsTelemetry(dataset: Dataset | undefined): Telemetry {
  if (dataset === undefined) return noTelemetry;
  return (event) => {
    const point = dataPointOf(event);
    if (point !== undefined) write(dataset, point);
  };
}

/** Writes the sums of a report: one point for each file would be more than the store takes of a request. */
export function analyticsSums(dataset: Dataset | undefined): (counts: Report["counts"]) => void {
  if (dataset === undefined) return () => undefined;
  return (counts) => {
    for (const point of sumsOf(counts)) write(dataset, point);
  };
}

function write(dataset: Dataset, { index, blobs, doubles }: DataPoint): void {
  try {
    dataset.writeDataPoint({ indexes: [index], blobs: [...blobs], doubles: [...doubles] });
  } catch {
    // A viewer's request does not fail because nobody counts it.
  }
}
