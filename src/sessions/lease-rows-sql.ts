import type { SqlRow, SqlStore } from "../base/sql-store.ts";
import { isUnixSeconds, seconds, type UnixSeconds } from "../base/time.ts";
import {
  type LeaseRow,
  type LeaseRows,
  type Marker,
  markerKinds,
  type NetworkSeen,
  type QuotaUsed,
} from "./lease-rows.ts";
import { revocationCauses } from "./revocation.ts";

const schema = `
  CREATE TABLE IF NOT EXISTS lease (
    number INTEGER PRIMARY KEY,
    session_id TEXT NOT NULL UNIQUE,
    asset_id TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    stream_limit INTEGER,
    end_cause TEXT,
    networks TEXT NOT NULL,
    login TEXT,
    token TEXT,
    signer TEXT
  );
  CREATE TABLE IF NOT EXISTS marker (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS network_key (key TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS quota (
    name TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    length REAL NOT NULL
  ) WITHOUT ROWID;`;

/** Columns that a release added after the first: tables of an older one lack them. */
const addedColumns = ["token TEXT", "signer TEXT"] as const;

/**
 * A subject's rows in SQLite. Makes its tables with the first row, so that a question alone leaves nothing behind. Adds to
 * tables of an older release what they lack.
 */
export function sqlLeaseRows(sql: SqlStore): LeaseRows {
  const [table] = [...sql.exec("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'lease'")];
  let made = table !== undefined;
  if (table !== undefined) {
    sql.exec(schema);
    for (const column of addedColumns)
      if (!text(table.sql).includes(column)) sql.exec(`ALTER TABLE lease ADD COLUMN ${column}`);
  }
  const write = (statement: string, ...bindings: (string | number | null)[]) => {
    if (!made) sql.exec(schema);
    made = true;
    sql.exec(statement, ...bindings);
  };
  const read = <Row>(statement: string, reader: (row: SqlRow) => Row): readonly Row[] =>
    made ? Array.from(sql.exec(statement), reader) : [];
  return {
    all: () => read("SELECT * FROM lease ORDER BY number", leaseRow),
    put: (row) =>
      write(
        `INSERT INTO lease
           (session_id, asset_id, started_at, seen_at, expires_at, lease_until, stream_limit, end_cause, networks, login,
            token, signer)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (session_id) DO UPDATE SET
           asset_id = excluded.asset_id, started_at = excluded.started_at, seen_at = excluded.seen_at,
           expires_at = excluded.expires_at, lease_until = excluded.lease_until,
           stream_limit = excluded.stream_limit, end_cause = excluded.end_cause, networks = excluded.networks,
           login = excluded.login, token = excluded.token, signer = excluded.signer`,
        row.sessionId,
        row.assetId,
        row.startedAt,
        row.seenAt,
        row.expiresAt,
        row.leaseUntil,
        row.limit ?? null,
        row.ended ?? null,
        JSON.stringify(row.networks.map(({ network, seenAt, trusted }) => [network, seenAt, trusted ? 1 : 0])),
        row.login ?? null,
        row.startedBy?.token ?? null,
        row.startedBy?.signer ?? null,
      ),
    remove: (sessionId) => write("DELETE FROM lease WHERE session_id = ?", sessionId),
    markers: () => read("SELECT * FROM marker", markerRow),
    putMarker: ({ kind, name, until }) =>
      write(
        "INSERT INTO marker (kind, name, until) VALUES (?, ?, ?) ON CONFLICT (kind, name) DO UPDATE SET until = excluded.until",
        kind,
        name,
        until,
      ),
    removeMarker: ({ kind, name }) => write("DELETE FROM marker WHERE kind = ? AND name = ?", kind, name),
    networkKey: () => read("SELECT key FROM network_key", ({ key }) => text(key))[0],
    putNetworkKey: (key) => write("INSERT INTO network_key (key) VALUES (?)", key),
    quotas: () => read("SELECT * FROM quota", quotaRow),
    putQuota: ({ name, startedAt, count, length }) =>
      write(
        `INSERT INTO quota (name, started_at, count, length) VALUES (?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET
           started_at = excluded.started_at, count = excluded.count, length = excluded.length`,
        name,
        startedAt,
        count,
        length,
      ),
    removeQuota: (name) => write("DELETE FROM quota WHERE name = ?", name),
  };
}

function leaseRow(row: SqlRow): LeaseRow {
  const { token, signer } = row;
  return {
    sessionId: text(row.session_id),
    assetId: text(row.asset_id),
    startedAt: time(row.started_at),
    seenAt: time(row.seen_at),
    expiresAt: time(row.expires_at),
    leaseUntil: time(row.lease_until),
    limit: typeof row.stream_limit === "number" ? row.stream_limit : undefined,
    ended: revocationCauses.find((cause) => cause === row.end_cause),
    networks: networks(text(row.networks)),
    login: typeof row.login === "string" ? row.login : undefined,
    ...(typeof token === "string" && typeof signer === "string" && { startedBy: { token, signer } }),
  };
}

function markerRow(row: SqlRow): Marker {
  const kind = markerKinds.find((known) => known === row.kind);
  if (kind === undefined) throw new TypeError("a marker of an unknown kind");
  return { kind, name: text(row.name), until: time(row.until) };
}

function quotaRow(row: SqlRow): QuotaUsed {
  const { name, started_at, count, length } = row;
  if (typeof count !== "number" || typeof length !== "number")
    throw new TypeError("a column of the quotas holds no number");
  return { name: text(name), startedAt: time(started_at), count, length: seconds(length) };
}

function networks(json: string): readonly NetworkSeen[] {
  const list: unknown = JSON.parse(json);
  if (!Array.isArray(list)) throw new TypeError("the networks of a lease are no list");
  return list.map((entry: unknown) => {
    const [network, seenAt, trusted]: unknown[] = Array.isArray(entry) ? entry : [];
    return { network: text(network), seenAt: time(seenAt), trusted: trusted === 1 };
  });
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a column of the leases holds no text");
  return value;
}

function time(value: unknown): UnixSeconds {
  if (!isUnixSeconds(value)) throw new TypeError("a column of the leases holds no time");
  return value;
}
