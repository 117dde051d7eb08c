import type { Counts } from "./count-event.ts";
import type { Histogram } from "./metrics.ts";

/** Series that one isolate counts at most: its labels are of closed sets, so more would be a fault of ours. */
const mostSeries = 2_000;

/** Counts in memory until they are taken. */
export class Tally implements Counts {
  #series = new Map<string, number>();
  #histograms = new Map<Histogram, Float64Array>();

  get isEmpty(): boolean {
    return this.#series.size === 0 && this.#histograms.size === 0;
  }

  add(series: string): void {
    const count = this.#series.get(series);
    if (count !== undefined || this.#series.size < mostSeries) this.#series.set(series, (count ?? 0) + 1);
  }

  observe(histogram: Histogram, value: number): void {
    const { bounds } = histogram;
    let cells = this.#histograms.get(histogram);
    if (cells === undefined) {
      // A cell for each bucket, one for what lies above them all, and the sum.
      cells = new Float64Array(bounds.length + 2);
      this.#histograms.set(histogram, cells);
    }
    let bucket = 0;
    while (value > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    cells[bucket] = (cells[bucket] ?? 0) + 1;
    cells[bounds.length + 1] = (cells[bounds.length + 1] ?? 0) + value;
  }

  /** What was counted since it was last taken. Of a histogram that was observed every bucket is named, empty ones too. */
  take(): (readonly [series: string, more: number])[] {
    const taken: (readonly [string, number])[] = [...this.#series];
    for (const [{ buckets, sum, count }, cells] of this.#histograms) {
      let upTo = 0;
      for (const [place, bucket] of buckets.entries()) {
        upTo += cells[place] ?? 0;
        taken.push([bucket, upTo]);
      }
      taken.push([sum, cells[buckets.length] ?? 0], [count, upTo]);
    }
    this.#series = new Map();
    this.#histograms = new Map();
    return taken;
  }
}
