import { DurableObject } from "cloudflare:workers";
import type * as z from "zod";
import { defaultLeaseTtl } from "../../base/constants.ts";
import { readDecimal } from "../../base/encoding.ts";
import type { SqlStore } from "../../base/sql-store.ts";
import { isUnixSeconds, type Seconds, seconds, systemClock, type UnixSeconds } from "../../base/time.ts";
import type { RefusalsOfHour, Report, SessionsNow } from "../../metrics/gathered.ts";
import { Gathering, type Kept, keptSchemas, reportSchema, sessionsAskedSchema } from "../../metrics/gathering.ts";

interface MetricsEnv {
  /** How long a silent session holds its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

interface Opened {
  readonly gathering: Gathering;
  readonly rows: GatheringRows;
}

/**
 * Where the counts of all isolates come together: one object. What a report tells is written down before it is answered, as
 * the object leaves memory whenever nobody has asked it anything for ten seconds: a counter that went back would be taken for
 * one that began anew, and a report that was forgotten counted a second time.
 */
export class MetricsStore extends DurableObject<MetricsEnv> {
  #opened: Opened | undefined;

  /** One that cannot be read is counted and let go: its sender would else bring it again for ever, and none after it. */
  async report(told: unknown): Promise<void> {
    const { gathering, rows } = this.#open();
    const { data: report } = reportSchema.safeParse(told);
    if (report !== undefined && !gathering.isNew(report)) return;
    const now = systemClock();
    if (report === undefined) gathering.countUnread();
    else gathering.report(report, now);
    try {
      rows.add(report, now, gathering);
    } catch (failure) {
      // It is sent again: until then it did not come.
      this.#opened = undefined;
      throw failure;
    }
  }

  async counts(): Promise<(readonly [series: string, value: number])[]> {
    return this.#open().gathering.counts();
  }

  async sessions(asked: unknown): Promise<SessionsNow> {
    return this.#open().gathering.sessions(sessionsAskedSchema.parse(asked));
  }

  async refusals(): Promise<RefusalsOfHour> {
    return this.#open().gathering.refusals();
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { storage } = this.ctx;
    const gathering = new Gathering(systemClock, silence(this.env.STAGEDOOR_LEASE_TTL));
    const rows = new GatheringRows({ sql: storage.sql, transaction: (work) => storage.transactionSync(work) });
    rows.readInto(gathering);
    this.#opened = { gathering, rows };
    return this.#opened;
  }
}

/** As long as a lease, and half a minute more, in which an isolate asks for it anew and reports that. */
function silence(leaseTtl = ""): Seconds {
  return seconds((readDecimal(leaseTtl) ?? defaultLeaseTtl) + 30);
}

interface GatheringStore {
  readonly sql: SqlStore;
  /** Runs `work`, and takes back what it wrote where it throws. */
  readonly transaction: (work: () => void) => void;
}

const create = `
  CREATE TABLE IF NOT EXISTS report (number INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, body TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS snapshot (
    part TEXT NOT NULL, position INTEGER NOT NULL, value TEXT NOT NULL, PRIMARY KEY (part, position)
  ) WITHOUT ROWID;`;

/**
 * How many reports stand by themselves, and how many characters they have together, until they are folded into what was kept;
 * and how long a row is at most, as SQLite takes two megabytes of UTF-8.
 */
const most = { reports: 500, characters: 4_000_000, row: 500_000 };

/** A report that nobody could read. */
const unread = "";

/**
 * A gathering as rows, so that what was answered outlives the object's memory, which is emptied ten seconds after the last
 * question. Each report is one row; every few hundred, all that was gathered is written in their place, in as few rows as hold
 * it. After a restart the reports are added up anew, each at the time when it came.
 */
class GatheringRows {
  readonly #store: GatheringStore;
  #reports = 0;
  #characters = 0;

  constructor(store: GatheringStore) {
    this.#store = store;
    store.sql.exec(create);
  }

  /** Adds everything that was written to a gathering that nothing was reported to. */
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
      // What another version has written is no reason to count nothing.
      const report = body === unread ? undefined : read(reportSchema, body);
      if (report === undefined) gathering.countUnread();
      else gathering.report(report, at);
    }
  }

  /** Writes down a report that came at `at` and is in `gathering` already; undefined is one that nobody could read. */
  add(report: Report | undefined, at: UnixSeconds, gathering: Gathering): void {
    const body = report === undefined ? unread : JSON.stringify(report);
    if (body.length > most.row || this.#reports >= most.reports || this.#characters >= most.characters)
      this.#fold(gathering);
    else {
      this.#store.sql.exec("INSERT INTO report (received_at, body) VALUES (?, ?)", at, body);
      this.#count(body);
    }
  }

  #count(body: string): void {
    this.#reports++;
    this.#characters += body.length;
  }

  #fold(gathering: Gathering): void {
    const { sql, transaction } = this.#store;
    transaction(() => {
      sql.exec("DELETE FROM snapshot");
      for (const [part, ones] of Object.entries(gathering.kept()))
        for (const [position, value] of rowsOf(ones).entries())
          sql.exec("INSERT INTO snapshot (part, position, value) VALUES (?, ?, ?)", part, position, value);
      sql.exec("DELETE FROM report");
    });
    this.#reports = 0;
    this.#characters = 0;
  }

  #part<Part extends keyof Kept>(part: Part): Kept[Part][number][] {
    const schema: z.ZodType<Kept[Part][number]> = keptSchemas[part];
    const found: Kept[Part][number][] = [];
    for (const { value } of this.#store.sql.exec("SELECT value FROM snapshot WHERE part = ? ORDER BY position", part))
      if (typeof value === "string") found.push(...(read(schema.array(), value) ?? []));
    return found;
  }
}

/** A list as JSON, in pieces that are rows each. */
function rowsOf(ones: readonly unknown[]): string[] {
  const rows: string[][] = [];
  let length = most.row;
  for (const one of ones) {
    const text = JSON.stringify(one);
    if (length + text.length > most.row) {
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
