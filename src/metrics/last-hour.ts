import { roundDownTo, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { Asked, MinuteCounts, Outcomes } from "./gathered.ts";
import { readSeries } from "./metrics.ts";

const minute = seconds(60);
const hour = seconds(3_600);
/** The most codes of a minute, so that a worker with invalid codes cannot fill the memory. */
const mostCodes = 200;

export const noOutcomes: Outcomes = { accepted: 0, refused: {} };

interface Counted {
  readonly all: Map<string, number>;
  readonly accepted: Record<Asked, number>;
  readonly refused: Readonly<Record<Asked, Map<string, number>>>;
}

/** The last sixty minutes: the refusals per code, and what came of viewers' starts and media requests. */
export class LastHour {
  /** By the start of the minute. */
  readonly #minutes = new Map<number, Counted>();

  /** Adds an increment of a series at a time. Series that say nothing of requests are ignored. */
  add(series: string, more: number, at: UnixSeconds): void {
    if (!/^stagedoor_(refused|unserved|served|started)_total/.test(series)) return;
    const { name = "", labels = {} } = readSeries(series) ?? {};
    const { code = "", what = "", outcome = "" } = labels;
    const counted = this.#minute(roundDownTo(minute, at));
    if (name === "stagedoor_refused_total") addCode(counted.all, code, more);
    else if (name === "stagedoor_started_total") counted.accepted.start += more;
    // A renewed URL is requested again and counted then.
    else if (name === "stagedoor_served_total" && outcome === "served") counted.accepted.media += more;
    else if (name === "stagedoor_unserved_total" && (what === "start" || what === "media"))
      addCode(counted.refused[what], code, more);
  }

  /** Removes the minutes that began an hour ago or earlier. */
  forget(now: UnixSeconds): void {
    for (const at of this.#minutes.keys()) if (at <= roundDownTo(minute, now) - hour) this.#minutes.delete(at);
  }

  /** All sixty minutes up to the current one, oldest first, also those without requests. */
  minutes(now: UnixSeconds): readonly MinuteCounts[] {
    this.forget(now);
    const last = roundDownTo(minute, now);
    return Array.from({ length: hour / minute }, (_, place) => {
      const at = unixSeconds(last - hour + minute * (place + 1));
      return minuteOf(at, this.#minutes.get(at) ?? nothing());
    });
  }

  /** The minutes with requests. */
  kept(now: UnixSeconds): readonly MinuteCounts[] {
    return this.minutes(now).filter(({ at }) => this.#minutes.has(at));
  }

  restore(minutes: readonly MinuteCounts[]): void {
    for (const { at, counts, viewers } of minutes)
      this.#minutes.set(at, {
        all: new Map(Object.entries(counts)),
        accepted: { start: viewers.start.accepted, media: viewers.media.accepted },
        refused: {
          start: new Map(Object.entries(viewers.start.refused)),
          media: new Map(Object.entries(viewers.media.refused)),
        },
      });
  }

  #minute(at: number): Counted {
    const counted = this.#minutes.get(at) ?? nothing();
    this.#minutes.set(at, counted);
    return counted;
  }
}

function nothing(): Counted {
  return { all: new Map(), accepted: { start: 0, media: 0 }, refused: { start: new Map(), media: new Map() } };
}

function addCode(counts: Map<string, number>, code: string, more: number): void {
  if (!counts.has(code) && counts.size >= mostCodes) return;
  counts.set(code, (counts.get(code) ?? 0) + more);
}

function minuteOf(at: UnixSeconds, { all, accepted, refused }: Counted): MinuteCounts {
  const outcomes = (asked: Asked): Outcomes => ({
    accepted: accepted[asked],
    refused: Object.fromEntries(refused[asked]),
  });
  return {
    at,
    counts: Object.fromEntries(all),
    viewers: { start: outcomes("start"), media: outcomes("media") },
  };
}
