import { makeRoom } from "../base/bounded-map.ts";
import type { RefusalCode } from "../base/result.ts";
import type { Clock } from "../base/time.ts";
import { type Counts, countEvent } from "./count-event.ts";
import type { EventType, Happening } from "./event-log.ts";
import { fairShare } from "./fair-share.ts";
import type { GroupBy, LiveSession, RecentRefusal, Report } from "./gathered.ts";
import { groupsOf, observedGroup, otherGroups } from "./group-counts.ts";
import type { Histogram } from "./metrics.ts";
import type { Ended, Telemetry } from "./telemetry.ts";

/** Size limits of a report, except its counts. */
const most = { refusals: 20, alive: 2_000, ended: 2_000, groups: 1_000, happened: 200 };

/** The refusals that are events by themselves. */
const typeOfRefusal: Partial<Readonly<Record<RefusalCode, EventType>>> = {
  stream_limit: "session.limit_reached",
  session_shared: "session.shared",
};

/** Characters of a refusal's reason in a report; the log has all of it. */
const longestReason = 500;

/** Counts in one isolate, in memory and synchronously, until a report takes the counts. */
export class IsolateCounter {
  readonly #clock: Clock;
  readonly #tally = new Tally();
  #refusals: RecentRefusal[] = [];
  #alive = new Map<string, LiveSession>();
  #ended = new Map<string, Ended>();
  #happened: Happening[] = [];
  #groups = new Map<string, NonNullable<Report["groups"]>[number]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly telemetry: Telemetry = (event) => {
    countEvent(event, this.#tally);
    switch (event.event) {
      case "refused": {
        const { worker, code, reason, request, subject, asset, country, asn, player } = event;
        const traits = { asset, country, asn, player };
        for (const [by, value] of groupsOf(traits)) this.#addToGroup(by, value, code);
        // Rarely, because it scans all of them.
        if (this.#refusals.length >= 4 * most.refusals) this.#refusals = fairShare(this.#refusals, most.refusals);
        const told = reason.slice(0, longestReason);
        const type = typeOfRefusal[code];
        if (type !== undefined) this.#happen({ event: type, at: this.#clock(), data: { asset, subject } });
        this.#refusals.push({ at: this.#clock(), worker, code, reason: told, request, subject, ...traits });
        return;
      }
      case "observed":
        for (const [by, value] of groupsOf(event)) this.#addToGroup(by, value, observedGroup + event.code);
        return;
      case "alive": {
        const { event: _, ...session } = event;
        if (!this.#alive.has(session.sessionId)) makeRoom(this.#alive, most.alive);
        this.#alive.set(session.sessionId, session);
        return;
      }
      // A session that began and ended since the last report stays among those alive: both are events.
      case "ended":
        if (this.#ended.size < most.ended) this.#ended.set(event.sessionId, event.why);
        return;
      case "acted": {
        const { event: acted, ...action } = event;
        this.#happen({ event: acted, at: this.#clock(), ...action });
        return;
      }
      default:
        return;
    }
  };

  /** A viewer who tries again and again is one event per report. */
  #happen(happening: Happening): void {
    const isSame = (other: Happening) =>
      other.event !== "acted" &&
      happening.event === other.event &&
      happening.data.subject === other.data.subject &&
      happening.data.asset === other.data.asset;
    if (this.#happened.length < most.happened && !this.#happened.some(isSame)) this.#happened.push(happening);
  }

  #addToGroup(by: GroupBy, value: string, code: string): void {
    const hasPlace = this.#groups.has(`${by} ${value} ${code}`) || this.#groups.size < most.groups;
    const group = hasPlace ? value : otherGroups;
    const key = `${by} ${group} ${code}`;
    const [, , , count] = this.#groups.get(key) ?? [by, group, code, 0];
    this.#groups.set(key, [by, group, code, count + 1]);
  }

  /** Returns and clears the counts since the last report; undefined if there are none. */
  take(): Omit<Report, "worker" | "from"> | undefined {
    if (this.#tally.isEmpty && this.#alive.size === 0 && this.#ended.size === 0 && this.#happened.length === 0)
      return undefined;
    const taken = {
      counts: this.#tally.take(),
      refusals: fairShare(this.#refusals, most.refusals),
      alive: [...this.#alive.values()],
      ended: [...this.#ended.keys()],
      ...(this.#ended.size > 0 && { why: [...this.#ended] }),
      ...(this.#happened.length > 0 && { happened: this.#happened }),
      ...(this.#groups.size > 0 && { groups: [...this.#groups.values()] }),
    };
    this.#groups = new Map();
    this.#refusals = [];
    this.#alive = new Map();
    this.#ended = new Map();
    this.#happened = [];
    return taken;
  }
}

/** The most series of one isolate. Labels are from closed sets, so more would be a bug. */
const mostSeries = 2_000;

/** Counts in memory until they are taken. */
class Tally implements Counts {
  #series = new Map<string, number>();
  #histograms = new Map<Histogram, Float64Array>();

  get isEmpty(): boolean {
    return this.#series.size === 0 && this.#histograms.size === 0;
  }

  add(series: string): void {
    const count = this.#series.get(series);
    if (count !== undefined || this.#series.size < mostSeries) this.#series.set(series, (count ?? 0) + 1);
  }

  set(series: string, value: number): void {
    if (this.#series.has(series) || this.#series.size < mostSeries) this.#series.set(series, value);
  }

  observe(histogram: Histogram, value: number): void {
    const { bounds } = histogram;
    let cells = this.#histograms.get(histogram);
    if (cells === undefined) {
      // One cell per bucket, one for values above all of them, and the sum.
      cells = new Float64Array(bounds.length + 2);
      this.#histograms.set(histogram, cells);
    }
    let bucket = 0;
    while (value > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    cells[bucket] = (cells[bucket] ?? 0) + 1;
    cells[bounds.length + 1] = (cells[bounds.length + 1] ?? 0) + value;
  }

  /** Returns and clears the counts. A histogram that was observed lists every bucket, also empty ones. */
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
