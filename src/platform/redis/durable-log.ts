import * as z from "zod";
import { isUnixSeconds, type MillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import { LeaseDocument } from "../../sessions/lease-document.ts";
import {
  type KeptRevocation,
  type Revocation,
  type RevocationCause,
  type RevocationKind,
  type RevocationMaker,
  revocationCauses,
  revocationMakers,
} from "../../sessions/revocation.ts";
import { openRevocationStore } from "../../sessions/revocation-store.ts";
import type { SqliteDatabase } from "../node/sqlite-database.ts";

/** An end that a subject's streams must not forget: of a session, or of all sessions of a login. */
type NotedEnd =
  | {
      readonly kind: "session";
      readonly subject: string;
      readonly value: string;
      readonly cause: RevocationCause;
      readonly until: UnixSeconds;
    }
  | { readonly kind: "login"; readonly subject: string; readonly value: string; readonly until: UnixSeconds };

/**
 * What Redis must not lose, on a disk: revocations and ends. It is written before Redis, and a Redis that has lost them
 * gets them from here. Each method rejects if the disk fails.
 */
export interface DurableLog {
  append(entries: readonly Revocation[], by: RevocationMaker): Promise<void>;
  shorten(kind: RevocationKind, value: string, until: UnixSeconds): Promise<void>;
  lift(kind: RevocationKind, value: string): Promise<void>;
  /** Adds rows that other processes wrote to Redis. */
  learn(rows: readonly KeptRevocation[]): Promise<void>;
  /** All valid rows. */
  rows(): Promise<readonly KeptRevocation[]>;
  /** Notes the ends in a subject's document. */
  noteEnds(subject: string, document: string): Promise<void>;
  /** All ends of grants that have not expired. */
  ends(): Promise<readonly NotedEnd[]>;
  /** Removes what has expired. */
  removeEnded(): Promise<void>;
}

const table = `
  CREATE TABLE IF NOT EXISTS noted_end (
    subject TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL, cause TEXT, until INTEGER NOT NULL,
    PRIMARY KEY (subject, kind, value)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS noted_end_by_end ON noted_end (until);
`;

const time = z.number().refine(isUnixSeconds).transform(unixSeconds);
const names = { subject: z.string(), value: z.string(), until: time };
const endSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("session"), ...names, cause: z.enum(revocationCauses) }),
  z.object({ kind: z.literal("login"), ...names }),
]);

/** Reads an end that a store has, with its time as a number. Throws if it is none. */
export function readEnd(row: object): NotedEnd {
  return endSchema.parse(row);
}

/** The ends in a subject's document. */
export function endsIn(subject: string, document: string): readonly NotedEnd[] {
  const read = new LeaseDocument(document);
  const ends: NotedEnd[] = [];
  for (const { sessionId: value, ended: cause, expiresAt: until } of read.all())
    if (cause !== undefined) ends.push({ kind: "session", subject, value, cause, until });
  for (const { kind, name: value, until } of read.markers())
    if (kind === "signed_out") ends.push({ kind: "login", subject, value, until });
  return ends;
}

/** The durable log in a SQLite file, by a connection that writes through. Tables that are missing are made. */
export function sqliteDurableLog(database: SqliteDatabase, clock: MillisecondClock): DurableLog {
  const store = openRevocationStore(database, clock);
  const { sql, transaction } = database;
  transaction(() => void sql.exec(table));
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  const note = ({ subject, kind, value, until, ...end }: NotedEnd) =>
    sql.exec(
      `INSERT INTO noted_end (subject, kind, value, cause, until) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET until = excluded.until WHERE excluded.until > until`,
      ...[subject, kind, value, "cause" in end ? end.cause : null, until],
    );
  return {
    append: async (entries, by) => void store.append(entries, by),
    shorten: async (kind, value, until) => store.shorten(kind, value, until),
    lift: async (kind, value) => void store.lift(kind, value),
    learn: async (rows) => {
      for (const by of revocationMakers) {
        const added = rows.filter((row) => row.by === by && row.until > now());
        if (added.length > 0) store.append(added, by);
      }
      for (const { kind, value, until } of rows) if (until <= now()) store.lift(kind, value);
    },
    rows: async () => store.rows(),
    noteEnds: async (subject, document) => {
      const ends = endsIn(subject, document);
      transaction(() => {
        for (const end of ends) note(end);
      });
    },
    ends: async () => [...sql.exec("SELECT * FROM noted_end WHERE until > ?", now())].map((row) => readEnd(row)),
    removeEnded: async () => {
      store.removeEnded();
      sql.exec("DELETE FROM noted_end WHERE until <= ?", now());
    },
  };
}
