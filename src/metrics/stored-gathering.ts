import type * as z from "zod";
import type { SqlStore } from "../base/sql-store.ts";
import { type Clock, isUnixSeconds, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { RefusalsOfHour, Report, SessionsNow } from "./gathered.ts";
import { Gathering, type Kept, keptSchemas, reportSchema, sessionsAskedSchema } from "./gathering.ts";

/** The database of the counts. */
export interface GatheringStore {
  readonly sql: SqlStore;
  /** Runs `work`, and rolls back if it throws. */
  readonly transaction: (work: () => void) => void;
}

interface Opened {
  readonly gathering: Gathering;
  readonly rows: GatheringRows;
}

/**
 * The counts of all isolates or processes, in SQLite. Each report is stored before it is answered: if counters went
 * down after a restart, Prometheus would read that as a new start, and a report that is sent again would be counted
 * twice.
 */
export class StoredGathering {
  readonly #open: () => Opened;
  readonly #clock: Clock;
  #opened: Opened | undefined;

  constructor(store: GatheringStore, clock: Clock, leaseTtl: Seconds) {
    this.#clock = clock;
    this.#open = () => {
      const gathering = new Gathering(clock, longestSilence(leaseTtl));
      const rows = new GatheringRows(store);
      rows.readInto(gathering);
      return { gathering, rows };
    };
  }

  /**
   * Adds a report of any form. An unreadable one is counted and dropped: otherwise its isolate would resend it for ever
   * and send no later one.
   */
  report(body: unknown): void {
    const { gathering, rows } = this.#now();
    const { data: report } = reportSchema.safeParse(body);
    if (report !== undefined && !gathering.isNew(report)) return;
    const now = this.#clock();
    if (report === undefined) gathering.countUnread();
    else gathering.report(report, now);
    try {
      rows.add(report, now, gathering);
    } catch (failure) {
      // The report is sent again, so the counts in memory must not include it.
      this.#opened = undefined;
      throw failure;
    }
  }

  counts(): (readonly [series: string, value: number])[] {
    return this.#now().gathering.counts();
  }

  /** `query` is of any form: see `sessionsAskedSchema`. Throws if it is invalid. */
  sessions(query: unknown): SessionsNow {
    return this.#now().gathering.sessions(sessionsAskedSchema.parse(query));
  }

  refusals(): RefusalsOfHour {
    return this.#now().gathering.refusals();
  }

  #now(): Opened {
    this.#opened ??= this.#open();
    return this.#opened;
  }
}

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

/** The body in the row of an unreadable report. */
const unreadableBody = "";

/**
 * A gathering in SQLite, so that it survives an eviction. Each report is one row; after a few hundred, a snapshot of the
 * sums replaces them. After a restart the remaining reports are added to the snapshot, each at its time of arrival.
 */
class GatheringRows {
  readonly #store: GatheringStore;
  #reports = 0;
  #characters = 0;

  constructor(store: GatheringStore) {
    this.#store = store;
    store.sql.exec(create);
  }

  /** Adds the stored rows to an empty gathering. */
  readInto(gathering: Gathering): void {
    const { sql } = this.#store;
    gathering.restore({
      counts: this.#part("counts"),
      minutes: this.#part("minutes"),
      refusals: this.#part("refusals"),
      isolates: this.#part("isolates"),
      alive: this.#part("alive"),
      ended: this.#part("ended"),
    });
    for (const { received_at: at, body } of sql.exec("SELECT received_at, body FROM report ORDER BY number")) {
      if (!isUnixSeconds(at) || typeof body !== "string") continue;
      this.#count(body);
      // A row of another version may be unreadable; the other rows still count.
      const report = body === unreadableBody ? undefined : read(reportSchema, body);
      if (report === undefined) gathering.countUnread();
      else gathering.report(report, at);
    }
  }

  /** Stores a report that `gathering` already includes. `report` is undefined if it was unreadable. */
  add(report: Report | undefined, at: UnixSeconds, gathering: Gathering): void {
    const body = report === undefined ? unreadableBody : JSON.stringify(report);
    if (body.length > limits.row || this.#reports >= limits.reports || this.#characters >= limits.characters)
      this.#compact(gathering);
    else {
      this.#store.sql.exec("INSERT INTO report (received_at, body) VALUES (?, ?)", at, body);
      this.#count(body);
    }
  }

  #count(body: string): void {
    this.#reports++;
    this.#characters += body.length;
  }

  /** Replaces all reports with a snapshot. */
  #compact(gathering: Gathering): void {
    const { sql, transaction } = this.#store;
    transaction(() => {
      sql.exec("DELETE FROM snapshot");
      for (const [part, values] of Object.entries(gathering.kept()))
        for (const [position, value] of rowsOf(values).entries())
          sql.exec("INSERT INTO snapshot (part, position, value) VALUES (?, ?, ?)", part, position, value);
      sql.exec("DELETE FROM report");
    });
    this.#reports = 0;
    this.#characters = 0;
  }

  #part<Part extends keyof Kept>(part: Part): Kept[Part][number][] {
    const schema: z.ZodType<Kept[Part][number]> = keptSchemas[part];
    const values: Kept[Part][number][] = [];
    for (const { value } of this.#store.sql.exec("SELECT value FROM snapshot WHERE part = ? ORDER BY position", part))
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
