import { makeRoom } from "../base/oldest-out.ts";
import { type Clock, roundDownTo, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import type { RecentRefusal, RefusalsOfHour, Report, SessionsAsked, SessionsNow } from "./gathered.ts";
import { LiveSessions } from "./live-sessions.ts";
import { seriesOf } from "./metrics.ts";
import { readSeries } from "./series.ts";

/** What of a gathering outlives a restart: sessions and the last refusals come anew with the next reports. */
export interface KeptCounts {
  readonly counts: readonly (readonly [series: string, value: number])[];
  readonly minutes: RefusalsOfHour["minutes"];
}

/** The bounds of what is kept. */
const most = { series: 5_000, refusals: 500, isolates: 20_000 };
const minute = seconds(60);
const hour = seconds(3_600);

/** Where the reports of all isolates come together, in memory and by the clock that is given. */
export class Gathering {
  readonly #clock: Clock;
  readonly #sessions: LiveSessions;
  readonly #counts = new Map<string, number>();
  /** By the minute that it begins at: how many there were of each code. */
  readonly #minutes = new Map<number, Map<string, number>>();
  #refusals: RecentRefusal[] = [];
  /** The last report of each isolate. */
  readonly #last = new Map<string, number>();

  /** `silence` is how long a session may be silent before it is taken for gone: as long as a lease lasts, and some more. */
  constructor(clock: Clock, silence: Seconds) {
    this.#clock = clock;
    this.#sessions = new LiveSessions(clock, silence);
  }

  /** Whether it was new: one that comes a second time is not counted again. */
  report({ worker, from, counts, refusals, alive, ended }: Report): boolean {
    if (from !== undefined && !this.#isNew(from)) return false;
    this.#add(seriesOf("stagedoor_reports_total", { worker }), 1);
    const now = this.#clock();
    for (const [series, more] of counts) {
      this.#add(series, more);
      if (series.startsWith("stagedoor_refused_total{")) this.#addToMinute(series, more, now);
    }
    this.#forgetMinutes(now);
    this.#refusals = [...this.#refusals, ...refusals].toSorted((a, b) => a.at - b.at).slice(-most.refusals);
    for (const session of alive) this.#sessions.see(session);
    for (const sessionId of ended) this.#sessions.end(sessionId);
    return true;
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

  kept(): KeptCounts {
    return { counts: [...this.#counts], minutes: this.#minutesInOrder() };
  }

  /** Takes up what another gathering has kept, before anything was reported to this one. */
  restore({ counts, minutes }: KeptCounts): void {
    for (const [series, value] of counts) this.#counts.set(series, value);
    for (const { at, counts: ofMinute } of minutes) this.#minutes.set(at, new Map(Object.entries(ofMinute)));
  }

  #isNew({ isolate, sequence }: NonNullable<Report["from"]>): boolean {
    if (sequence <= (this.#last.get(isolate) ?? 0)) return false;
    // Put in anew, so that the isolates go first that have been silent for longest.
    this.#last.delete(isolate);
    makeRoom(this.#last, most.isolates);
    this.#last.set(isolate, sequence);
    return true;
  }

  #add(series: string, more: number): void {
    const value = this.#counts.get(series);
    if (value !== undefined || this.#counts.size < most.series) this.#counts.set(series, (value ?? 0) + more);
    else this.#counts.set(dropped, (this.#counts.get(dropped) ?? 0) + 1);
  }

  #addToMinute(series: string, more: number, now: UnixSeconds): void {
    const code = readSeries(series)?.labels.code;
    if (code === undefined) return;
    const at = roundDownTo(minute, now);
    const counts = this.#minutes.get(at) ?? new Map<string, number>();
    this.#minutes.set(at, counts.set(code, (counts.get(code) ?? 0) + more));
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
