import { seconds, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { type DataPoint, dataPointOf, sumsOf } from "../../metrics/data-point.ts";
import type { Gathered, Report } from "../../metrics/gathered.ts";
import { Reporter, withOwn } from "../../metrics/reporter.ts";
import { noTelemetry, type Telemetry } from "../../metrics/telemetry.ts";
import { gatheredBy, type MetricsStoreNamespace } from "./object-clients.ts";

/** A worker's bindings for telemetry. */
export interface TelemetryBindings<Id> {
  /** The object that adds up the counts of all isolates; without it /metrics has none. */
  readonly METRICS_STORE?: MetricsStoreNamespace<Id> | undefined;
  /** A dataset of Workers Analytics Engine; without it no events are written. */
  readonly TELEMETRY?: Dataset | undefined;
  readonly STAGEDOOR_ENV?: string | undefined;
}

export interface IsolateTelemetry {
  readonly telemetry: Telemetry;
  readonly reporter: Reporter;
  /** The counts of all isolates, including this isolate's unreported ones; undefined if METRICS_STORE is not bound. */
  readonly gathered: Gathered | undefined;
}

/** Seconds between an isolate's reports; short in development, where the developer watches the counts. */
const reportEvery = { deployed: 10, development: 1 };

const made = new Map<string, IsolateTelemetry>();

/**
 * This isolate's telemetry, shared by the worker and its Durable Objects here, so that they send one report together.
 * It keeps no promise and no stub, which requests must not share.
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

/** Telemetry outside of request handlers; `waitUntil` keeps a request alive until the counts are reported. */
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
 * Counts in Workers Analytics Engine, if a dataset is bound. `SUM(_sample_interval * double1)` is the number of events:
 * each event is a point with the value 1, except the events of single files, which {@link analyticsSums} writes. The
 * runtime writes after the response, so a request does not wait.
 */
export function analyticsTelemetry(dataset: Dataset | undefined): Telemetry {
  if (dataset === undefined) return noTelemetry;
  return (event) => {
    const point = dataPointOf(event);
    if (point !== undefined) write(dataset, point);
  };
}

/** Writes the sums of a report: one point per file would exceed the store's limit per request. */
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
    // A viewer's request must not fail because it is not counted.
  }
}
