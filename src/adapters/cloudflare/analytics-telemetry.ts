import { dataPointOf } from "../../telemetry/data-point.ts";
import { noTelemetry, type Telemetry } from "../../telemetry/telemetry.ts";

/** The part of an AnalyticsEngineDataset that is used here. */
export interface Dataset {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/**
 * Counts in Workers Analytics Engine, where a dataset is bound; else nowhere. Each event is one point with the value 1, so
 * `SUM(_sample_interval * double1)` is how often it happened. Writing costs the request nothing: the runtime does it later.
 */
export function analyticsTelemetry(dataset: Dataset | undefined): Telemetry {
  if (dataset === undefined) return noTelemetry;
  return (event) => {
    try {
      const { index, blobs } = dataPointOf(event);
      dataset.writeDataPoint({ indexes: [index], blobs: [...blobs], doubles: [1] });
    } catch {
      // A viewer's request does not fail because nobody counts it.
    }
  };
}
