import * as z from "zod";
import type { MillisecondClock } from "../base/milliseconds.ts";
import { isUnixSeconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";
import type { Revocation, RevocationDelta, RevocationKind } from "./revocation.ts";
import { type KeptRevocation, merge, takeBack } from "./revocation-merge.ts";
import { revocationSchema } from "./revocation-schema.ts";
import type { SqlStore } from "./sql.ts";

/** What the log is kept in. */
export interface RevocationStore {
  readonly sql: SqlStore;
  /** Everything that `work` does, or nothing of it where it throws. */
  readonly transaction: <Value>(work: () => Value) => Value;
}

/** The revocation log in SQLite. It throws where the store fails. */
export interface RevocationBook {
  /** As `RevocationLog` promises it. */
  append(entries: readonly Revocation[]): void;
  lift(kind: RevocationKind, value: string): boolean;
  since(cursor: number): RevocationDelta;
  /** Removes what has ended and nobody can hold any more. */
  removeEnded(): void;
  /** When there will be something to remove; undefined where nothing is kept. */
  nextEnd(): UnixSeconds | undefined;
}

/**
 * How many entries an answer holds at most. An isolate that begins reads page by page, one after the other. An entry is of
 * some 150 bytes, and of less than a thousand whatever it names: far below the 32 MiB that a Durable Object may answer with.
 */
const pageSize = 10_000;

/**
 * Sequence numbers follow the clock, so many to a millisecond, and rise at least by one. A log that has lost its storage
 * therefore begins behind every number that it gave out before, and knows a cursor of its former life by that.
 */
const numbersPerMillisecond = 1024;

const tables = `
  CREATE TABLE IF NOT EXISTS revocation (
    kind TEXT NOT NULL, value TEXT NOT NULL, cause TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,
    keep_until INTEGER NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (kind, value)
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX IF NOT EXISTS revocation_by_seq ON revocation (seq);
  CREATE INDEX IF NOT EXISTS revocation_by_end ON revocation (keep_until);
  CREATE TABLE IF NOT EXISTS numbering (one INTEGER PRIMARY KEY CHECK (one = 1), first INTEGER NOT NULL, last INTEGER NOT NULL);
`;

const numberingSchema = z.object({ first: z.int(), last: z.int() });
const seqSchema = z.object({ seq: z.int() });
const keepSchema = z.object({ keep_until: z.number().refine(isUnixSeconds).nullable() });

/** Opens the log in a store, where it makes the tables that are missing. */
export function openRevocationBook({ sql, transaction }: RevocationStore, clock: MillisecondClock): RevocationBook {
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const one = (query: string, ...bindings: (string | number)[]) => [...sql.exec(query, ...bindings)][0];
  const numbering = () => numberingSchema.parse(one("SELECT first, last FROM numbering"));

  transaction(() => {
    sql.exec(tables);
    const first = clock() * numbersPerMillisecond;
    sql.exec("INSERT OR IGNORE INTO numbering (one, first, last) VALUES (1, ?, ?)", first, first);
  });

  const find = (kind: RevocationKind, value: string): KeptRevocation | undefined => {
    const row = one("SELECT * FROM revocation WHERE kind = ? AND value = ?", kind, value);
    if (row === undefined) return undefined;
    return { ...revocationSchema.parse(row), keepUntil: unixSeconds(keepSchema.parse(row).keep_until ?? 0) };
  };

  const write = ({ kind, value, cause, at, until, keepUntil }: KeptRevocation) => {
    const seq = Math.max(numbering().last + 1, clock() * numbersPerMillisecond);
    sql.exec("UPDATE numbering SET last = ?", seq);
    sql.exec(
      "INSERT OR REPLACE INTO revocation (kind, value, cause, at, until, keep_until, seq) VALUES (?, ?, ?, ?, ?, ?, ?)",
      ...[kind, value, cause, at, until, keepUntil, seq],
    );
  };

  return {
    append: (entries) =>
      transaction(() => {
        for (const entry of entries) {
          const kept = merge(find(entry.kind, entry.value), entry, now());
          if (kept !== undefined) write(kept);
        }
      }),

    lift: (kind, value) =>
      transaction(() => {
        const kept = takeBack(find(kind, value), now());
        if (kept !== undefined) write(kept);
        return kept !== undefined;
      }),

    since: (cursor) => {
      const asOf = clock();
      const { first, last } = numbering();
      const reset = cursor < first || cursor > last;
      const rows = [
        ...sql.exec(
          "SELECT kind, value, cause, at, until, seq FROM revocation WHERE seq > ? ORDER BY seq LIMIT ?",
          reset ? first : cursor,
          pageSize + 1,
        ),
      ];
      const more = rows.length > pageSize;
      const page = rows.slice(0, pageSize);
      const end = more ? seqSchema.parse(page.at(-1)).seq : last;
      return { cursor: end, asOf, reset, more, entries: page.map((row) => revocationSchema.parse(row)) };
    },

    removeEnded: () => void sql.exec("DELETE FROM revocation WHERE keep_until <= ?", now()),

    nextEnd: () => {
      const end = keepSchema.parse(one("SELECT MIN(keep_until) AS keep_until FROM revocation")).keep_until;
      return end === null ? undefined : unixSeconds(end);
    },
  };
}
