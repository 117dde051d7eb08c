import * as z from "zod";
import { isObject } from "../base/body-text.ts";
import type { SqlRow, SqlStore } from "../base/sql-store.ts";
import {
  isUnixSeconds,
  type MillisecondClock,
  type Seconds,
  seconds,
  type UnixSeconds,
  unixSeconds,
} from "../base/time.ts";
import {
  type KeptRevocation,
  type LoggedRevocation,
  planAppend,
  type Revocation,
  type RevocationDelta,
  type RevocationDetail,
  type RevocationKind,
  type RevocationMaker,
  revocationCauses,
  revocationKinds,
  revocationMakers,
  shortened,
  takeBack,
} from "./revocation.ts";
import { readNote, writeNote } from "./revocation-note.ts";

/** A page of the log: a delta without `asOf`, which the reader adds by its own clock. */
type RevocationPage = Omit<RevocationDelta, "asOf">;

/** Maximum length of an entry's `value`. */
export const longestName = 256;

const kinds = new Map(revocationKinds.map((kind) => [String(kind), kind]));
const causes = new Map(revocationCauses.map((cause) => [String(cause), cause]));
const makers = new Map(revocationMakers.map((maker) => [String(maker), maker]));

/**
 * A page as text, each entry a row `["session","<id>","taken",<at>,<until>]`, and in full `[…,"viewer",<lastGrant or 0>,
 * "<subject or empty>","<note or empty>"]`. A new isolate reads the whole log before its first response, so for speed the rows are arrays and no
 * schema parses them.
 */
export function writePage({ cursor, reset, more, entries }: RevocationPage): string {
  const rows = entries.map(({ kind, value, cause, at, until, by, lastGrant, subject, note }) =>
    by === undefined
      ? [kind, value, cause, at, until]
      : [kind, value, cause, at, until, by, lastGrant ?? 0, subject ?? "", writeNote(note)],
  );
  return JSON.stringify({ cursor, reset, more, rows });
}

/** Reads a page of {@link writePage}; undefined for any other text, for example of another version or from a cache. */
export function readPage(text: string): RevocationPage | undefined {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(page)) return undefined;
  const { cursor, reset, more, rows } = page;
  if (typeof cursor !== "number" || !Number.isSafeInteger(cursor) || cursor < 0) return undefined;
  if (typeof reset !== "boolean" || typeof more !== "boolean" || !Array.isArray(rows)) return undefined;
  const entries: LoggedRevocation[] = [];
  for (const row of rows) {
    const entry = Array.isArray(row) ? readEntry(row) : undefined;
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
  return { cursor, reset, more, entries };
}

/** Reads the row of an entry; undefined if it is invalid. */
function readEntry(row: readonly unknown[]): LoggedRevocation | undefined {
  const [kindName, value, causeName, at, until] = row;
  const kind = typeof kindName === "string" ? kinds.get(kindName) : undefined;
  const cause = typeof causeName === "string" ? causes.get(causeName) : undefined;
  if (kind === undefined || cause === undefined || !isName(value)) return undefined;
  if (!isUnixSeconds(at) || !isUnixSeconds(until)) return undefined;
  if (row.length <= 5) return { kind, value, cause, at, until };
  const details = readDetails(row.slice(5));
  return details && { kind, value, cause, at, until, ...details };
}

function readDetails([maker, lastGrant, subject, text]: readonly unknown[]) {
  const by = typeof maker === "string" ? makers.get(maker) : undefined;
  if (by === undefined || !isUnixSeconds(lastGrant) || !(subject === "" || isName(subject))) return undefined;
  const note = readNote(text);
  return {
    by,
    ...(lastGrant > 0 && { lastGrant }),
    ...(subject !== "" && { subject }),
    ...(note !== undefined && { note }),
  };
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestName;
}

/** The database of the log. */
export interface RevocationDatabase {
  readonly sql: SqlStore;
  /** Runs `work`, and rolls back if it throws. */
  readonly transaction: <Value>(work: () => Value) => Value;
}

/** The revocation log in SQLite. It throws if the store fails. */
export interface RevocationStore {
  /** See `RevocationLog`. */
  append(entries: readonly Revocation[], by: RevocationMaker): number;
  shorten(kind: RevocationKind, value: string, until: UnixSeconds): void;
  lift(kind: RevocationKind, value: string): boolean;
  since(cursor: number, detail?: RevocationDetail): RevocationPage;
  /** All valid entries, in the order of their addition. */
  rows(): readonly KeptRevocation[];
  /** Removes entries past their `keepUntil`: no snapshot can still contain them. */
  removeEnded(): void;
  /** When the next entry can be removed; undefined if there is none. */
  nextEnd(): UnixSeconds | undefined;
}

export interface RevocationBounds {
  /**
   * Entries per page. A new isolate reads one page after the other. An entry has about 70 bytes, and always less than a
   * thousand: a page is far below the 32 MiB limit of a Durable Object's response.
   */
  readonly pageSize: number;
  /**
   * From this many valid entries on, viewers' entries are skipped: each isolate has all entries in memory, and a new
   * one reads them before its first response. The row of a session that a viewer ends refuses it within a lease anyway,
   * and one entry says that sign-outs are missing.
   */
  readonly fullAt: number;
}

/** The bounds of every log. */
export const usualBounds: RevocationBounds = { pageSize: 10_000, fullAt: 100_000 };

/** How often a full log is counted again, since entries expire by themselves. */
const recount: Seconds = seconds(10);

/**
 * Sequence numbers follow the clock, with this many per millisecond, and rise by at least one. So a log that has lost
 * its storage starts after every number that it issued before, and recognizes cursors from before the loss.
 */
const numbersPerMillisecond = 1024;

const entryColumns = "kind, value, cause, at, until";
const detailColumns = "made_by, last_grant, subject, note";

const tables = `
  CREATE TABLE IF NOT EXISTS revocation (
    kind TEXT NOT NULL, value TEXT NOT NULL, cause TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
    keep_until INTEGER NOT NULL, made_by TEXT NOT NULL, seq INTEGER NOT NULL, last_grant INTEGER, subject TEXT,
    PRIMARY KEY (kind, value)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS revocation_by_seq ON revocation (seq);
  CREATE INDEX IF NOT EXISTS revocation_by_keep_until ON revocation (keep_until);
  CREATE TABLE IF NOT EXISTS sequence (id INTEGER PRIMARY KEY CHECK (id = 1), first INTEGER NOT NULL, last INTEGER NOT NULL);
`;

/** Columns that a release added after the first: a table of an older one lacks them. */
const addedColumns = ["last_grant INTEGER", "subject TEXT", "note TEXT"] as const;

const sequenceSchema = z.object({ first: z.int(), last: z.int() });
const seqSchema = z.object({ seq: z.int() });
const endSchema = z.object({ keep_until: z.number().refine(isUnixSeconds).nullable() });
const keptSchema = z.object({ keep_until: z.number().refine(isUnixSeconds), made_by: z.enum(revocationMakers) });
const tableSchema = z.object({ sql: z.string() });
const countSchema = z.object({ count: z.int() });

/** Opens the log and creates missing tables. */
export function openRevocationStore(
  { sql, transaction }: RevocationDatabase,
  clock: MillisecondClock,
  { pageSize, fullAt }: RevocationBounds = usualBounds,
): RevocationStore {
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const one = (query: string, ...bindings: (string | number)[]) => [...sql.exec(query, ...bindings)][0];
  const sequence = () => sequenceSchema.parse(one("SELECT first, last FROM sequence"));

  transaction(() => {
    sql.exec(tables);
    const table = tableSchema.parse(one("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'revocation'"));
    for (const column of addedColumns)
      if (!table.sql.includes(column)) sql.exec(`ALTER TABLE revocation ADD COLUMN ${column}`);
    const first = clock() * numbersPerMillisecond;
    sql.exec("INSERT OR IGNORE INTO sequence (id, first, last) VALUES (1, ?, ?)", first, first);
  });

  const find = (kind: RevocationKind, value: string): KeptRevocation | undefined => {
    const row = one("SELECT * FROM revocation WHERE kind = ? AND value = ?", kind, value);
    return row && keptOf(row);
  };

  /** The number of valid entries at the last count, plus those added since. */
  let valid: { count: number; readonly at: UnixSeconds } | undefined;
  const counted = () => {
    valid ??= {
      count: countSchema.parse(one("SELECT COUNT(*) AS count FROM revocation WHERE until > ?", now())).count,
      at: now(),
    };
    return valid;
  };
  const isFull = (added: number) => {
    if (counted().count + added < fullAt) return false;
    if (now() - counted().at < recount) return true;
    valid = undefined;
    return counted().count + added >= fullAt;
  };

  const write = ({ kind, value, cause, at, until, by, keepUntil, lastGrant, subject, note }: KeptRevocation) => {
    const seq = Math.max(sequence().last + 1, clock() * numbersPerMillisecond);
    sql.exec("UPDATE sequence SET last = ?", seq);
    sql.exec(
      `INSERT OR REPLACE INTO revocation (kind, value, cause, at, until, keep_until, made_by, seq, last_grant, subject, note)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ...[
        kind,
        value,
        cause,
        at,
        until,
        keepUntil,
        by,
        seq,
        lastGrant ?? null,
        subject ?? null,
        writeNote(note) || null,
      ],
    );
  };

  return {
    append: (entries, by) =>
      transaction(() => {
        const { writes, added, skipped } = planAppend(entries, by, { find, isFull, now: now() });
        for (const row of writes) write(row);
        if (valid !== undefined) valid.count += added;
        return skipped;
      }),

    shorten: (kind, value, until) =>
      transaction(() => {
        const kept = shortened(find(kind, value), until, now());
        if (kept !== undefined) write(kept);
      }),

    lift: (kind, value) =>
      transaction(() => {
        const kept = takeBack(find(kind, value), now());
        if (kept !== undefined) write(kept);
        return kept !== undefined;
      }),

    since: (cursor, detail) => {
      const { first, last } = sequence();
      const reset = cursor < first || cursor > last;
      const columns = detail === undefined || detail === "plain" ? entryColumns : `${entryColumns}, ${detailColumns}`;
      const beginning = detail === "full" ? "(until > ?2 OR (until > 0 AND last_grant > ?2))" : "until > ?2";
      // A new snapshot has no entries that were lifted.
      const all = reset ? `seq > ?1 AND ${beginning}` : "seq > ?1 AND until > ?2";
      const isOperators = detail === "operators";
      const where = isOperators ? `${all} AND made_by = 'operator'` : all;
      const rows = [
        ...sql.exec(
          `SELECT ${columns}, seq FROM revocation WHERE ${where} ORDER BY seq LIMIT ?3`,
          ...[reset ? first : cursor, reset || isOperators ? now() : -1, pageSize + 1],
        ),
      ];
      const more = rows.length > pageSize;
      const page = rows.slice(0, pageSize);
      const end = more ? seqSchema.parse(page.at(-1)).seq : last;
      return { cursor: end, reset, more, entries: page.map(entryOf) };
    },

    rows: () => [...sql.exec("SELECT * FROM revocation WHERE until > ? ORDER BY seq", now())].map(keptOf),

    removeEnded: () => void sql.exec("DELETE FROM revocation WHERE keep_until <= ?", now()),

    nextEnd: () => {
      const end = endSchema.parse(one("SELECT MIN(keep_until) AS keep_until FROM revocation")).keep_until;
      return end === null ? undefined : unixSeconds(end);
    },
  };
}

function keptOf(row: SqlRow): KeptRevocation {
  const { keep_until: keepUntil, made_by: by } = keptSchema.parse(row);
  return { ...entryOf(row), by, keepUntil: unixSeconds(keepUntil) };
}

function entryOf(row: SqlRow): LoggedRevocation {
  const { kind, value, cause, at, until, made_by: by, last_grant: lastGrant, subject, note } = row;
  const entry = readEntry([
    kind,
    value,
    cause,
    at,
    until,
    ...(by === undefined ? [] : [by, lastGrant ?? 0, subject ?? "", note ?? ""]),
  ]);
  if (entry === undefined) throw new TypeError("a row of the revocation log is not a valid entry");
  return entry;
}
