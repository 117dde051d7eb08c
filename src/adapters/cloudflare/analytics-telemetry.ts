import { type DataPoint, dataPointOf, sumsOf } from "../../telemetry/data-point.ts";
import type { Report } from "../../telemetry/gathered.ts";
import { noTelemetry, type Telemetry } from "../../telemetry/telemetry.ts";

/** The part of an AnalyticsEngineDataset that is used here. */
export interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * Counts in Workers Analytics Engine, where a dataset is bound; else nowhere. `SUM(_sample_interval * double1)` is how often
 * something happened: an event is a point with the value 1, but for what happens with each file, which
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
