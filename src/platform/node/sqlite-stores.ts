import { randomUUID } from "node:crypto";
import type { ProofReplay } from "../../auth/credential.ts";
import { endOf, type RateLimits, type RateWindow, takeFrom } from "../../auth/rate-limit.ts";
import { isUnixSeconds, type MillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import type { Gathered } from "../../metrics/gathered.ts";
import type { StoredGathering } from "../../metrics/stored-gathering.ts";
import type { LeaseDocuments, StoredDocument } from "../../sessions/lease-document.ts";
import type { RevocationLog } from "../../sessions/revocation.ts";
import { openRevocationStore, type RevocationBounds } from "../../sessions/revocation-store.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** The catalog's text. Each method rejects if the store does not answer. */
export interface CatalogText {
  readonly load: () => Promise<string | undefined>;
  readonly save: (text: string) => Promise<void>;
  /** Replaces `base`. False, and nothing is written, if the store has another text. */
  readonly replace: (text: string, base: string | undefined) => Promise<boolean>;
}

/** Two connections to one file: see `openSqlite`. */
export interface SqliteConnections {
  readonly usual: SqliteDatabase;
  readonly durable: SqliteDatabase;
}

const tables = `
  CREATE TABLE IF NOT EXISTS lease_document (
    name TEXT PRIMARY KEY, version TEXT NOT NULL, text TEXT NOT NULL, remove_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS lease_document_by_end ON lease_document (remove_at);
  CREATE TABLE IF NOT EXISTS rate_window (
    name TEXT PRIMARY KEY, started_at INTEGER NOT NULL, count INTEGER NOT NULL, remove_at INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS rate_window_by_end ON rate_window (remove_at);
  CREATE TABLE IF NOT EXISTS used_proof (
    jkt TEXT NOT NULL, jti TEXT NOT NULL, remove_at INTEGER NOT NULL, PRIMARY KEY (jkt, jti)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS used_proof_by_end ON used_proof (remove_at);
  CREATE TABLE IF NOT EXISTS catalog (id INTEGER PRIMARY KEY CHECK (id = 1), text TEXT NOT NULL);
`;

/** Makes the missing tables of the stores in this file. The revocation log and the counts make their own. */
export function makeTables({ usual }: Pick<SqliteConnections, "usual">): void {
  usual.transaction(() => void usual.sql.exec(tables));
}

/** Removes what has expired: leases, quotas and proofs. */
export function removeExpired({ usual }: SqliteConnections, now: UnixSeconds): void {
  for (const table of ["lease_document", "rate_window", "used_proof"])
    usual.sql.exec(`DELETE FROM ${table} WHERE remove_at <= ?`, now);
}

/** The documents of leases: one row per subject. */
export function sqliteLeases({ usual, durable }: SqliteConnections): LeaseDocuments {
  return {
    read: async (name): Promise<StoredDocument | undefined> => {
      const [row] = usual.sql.exec("SELECT version, text FROM lease_document WHERE name = ?", name);
      return row && { version: String(row.version), text: String(row.text) };
    },
    replace: async (name, known, { text, removeAt, durable: isDurable }) => {
      const { sql } = isDurable ? durable : usual;
      const values = [randomUUID(), text, removeAt] as const;
      const written =
        known === undefined
          ? sql.exec(
              `INSERT INTO lease_document (version, text, remove_at, name) VALUES (?, ?, ?, ?)
               ON CONFLICT DO NOTHING RETURNING 1`,
              ...[...values, name],
            )
          : sql.exec(
              `UPDATE lease_document SET version = ?, text = ?, remove_at = ? WHERE name = ? AND version = ?
               RETURNING 1`,
              ...[...values, name, known],
            );
      return [...written].length === 1;
    },
  };
}

/** The revocation log. `clock` is also the reader's: it is the same machine. */
export function sqliteRevocationLog(
  { durable: database }: SqliteConnections,
  clock: MillisecondClock,
  bounds?: RevocationBounds,
): RevocationLog & { readonly removeEnded: () => void } {
  const store = openRevocationStore(database, clock, bounds);
  return {
    append: async (entries, by) => store.append(entries, by),
    shorten: async (kind, value, until) => store.shorten(kind, value, until),
    lift: async (kind, value) => store.lift(kind, value),
    since: async (cursor, detail) => {
      const asOf = clock();
      return { ...store.since(cursor, detail), asOf };
    },
    removeEnded: () => store.removeEnded(),
  };
}

/** Rate limits: one row per policy and name. Requests over the quota write nothing. */
export function sqliteLimits({ usual: { sql, transaction } }: SqliteConnections): RateLimits {
  const read = (key: string): RateWindow | undefined => {
    const [row] = sql.exec("SELECT started_at, count FROM rate_window WHERE name = ?", key);
    return row && { startedAt: timeIn(row.started_at), count: Number(row.count) };
  };
  return {
    take: async (policy, name, now) =>
      transaction(() => {
        const key = `${policy.name} ${name}`;
        const known = read(key);
        const { window, standing } = takeFrom(known, policy, now);
        if (window !== known)
          sql.exec(
            "INSERT OR REPLACE INTO rate_window (name, started_at, count, remove_at) VALUES (?, ?, ?, ?)",
            ...[key, window.startedAt, window.count, Math.ceil(endOf(window, policy))],
          );
        return standing;
      }),
  };
}

/** DPoP proofs: one INSERT both checks and stores a proof, so of concurrent copies only one is accepted. */
export function sqliteProofs({ usual: { sql } }: SqliteConnections): ProofReplay {
  return {
    firstUse: async (jkt, jti, until) => {
      const inserted = sql.exec(
        "INSERT INTO used_proof (jkt, jti, remove_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
        ...[jkt, jti, until],
      );
      return [...inserted].length === 1;
    },
  };
}

/** The catalog's text. A change is on disk before it is reported. */
export function sqliteCatalog({ usual, durable }: SqliteConnections): CatalogText {
  return {
    load: async (): Promise<string | undefined> => {
      const [row] = usual.sql.exec("SELECT text FROM catalog");
      return typeof row?.text === "string" ? row.text : undefined;
    },
    replace: async (text, base) => {
      const { sql } = durable;
      const written =
        base === undefined
          ? sql.exec("INSERT INTO catalog (id, text) VALUES (1, ?) ON CONFLICT DO NOTHING RETURNING 1", text)
          : sql.exec("UPDATE catalog SET text = ? WHERE text = ? RETURNING 1", text, base);
      return [...written].length === 1;
    },
    save: async (text: string): Promise<void> => {
      durable.sql.exec("INSERT OR REPLACE INTO catalog (id, text) VALUES (1, ?)", text);
    },
  };
}

/** The port to counts that are stored by this process. */
export function gatheredIn(counts: StoredGathering): Gathered {
  return {
    report: async (report) => counts.report(report),
    counts: async () => counts.counts(),
    sessions: async (query) => counts.sessions(query),
    refusals: async () => counts.refusals(),
    groups: async (by) => counts.groups(by),
    ofViewer: async (subjects) => counts.ofViewer(subjects),
    history: async () => counts.history(),
    events: async (after, limit) => counts.events(after, limit),
    actions: async () => counts.actions(),
  };
}

function timeIn(value: unknown): UnixSeconds {
  if (!isUnixSeconds(value)) throw new TypeError("a column of the rate limits holds no time");
  return unixSeconds(value);
}
