import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import type { RefusalCode } from "../base/result.ts";
import { type Clock, isUnixSeconds, type Seconds, type UnixSeconds } from "../base/time.ts";
import {
  bucketSchema,
  DayHistory,
  type History,
  type HistoryBucket,
  type Mark,
  markSchema,
  type SeenStates,
  seenStateSchema,
  statesSchema,
} from "./day-history.ts";
import { fairShare } from "./fair-share.ts";
import {
  type Group,
  type GroupBy,
  groupings,
  type RecentRefusal,
  type RefusalsOfHour,
  type Report,
  type SessionsAsked,
  type SessionsNow,
  type ViewerSessions,
} from "./gathered.ts";
import { GroupCounts, type KeptGroup } from "./group-counts.ts";
import { LastHour, noOutcomes } from "./last-hour.ts";
import { type KeptSessions, LiveSessions } from "./live-sessions.ts";
import { type Metric, type MetricName, metrics, readSeries, seriesOf } from "./metrics.ts";

/** The whole state, from which another instance can continue. Each part is bounded. */
export interface Kept extends KeptSessions {
  readonly counts: readonly (readonly [series: string, value: number])[];
  readonly minutes: RefusalsOfHour["minutes"];
  readonly groups: readonly KeptGroup[];
  /** Oldest first. */
  readonly refusals: readonly RecentRefusal[];
  /** The last sequence number of each isolate; the isolate that was silent for longest comes first. */
  readonly isolates: readonly (readonly [isolate: string, sequence: number])[];
  readonly buckets: readonly HistoryBucket[];
  readonly marks: readonly Mark[];
  readonly states: SeenStates;
}

/** Size limits. A worker that sends invalid series can only spoil its own metric. */
const most = { series: 1_000, unknown: 100, refusals: 500, isolates: 20_000 };

/** Adds up the reports of all isolates, in memory, by the given clock. */
export class Gathering {
  readonly #clock: Clock;
  readonly #sessions: LiveSessions;
  readonly #counts = new Map<string, number>();
  /** The series from reports, and their number per metric. */
  readonly #reported = new Set<string>();
  readonly #sizes = new Map<string, number>();
  readonly #hour = new LastHour();
  readonly #days = new DayHistory();
  readonly #groups = new GroupCounts();
  #refusals: readonly RecentRefusal[] = [];
  /** The last report of each isolate. */
  readonly #last = new Map<string, number>();

  /** `silence`: after this time without a report, a session counts as gone. A lease plus a margin. */
  constructor(clock: Clock, silence: Seconds) {
    this.#clock = clock;
    this.#sessions = new LiveSessions(clock, silence);
  }

  /** Whether a report was not seen before: duplicates are not counted again. */
  isNew({ from }: Pick<Report, "from">): boolean {
    return from === undefined || from.sequence > (this.#last.get(from.isolate) ?? 0);
  }

  /** Adds a report that arrived at `at`, unless it is a duplicate. */
  report(report: Report, at: UnixSeconds = this.#clock()): void {
    if (!this.isNew(report)) return;
    const { worker, from, counts, refusals, alive, ended, states = [], groups = [] } = report;
    if (from !== undefined) this.#remember(from);
    this.#add(seriesOf("stagedoor_reports_total", { worker }), 1);
    for (const [series, more] of counts) {
      if (!this.#isCounted(series)) this.#add(dropped, 1);
      else if (isGauge(series)) this.#counts.set(series, more);
      else {
        this.#add(series, more);
        this.#hour.add(series, more, at);
        this.#days.add(series, more, at);
      }
    }
    this.#hour.forget(at);
    for (const [by, value, code, more] of groups) this.#groups.add(by, value, code, more, at);
    this.#days.see(states, at);
    this.#days.forget(at);
    if (refusals.length > 0)
      this.#refusals = fairShare(
        [...this.#refusals, ...refusals].toSorted((a, b) => a.at - b.at),
        most.refusals,
      );
    for (const session of alive) this.#sessions.see(session);
    for (const sessionId of ended) this.#sessions.end(sessionId, at);
  }

  /** Counts a report that cannot be parsed. */
  countUnread(): void {
    this.#add(unread, 1);
  }

  /** Every series with its value, sorted by name; includes the current number of sessions. */
  counts(): (readonly [series: string, value: number])[] {
    const sessions = ["stagedoor_sessions", this.#sessions.count] as const;
    return [...this.#counts, sessions].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  sessions(asked: SessionsAsked): SessionsNow {
    return this.#sessions.list(asked);
  }

  ofViewer(subjects: readonly string[]): ViewerSessions {
    return this.#sessions.ofViewer(subjects);
  }

  refusals(): RefusalsOfHour {
    return { minutes: this.#hour.minutes(this.#clock()), recent: this.#refusals.toReversed() };
  }

  history(): History {
    return this.#days.history(this.#clock());
  }

  groups(by: GroupBy): Group[] {
    const [watching, refused] = [this.#sessions.groups(by), this.#groups.of(by, this.#clock())];
    return [...new Set([...watching.keys(), ...refused.keys()])].map((value) => {
      return { value, watching: watching.get(value) ?? 0, refused: refused.get(value) ?? {} };
    });
  }

  kept(): Kept {
    const minutes = this.#hour.kept(this.#clock());
    const groups = this.#groups.kept(this.#clock());
    const counts = [...this.#counts];
    const isolates = [...this.#last];
    const days = { ...this.history(), states: this.#days.states() };
    return { counts, minutes, groups, refusals: this.#refusals, isolates, ...days, ...this.#sessions.kept() };
  }

  /** Restores the state of another instance, before any report. */
  restore({ counts, minutes, groups, refusals, isolates, buckets, marks, states, ...sessions }: Kept): void {
    for (const [series, value] of counts) {
      this.#isCounted(series);
      this.#counts.set(series, value);
    }
    this.#hour.restore(minutes);
    this.#groups.restore(groups);
    this.#days.restore({ buckets, marks }, states);
    this.#refusals = refusals;
    for (const [isolate, sequence] of isolates) this.#last.set(isolate, sequence);
    this.#sessions.restore(sessions);
  }

  #remember({ isolate, sequence }: NonNullable<Report["from"]>): void {
    // Re-inserted, so that the isolates that were silent for longest are removed first.
    this.#last.delete(isolate);
    makeRoom(this.#last, most.isolates);
    this.#last.set(isolate, sequence);
  }

  /** Whether a report's series is accepted. Its first report reserves its place. */
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
}

const unread = seriesOf("stagedoor_reports_unread_total", {});
const dropped = seriesOf("stagedoor_series_dropped_total", {});

// RPC messages may come from a worker of another version, and stored data from an older one.

const time = z.number().refine(isUnixSeconds);
const word = z.string().regex(/^[a-z][a-z-]{0,31}$/);
const id = z.string().min(1).max(128);
/** Codes of other versions are accepted too. */
const code = z.custom<RefusalCode>((value) => typeof value === "string" && /^[a-z][a-z_]{0,63}$/.test(value));
const series = z
  .string()
  .max(300)
  .refine((text) => readSeries(text) !== undefined);
const count = z.tuple([series, z.number().nonnegative()]);

const asn = z.int().min(0).max(4_294_967_295);
/** A group's value: an id, a country or a family; without control characters, because it is shown. */
const group = z.string().regex(/^[\w .:+()&!-]{1,64}$/);

const liveSessionSchema = z.object({
  sessionId: id,
  assetId: id,
  subject: z.string().max(128),
  country: z.string().regex(/^[A-Z]{2}$/),
  startedAt: time,
  seenAt: time,
  expiresAt: time,
  asn: asn.optional(),
  player: group.optional(),
});

const pastSessionSchema = liveSessionSchema.extend({ endedAt: time.optional() });

const refusalSchema = z.object({
  at: time,
  worker: word,
  code,
  reason: z.string().max(2_000),
  request: z.string().max(128),
  subject: z.string().max(128).optional(),
  asset: id.optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional(),
  asn: asn.optional(),
  player: group.optional(),
});

/** A report as an isolate sends it. */
export const reportSchema = z.object({
  worker: word,
  from: z.object({ isolate: id, sequence: z.int().positive() }).optional(),
  counts: z.array(count).max(10_000),
  refusals: z.array(refusalSchema).max(1_000),
  alive: z.array(liveSessionSchema).max(10_000),
  ended: z.array(id).max(10_000),
  states: statesSchema.optional(),
  groups: z
    .array(z.tuple([z.enum(groupings), group, z.string().regex(/^[a-z][a-z_]{0,63}$/), z.int().positive()]))
    .max(2_000)
    .optional(),
});

export const sessionsAskedSchema = z.object({
  asset: z.string().optional(),
  session: z.string().optional(),
  subject: z.string().optional(),
  country: z.string().optional(),
  asn: z.int().optional(),
  player: z.string().optional(),
  name: z.string().optional(),
  skip: z.int().nonnegative().optional(),
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

/** The keyed hashes of a viewer, one per key in use. */
export const subjectsAskedSchema = z.array(z.string().max(128)).max(1_000);

/** The responses of the gathering object. */
export const countsSchema = z.array(count);
export const sessionsNowSchema = z.object({ count: z.int().nonnegative(), sessions: z.array(liveSessionSchema) });
export const viewerSessionsSchema = z.object({
  live: z.array(liveSessionSchema),
  past: z.array(pastSessionSchema),
});
const perCode = z.record(z.string(), z.number());
const outcomes = z.object({ accepted: z.number(), refused: perCode });
const minuteSchema = z.object({
  at: time,
  counts: perCode,
  // Absent in data of an older version.
  viewers: z.object({ start: outcomes, media: outcomes }).default({ start: noOutcomes, media: noOutcomes }),
});
export const refusalsOfHourSchema = z.object({ minutes: z.array(minuteSchema), recent: z.array(refusalSchema) });

export const groupsSchema = z.array(z.object({ value: z.string(), watching: z.int().nonnegative(), refused: perCode }));
export const groupBySchema = z.enum(groupings);

/** Stored data, one schema per part. */
export const keptSchemas: { readonly [Part in keyof Kept]: z.ZodType<Kept[Part][number]> } = {
  counts: count,
  minutes: minuteSchema,
  groups: z.object({
    at: time,
    by: groupBySchema,
    value: z.string(),
    code: z.string(),
    count: z.number(),
  }),
  refusals: refusalSchema,
  isolates: z.tuple([id, z.int().positive()]),
  buckets: bucketSchema,
  marks: markSchema,
  states: seenStateSchema,
  alive: liveSessionSchema,
  ended: z.tuple([id, time]),
  past: pastSessionSchema,
};

/** All series of unknown metrics share one limit. */
const unknownFamily = "unknown";

/** Counted by this object and not by reports. */
const ownCounters: ReadonlySet<string> = new Set<MetricName>([
  "stagedoor_reports_total",
  "stagedoor_reports_unread_total",
  "stagedoor_series_dropped_total",
]);

const families: Readonly<Record<string, Metric>> = metrics;

/**
 * The metric of a series that a report may increment or set. {@link unknownFamily} for one from a worker of another version.
 * Undefined for a series that no worker counts or that would make the exposition unreadable: a gauge that is not reported, a
 * counter of this object, or a part that a histogram or counter does not have.
 */
function reportedFamily(series: string): string | undefined {
  const read = readSeries(series);
  if (read === undefined || !read.name.startsWith("stagedoor_")) return undefined;
  const { name } = read;
  const labels = Object.keys(read.labels);
  const whole = metricOf(name);
  if (whole !== undefined) {
    if (whole.type !== "counter" && whole.isReported !== true) return undefined;
    if (ownCounters.has(name)) return undefined;
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

function isGauge(series: string): boolean {
  const brace = series.indexOf("{");
  return metricOf(brace < 0 ? series : series.slice(0, brace))?.type === "gauge";
}

function metricOf(name: string): Metric | undefined {
  return Object.hasOwn(families, name) ? families[name] : undefined;
}

function isSame(labels: readonly string[], order: readonly string[]): boolean {
  return labels.length === order.length && labels.every((label, place) => label === order[place]);
}
