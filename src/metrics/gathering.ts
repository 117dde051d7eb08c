import { makeRoom } from "../base/bounded-map.ts";
import type { Clock, Seconds, UnixSeconds } from "../base/time.ts";
import { DayHistory, type History, type HistoryBucket, type Mark, type SeenStates } from "./day-history.ts";
import { EventLog, type EventsAfter, type OperatorAction, type ServiceEvent } from "./event-log.ts";
import { fairShare } from "./fair-share.ts";
import type {
  Group,
  GroupBy,
  RecentRefusal,
  RefusalsOfHour,
  Report,
  SessionsAsked,
  SessionsNow,
  ViewerSessions,
} from "./gathered.ts";
import { GroupCounts, type KeptGroup } from "./group-counts.ts";
import { LastHour } from "./last-hour.ts";
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
  readonly events: readonly ServiceEvent[];
  readonly actions: readonly OperatorAction[];
}

/** Size limits. A worker that sends invalid series can only spoil its own metric. */
const most = { series: 1_000, unknown: 100, refusals: 500, isolates: 20_000 };

/** The most events of one answer. */
const mostEvents = 500;

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
  readonly #events = new EventLog();
  /** The ends of sessions that fell silent, before {@link Gathering.notice} puts them among the events. */
  #unnoticed: ServiceEvent[] = [];
  #refusals: readonly RecentRefusal[] = [];
  /** The last report of each isolate. */
  readonly #last = new Map<string, number>();

  /** `silence`: after this time without a report, a session counts as gone. A lease plus a margin. */
  constructor(clock: Clock, silence: Seconds) {
    this.#clock = clock;
    this.#sessions = new LiveSessions(clock, silence, (event, by) => {
      if (by === "report") this.#events.add(event);
      else this.#unnoticed.push(event);
    });
  }

  /** Whether a report was not seen before: duplicates are not counted again. */
  isNew({ from }: Pick<Report, "from">): boolean {
    return from === undefined || from.sequence > (this.#last.get(from.isolate) ?? 0);
  }

  /** Adds a report that arrived at `at`, unless it is a duplicate. */
  report(report: Report, at: UnixSeconds = this.#clock()): void {
    if (!this.isNew(report)) return;
    const { worker, from, counts, refusals, alive, ended, states = [], groups = [], happened = [] } = report;
    const why = new Map(report.why);
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
    for (const sessionId of ended) this.#sessions.end(sessionId, at, why.get(sessionId));
    this.#events.addAll(happened, from === undefined ? `${worker} ${at}` : `${from.isolate}-${from.sequence}`);
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

  /**
   * Adds the ends of sessions that fell silent, and returns them. No report says them, so who stores reports stores these too:
   * the order of events has to be the same after a restart, or a reader would miss some.
   */
  notice(): readonly ServiceEvent[] {
    void this.#sessions.count;
    const noticed = this.#unnoticed.filter((event) => this.#events.add(event));
    this.#unnoticed = [];
    return noticed;
  }

  events(after: string | undefined, limit: number): EventsAfter {
    this.notice();
    return this.#events.after(after, Math.min(limit, mostEvents));
  }

  actions(): readonly OperatorAction[] {
    return this.#events.actions();
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
    const sessions = this.#sessions.kept();
    this.notice();
    const happened = this.#events.kept();
    return { counts, minutes, groups, refusals: this.#refusals, isolates, ...days, ...happened, ...sessions };
  }

  /** Restores the state of another instance, before any report. */
  restore({
    counts,
    minutes,
    groups,
    refusals,
    isolates,
    buckets,
    marks,
    states,
    events,
    actions,
    ...sessions
  }: Kept): void {
    for (const [series, value] of counts) {
      this.#isCounted(series);
      this.#counts.set(series, value);
    }
    this.#hour.restore(minutes);
    this.#groups.restore(groups);
    this.#days.restore({ buckets, marks }, states);
    this.#events.restore({ events, actions });
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
