import type { SqlRow, SqlStore } from "../base/sql-store.ts";
import { isUnixSeconds, seconds, type UnixSeconds } from "../base/time.ts";
import type { LeaseRow, LeaseRows, Move, NetworkSeen, QuotaUsed } from "./lease-rows.ts";
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
    most_streams INTEGER,
    ended TEXT,
    networks TEXT NOT NULL,
    login TEXT
  );
  CREATE TABLE IF NOT EXISTS move (
    way TEXT NOT NULL,
    name TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (way, name)
  ) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS network_key (key TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS quota (
    name TEXT PRIMARY KEY,
    started_at INTEGER NOT NULL,
    count INTEGER NOT NULL,
    length REAL NOT NULL
  ) WITHOUT ROWID;`;

const ways = ["to", "from", "out", "shared"] as const satisfies readonly Move["way"][];

/** A subject's rows in SQLite. Makes its tables with the first row, so that a question alone leaves nothing behind. */
export function sqlLeaseRows(sql: SqlStore): LeaseRows {
  let made = [...sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'lease'")].length > 0;
  if (made) complete(sql);
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
           (session_id, asset_id, started_at, seen_at, expires_at, lease_until, most_streams, ended, networks, login)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (session_id) DO UPDATE SET
           asset_id = excluded.asset_id, started_at = excluded.started_at, seen_at = excluded.seen_at,
           expires_at = excluded.expires_at, lease_until = excluded.lease_until,
           most_streams = excluded.most_streams, ended = excluded.ended, networks = excluded.networks,
           login = excluded.login`,
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
      ),
    remove: (sessionId) => write("DELETE FROM lease WHERE session_id = ?", sessionId),
    moves: () => read("SELECT * FROM move", moveRow),
    putMove: ({ way, name, until }) =>
      write(
        "INSERT INTO move (way, name, until) VALUES (?, ?, ?) ON CONFLICT (way, name) DO UPDATE SET until = excluded.until",
        way,
        name,
        until,
      ),
    removeMove: ({ way, name }) => write("DELETE FROM move WHERE way = ? AND name = ?", way, name),
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

/** What an earlier version made has fewer tables, and its rows no login. */
function complete(sql: SqlStore): void {
  sql.exec(schema);
  const columns = [...sql.exec("SELECT name FROM pragma_table_info('lease')")].map(({ name }) => name);
  if (!columns.includes("login")) sql.exec("ALTER TABLE lease ADD COLUMN login TEXT");
}

function leaseRow(row: SqlRow): LeaseRow {
  return {
    sessionId: text(row.session_id),
    assetId: text(row.asset_id),
    startedAt: time(row.started_at),
    seenAt: time(row.seen_at),
    expiresAt: time(row.expires_at),
    leaseUntil: time(row.lease_until),
    limit: typeof row.most_streams === "number" ? row.most_streams : undefined,
    ended: revocationCauses.find((cause) => cause === row.ended),
    networks: networks(text(row.networks)),
    login: typeof row.login === "string" ? row.login : undefined,
  };
}

function moveRow(row: SqlRow): Move {
  const way = ways.find((one) => one === row.way);
  if (way === undefined) throw new TypeError("a move of the leases goes no way");
  return { way, name: text(row.name), until: time(row.until) };
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
