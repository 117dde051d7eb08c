import { makeRoom } from "../base/oldest-out.ts";
import { type Clock, roundDownTo, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import { fairShare } from "./fair-share.ts";
import type { RecentRefusal, RefusalsOfHour, Report, SessionsAsked, SessionsNow } from "./gathered.ts";
import { type KeptSessions, LiveSessions } from "./live-sessions.ts";
import { seriesOf } from "./metrics.ts";
import { reportedFamily, unknownFamily } from "./reported-series.ts";
import { readSeries } from "./series.ts";

/** All of a gathering, so that another one goes on where it was. Each part is bounded. */
export interface Kept extends KeptSessions {
  readonly counts: readonly (readonly [series: string, value: number])[];
  readonly minutes: RefusalsOfHour["minutes"];
  /** The oldest first. */
  readonly refusals: readonly RecentRefusal[];
  /** The number of each isolate's last report, that of who has been silent for longest first. */
  readonly isolates: readonly (readonly [isolate: string, sequence: number])[];
}

/** The bounds of what is kept. A worker that names what it should not spoils no more than its own metric. */
const most = { series: 1_000, unknown: 100, codes: 200, refusals: 500, isolates: 20_000 };
const minute = seconds(60);
const hour = seconds(3_600);

/** Where the reports of all isolates come together, in memory and by the clock that is given. */
export class Gathering {
  readonly #clock: Clock;
  readonly #sessions: LiveSessions;
  readonly #counts = new Map<string, number>();
  /** The series that reports have raised, and how many there are of each metric. */
  readonly #reported = new Set<string>();
  readonly #sizes = new Map<string, number>();
  /** By the minute that it begins at: how many there were of each code. */
  readonly #minutes = new Map<number, Map<string, number>>();
  #refusals: readonly RecentRefusal[] = [];
  /** The last report of each isolate. */
  readonly #last = new Map<string, number>();

  /** `silence` is how long a session may be silent before it is taken for gone: as long as a lease lasts, and some more. */
  constructor(clock: Clock, silence: Seconds) {
    this.#clock = clock;
    this.#sessions = new LiveSessions(clock, silence);
  }

  /** Whether a report has not come before: one that comes a second time is not counted again. */
  isNew({ from }: Pick<Report, "from">): boolean {
    return from === undefined || from.sequence > (this.#last.get(from.isolate) ?? 0);
  }

  /** Adds a report that came at `at`, unless it is not new. */
  report(report: Report, at: UnixSeconds = this.#clock()): void {
    if (!this.isNew(report)) return;
    const { worker, from, counts, refusals, alive, ended } = report;
    if (from !== undefined) this.#remember(from);
    this.#add(seriesOf("stagedoor_reports_total", { worker }), 1);
    for (const [series, more] of counts) {
      if (!this.#isCounted(series)) this.#add(dropped, 1);
      else {
        this.#add(series, more);
        if (series.startsWith("stagedoor_refused_total{")) this.#addToMinute(series, more, at);
      }
    }
    this.#forgetMinutes(at);
    if (refusals.length > 0)
      this.#refusals = fairShare(
        [...this.#refusals, ...refusals].toSorted((a, b) => a.at - b.at),
        most.refusals,
      );
    for (const session of alive) this.#sessions.see(session);
    for (const sessionId of ended) this.#sessions.end(sessionId, at);
  }

  /** A report came that nobody can read. */
  countUnread(): void {
    this.#add(unread, 1);
  }

  /** Every series with its value, in the order of their names; how many sessions there are now among them. */
  counts(): (readonly [series: string, value: number])[] {
    const sessions = ["stagedoor_sessions", this.#sessions.count] as const;
    return [...this.#counts, sessions].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  sessions(asked: SessionsAsked): SessionsNow {
    return this.#sessions.list(asked);
  }

  refusals(): RefusalsOfHour {
    this.#forgetMinutes(this.#clock());
    return { minutes: this.#minutesInOrder(), recent: this.#refusals.toReversed() };
  }

  kept(): Kept {
    const minutes = this.#minutesInOrder().filter(({ counts }) => Object.keys(counts).length > 0);
    const { alive, ended } = this.#sessions.kept();
    return { counts: [...this.#counts], minutes, refusals: this.#refusals, isolates: [...this.#last], alive, ended };
  }

  /** Takes up what another gathering has kept, before anything was reported to this one. */
  restore({ counts, minutes, refusals, isolates, alive, ended }: Kept): void {
    for (const [series, value] of counts) {
      this.#isCounted(series);
      this.#counts.set(series, value);
    }
    for (const { at, counts: ofMinute } of minutes) this.#minutes.set(at, new Map(Object.entries(ofMinute)));
    this.#refusals = refusals;
    for (const [isolate, sequence] of isolates) this.#last.set(isolate, sequence);
    this.#sessions.restore({ alive, ended });
  }

  #remember({ isolate, sequence }: NonNullable<Report["from"]>): void {
    // Put in anew, so that the isolates go first that have been silent for longest.
    this.#last.delete(isolate);
    makeRoom(this.#last, most.isolates);
    this.#last.set(isolate, sequence);
  }

  /** Whether a report's series has a place, which it takes with the first report of it. */
  #isCounted(series: string): boolean {
    if (this.#reported.has(series)) return true;
    const family = reportedFamily(series);
    const size = this.#sizes.get(family ?? "") ?? 0;
    if (family === undefined || size >= (family === unknownFamily ? most.unknown : most.series)) return false;
    this.#sizes.set(family, size + 1);
    this.#reported.add(series);
    return true;
  }

  #add(series: string, more: number): void {
    this.#counts.set(series, (this.#counts.get(series) ?? 0) + more);
  }

  #addToMinute(series: string, more: number, at: UnixSeconds): void {
    const code = readSeries(series)?.labels.code;
    if (code === undefined) return;
    const began = roundDownTo(minute, at);
    const counts = this.#minutes.get(began) ?? new Map<string, number>();
    if (!counts.has(code) && counts.size >= most.codes) return;
    this.#minutes.set(began, counts.set(code, (counts.get(code) ?? 0) + more));
  }

  #forgetMinutes(now: UnixSeconds): void {
    for (const at of this.#minutes.keys()) if (at <= roundDownTo(minute, now) - hour) this.#minutes.delete(at);
  }

  /** All sixty, those without a refusal too, up to the one that has begun. */
  #minutesInOrder(): RefusalsOfHour["minutes"] {
    const last = roundDownTo(minute, this.#clock());
    return Array.from({ length: hour / minute }, (_, place) => {
      const at = unixSeconds(last - hour + minute * (place + 1));
      return { at, counts: Object.fromEntries(this.#minutes.get(at) ?? []) };
    });
  }
}

const unread = seriesOf("stagedoor_reports_unread_total", {});
const dropped = seriesOf("stagedoor_series_dropped_total", {});
