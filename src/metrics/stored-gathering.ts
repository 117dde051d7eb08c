import * as z from "zod";
import type { SqlStore } from "../base/sql-store.ts";
import { type Clock, isUnixSeconds, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { History } from "./day-history.ts";
import type { EventsAfter, OperatorAction } from "./event-log.ts";
import type { Group, RefusalsOfHour, Report, SessionsNow, ViewerSessions } from "./gathered.ts";
import { Gathering, type Kept } from "./gathering.ts";
import {
  groupBySchema,
  keptSchemas,
  reportSchema,
  sessionsAskedSchema,
  subjectsAskedSchema,
} from "./report-schemas.ts";

/** The database of the counts. */
export interface GatheringStore {
  readonly sql: SqlStore;
  /** Runs `work` alone among all writers of the database, and rolls back if it throws. */
  readonly transaction: <Value>(work: () => Value) => Value;
}

interface Opened {
  readonly gathering: Gathering;
  readonly rows: GatheringRows;
}

/**
 * The counts of all isolates or processes, in SQLite. Each report is stored before it is answered: if counters went
 * down after a restart, Prometheus would read that as a new start, and a report that is sent again would be counted
 * twice. Several processes may share the database: each follows the reports of the others, so all have the same counts.
 */
export class StoredGathering {
  readonly #store: GatheringStore;
  readonly #empty: () => Gathering;
  readonly #clock: Clock;
  #opened: Opened | undefined;

  constructor(store: GatheringStore, clock: Clock, leaseTtl: Seconds) {
    this.#store = store;
    this.#clock = clock;
    this.#empty = () => new Gathering(clock, longestSilence(leaseTtl));
  }

  /**
   * Adds a report of any form. An unreadable one is counted and dropped: otherwise its isolate would resend it for ever
   * and send no later one.
   */
  report(body: unknown): void {
    this.#inTurn(({ gathering, rows }) => {
      const { data: report } = reportSchema.safeParse(body);
      if (report !== undefined && !gathering.isNew(report)) return;
      const now = this.#clock();
      if (report === undefined) gathering.countUnread();
      else gathering.report(report, now);
      rows.add(report, now, gathering);
    });
  }

  counts(): (readonly [series: string, value: number])[] {
    return this.#inTurn(({ gathering }) => gathering.counts());
  }

  /** `query` is of any form: see `sessionsAskedSchema`. Throws if it is invalid. */
  sessions(query: unknown): SessionsNow {
    const asked = sessionsAskedSchema.parse(query);
    return this.#inTurn(({ gathering }) => gathering.sessions(asked));
  }

  /** `subjects` is of any form: see `subjectsAskedSchema`. Throws if it is invalid. */
  ofViewer(subjects: unknown): ViewerSessions {
    const asked = subjectsAskedSchema.parse(subjects);
    return this.#inTurn(({ gathering }) => gathering.ofViewer(asked));
  }

  refusals(): RefusalsOfHour {
    return this.#inTurn(({ gathering }) => gathering.refusals());
  }

  history(): History {
    return this.#inTurn(({ gathering }) => gathering.history());
  }

  /** `after` and `limit` are of any form. Throws if they are no id and number. */
  events(after: unknown, limit: unknown): EventsAfter {
    const asked = eventsAskedSchema.parse({ after, limit });
    return this.#inTurn(({ gathering, rows }) => {
      const happened = gathering.notice().map(({ type: event, ...rest }) => ({ event, ...rest }));
      if (happened.length > 0) {
        const report = { worker: "events", counts: [], refusals: [], alive: [], ended: [], happened };
        gathering.report(report);
        rows.add(report, this.#clock(), gathering);
      }
      return gathering.events(asked.after, asked.limit);
    });
  }

  actions(): readonly OperatorAction[] {
    return this.#inTurn(({ gathering }) => gathering.actions());
  }

  /** `by` is of any form. Throws if it is no grouping. */
  groups(by: unknown): Group[] {
    const asked = groupBySchema.parse(by);
    return this.#inTurn(({ gathering }) => gathering.groups(asked));
  }

  /** Runs `work` with the counts of all writers, while none of them writes. */
  #inTurn<Value>(work: (opened: Opened) => Value): Value {
    try {
      return this.#store.transaction(() => work(this.#now()));
    } catch (failure) {
      // The counts in memory may include a report that is not stored, and that is sent again.
      this.#opened = undefined;
      throw failure;
    }
  }

  #now(): Opened {
    const known = this.#opened;
    if (known?.rows.follow(known.gathering)) return known;
    const opened = { gathering: this.#empty(), rows: new GatheringRows(this.#store.sql) };
    opened.rows.readInto(opened.gathering);
    this.#opened = opened;
    return opened;
  }
}

const eventsAskedSchema = z.object({ after: z.string().optional(), limit: z.int().positive() });

/** The maximum time between two reports of a session: one lease, plus 30 s to renew and report it. */
function longestSilence(leaseTtl: Seconds): Seconds {
  return seconds(leaseTtl + 30);
}

const create = `
  CREATE TABLE IF NOT EXISTS report (number INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS snapshot (
    part TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (part, position)
  ) WITHOUT ROWID;`;

/**
 * After this many `reports`, or `characters` in them, a snapshot replaces them. `row` is the maximum number of characters
 * in a row, because SQLite accepts 2 MB of UTF-8.
 */
const limits = { reports: 500, characters: 4_000_000, row: 500_000 };

const throughSchema = z.array(z.int().nonnegative());

/** The body in the row of an unreadable report. */
const unreadableBody = "";

/**
 * A gathering in SQLite, so that it survives an eviction. Each report is one row; after a few hundred, a snapshot of the
 * sums replaces them. After a restart the remaining reports are added to the snapshot, each at its time of arrival.
 *
 * Rows are numbered without gaps and the snapshot has the number of its last one, so that a process notices which reports
 * of others it has not read.
 */
class GatheringRows {
  readonly #sql: SqlStore;
  /** The number of the last report that the gathering includes. */
  #last = 0;
  /** The number of the last report that a snapshot has replaced. */
  #compacted = 0;
  #reports = 0;
  #characters = 0;

  constructor(sql: SqlStore) {
    this.#sql = sql;
    sql.exec(create);
  }

  /** Adds the stored rows to an empty gathering. */
  readInto(gathering: Gathering): void {
    gathering.restore({
      counts: this.#part("counts"),
      minutes: this.#part("minutes"),
      groups: this.#part("groups"),
      refusals: this.#part("refusals"),
      isolates: this.#part("isolates"),
      buckets: this.#part("buckets"),
      marks: this.#part("marks"),
      states: this.#part("states"),
      events: this.#part("events"),
      actions: this.#part("actions"),
      alive: this.#part("alive"),
      ended: this.#part("ended"),
      past: this.#part("past"),
    });
    this.#startCount(this.#through());
    this.#readAfter(0, gathering);
    this.#last = Math.max(this.#last, this.#compacted);
  }

  /** Adds the reports of other processes. False if a snapshot has replaced some of them: read everything again. */
  follow(gathering: Gathering): boolean {
    const through = this.#through();
    if (through > this.#last) return false;
    if (through > this.#compacted) this.#startCount(through);
    this.#readAfter(this.#last, gathering);
    return true;
  }

  /** Stores a report that `gathering` already includes. `report` is undefined if it was unreadable. */
  add(report: Report | undefined, at: UnixSeconds, gathering: Gathering): void {
    const body = report === undefined ? unreadableBody : JSON.stringify(report);
    this.#last++;
    if (body.length > limits.row || this.#reports >= limits.reports || this.#characters >= limits.characters)
      this.#compact(gathering);
    else {
      this.#sql.exec("INSERT INTO report (number, received_at, body) VALUES (?, ?, ?)", this.#last, at, body);
      this.#count(body);
    }
  }

  #readAfter(number: number, gathering: Gathering): void {
    const rows = this.#sql.exec(
      "SELECT number, received_at, body FROM report WHERE number > ? ORDER BY number",
      number,
    );
    for (const { number: own, received_at: at, body } of rows) {
      this.#last = Number(own);
      if (!isUnixSeconds(at) || typeof body !== "string") continue;
      this.#count(body);
      // A row of another version may be unreadable; the other rows still count.
      const report = body === unreadableBody ? undefined : read(reportSchema, body);
      if (report === undefined) gathering.countUnread();
      else gathering.report(report, at);
    }
  }

  #count(body: string): void {
    this.#reports++;
    this.#characters += body.length;
  }

  /** Replaces all reports with a snapshot. */
  #compact(gathering: Gathering): void {
    const sql = this.#sql;
    sql.exec("DELETE FROM snapshot");
    for (const [part, values] of Object.entries({ ...gathering.kept(), through: [this.#last] }))
      for (const [position, value] of rowsOf(values).entries())
        sql.exec("INSERT INTO snapshot (part, position, value) VALUES (?, ?, ?)", part, position, value);
    sql.exec("DELETE FROM report");
    this.#startCount(this.#last);
  }

  #startCount(compacted: number): void {
    this.#compacted = compacted;
    this.#reports = 0;
    this.#characters = 0;
  }

  /** The number of the last report in the snapshot; 0 if there is none, or if an earlier version wrote it. */
  #through(): number {
    const [row] = this.#sql.exec("SELECT value FROM snapshot WHERE part = 'through'");
    const [number = 0] = typeof row?.value === "string" ? (read(throughSchema, row.value) ?? []) : [];
    return number;
  }

  #part<Part extends keyof Kept>(part: Part): Kept[Part][number][] {
    const schema: z.ZodType<Kept[Part][number]> = keptSchemas[part];
    const values: Kept[Part][number][] = [];
    for (const { value } of this.#sql.exec("SELECT value FROM snapshot WHERE part = ? ORDER BY position", part))
      if (typeof value === "string") values.push(...(read(schema.array(), value) ?? []));
    return values;
  }
}

/** A list as JSON, split into rows. */
function rowsOf(items: readonly unknown[]): string[] {
  const rows: string[][] = [];
  let length = limits.row;
  for (const item of items) {
    const text = JSON.stringify(item);
    if (length + text.length > limits.row) {
      rows.push([]);
      length = 0;
    }
    rows.at(-1)?.push(text);
    length += text.length + 1;
  }
  return rows.map((row) => `[${row.join(",")}]`);
}

function read<Value>(schema: z.ZodType<Value>, text: string): Value | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
