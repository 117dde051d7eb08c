import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import type { RefusalCode } from "../base/result.ts";
import {
  type Clock,
  isUnixSeconds,
  roundDownTo,
  type Seconds,
  seconds,
  type UnixSeconds,
  unixSeconds,
} from "../base/time.ts";
import type { RecentRefusal, RefusalsOfHour, Report, SessionsAsked, SessionsNow } from "./gathered.ts";
import { fairShare, type KeptSessions, LiveSessions } from "./live-sessions.ts";
import { type Metric, type MetricName, metrics, readSeries, seriesOf } from "./metrics.ts";

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

// What comes over RPC may be of a worker of another version, and what is stored of an older one.

const time = z.number().refine(isUnixSeconds);
const word = z.string().regex(/^[a-z][a-z-]{0,31}$/);
const id = z.string().min(1).max(128);
/** One that another version knows is a code all the same. */
const code = z.custom<RefusalCode>((value) => typeof value === "string" && /^[a-z][a-z_]{0,63}$/.test(value));
const series = z
  .string()
  .max(300)
  .refine((text) => readSeries(text) !== undefined);
const count = z.tuple([series, z.number().nonnegative()]);

const liveSessionSchema = z.object({
  sessionId: id,
  assetId: id,
  subject: z.string().max(128),
  country: z.string().regex(/^[A-Z]{2}$/),
  startedAt: time,
  seenAt: time,
  expiresAt: time,
});

const refusalSchema = z.object({
  at: time,
  worker: word,
  code,
  reason: z.string().max(2_000),
  request: z.string().max(128),
  subject: z.string().max(128).optional(),
});

/** A report as it comes from an isolate. */
export const reportSchema = z.object({
  worker: word,
  from: z.object({ isolate: id, sequence: z.int().positive() }).optional(),
  counts: z.array(count).max(10_000),
  refusals: z.array(refusalSchema).max(1_000),
  alive: z.array(liveSessionSchema).max(10_000),
  ended: z.array(id).max(10_000),
});

export const sessionsAskedSchema = z.object({
  asset: z.string().optional(),
  session: z.string().optional(),
  subject: z.string().optional(),
  name: z.string().optional(),
  order: z.literal("begun").optional(),
  without: z
    .object({
      sessions: z.array(z.string()),
      assets: z.array(z.string()),
      subjects: z.array(z.tuple([z.string(), time])),
    })
    .optional(),
  limit: z.int().nonnegative(),
});

/** The answers of who gathers. */
export const countsSchema = z.array(count);
export const sessionsNowSchema = z.object({ count: z.int().nonnegative(), sessions: z.array(liveSessionSchema) });
const minuteSchema = z.object({ at: time, counts: z.record(z.string(), z.number()) });
export const refusalsOfHourSchema = z.object({ minutes: z.array(minuteSchema), recent: z.array(refusalSchema) });

/** What was stored: one of each part. */
export const keptSchemas: { readonly [Part in keyof Kept]: z.ZodType<Kept[Part][number]> } = {
  counts: count,
  minutes: minuteSchema,
  refusals: refusalSchema,
  isolates: z.tuple([id, z.int().positive()]),
  alive: liveSessionSchema,
  ended: z.tuple([id, time]),
};

/** What a metric of another version is bounded with: all such series together. */
const unknownFamily = "unknown";

/** Counted where the reports come together, and by no report. */
const ownCounters: ReadonlySet<string> = new Set<MetricName>([
  "stagedoor_reports_total",
  "stagedoor_reports_unread_total",
  "stagedoor_series_dropped_total",
]);

const families: Readonly<Record<string, Metric>> = metrics;

/**
 * The metric of a series that a report may raise; {@link unknownFamily} for one that this version does not know, since a
 * worker of another one counts it. Undefined for what no worker counts, or would make the exposition one that no scraper
 * reads: a gauge, a count of ours, a part that a histogram or counter does not have.
 */
function reportedFamily(series: string): string | undefined {
  const read = readSeries(series);
  if (read === undefined || !read.name.startsWith("stagedoor_")) return undefined;
  const { name } = read;
  const labels = Object.keys(read.labels);
  const whole = metricOf(name);
  if (whole !== undefined) {
    if (whole.type !== "counter" || ownCounters.has(name)) return undefined;
    return isSame(labels, whole.labels) ? name : unknownFamily;
  }
  const [, base = "", part = ""] = /^(.+)_(bucket|sum|count)$/.exec(name) ?? [];
  const metric = metricOf(base);
  if (metric === undefined) return unknownFamily;
  if (metric.type !== "histogram" || labels.includes("le") !== (part === "bucket")) return undefined;
  if (part === "bucket" && !/^(\+Inf|\d+(\.\d+)?)$/.test(read.labels.le ?? "")) return undefined;
  const others = labels.filter((label) => label !== "le");
  return isSame(others, metric.labels) ? base : unknownFamily;
}

function metricOf(name: string): Metric | undefined {
  return Object.hasOwn(families, name) ? families[name] : undefined;
}

function isSame(labels: readonly string[], order: readonly string[]): boolean {
  return labels.length === order.length && labels.every((label, place) => label === order[place]);
}
