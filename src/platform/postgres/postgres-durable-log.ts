import type { Pool, PoolClient } from "pg";
import * as z from "zod";
import { isUnixSeconds, type MillisecondClock, type UnixSeconds, unixSeconds } from "../../base/time.ts";
import {
  entryName,
  inGroups,
  type KeptRevocation,
  leftOutNotes,
  planAppend,
  type Revocation,
  type RevocationKind,
  type RevocationMaker,
  revocationCauses,
  revocationKinds,
  revocationMakers,
  shortened,
  takeBack,
} from "../../sessions/revocation.ts";
import { readNote, writeNote } from "../../sessions/revocation-note.ts";
import { usualBounds } from "../../sessions/revocation-store.ts";
import type { CatalogText } from "../node/sqlite-stores.ts";
import { type DurableLog, endsIn, readEnd } from "../redis/durable-log.ts";

/** The lock of all writers, so that each decides by the rows of the one before. */
const writerLock = 7_826_103_945;

const tables = `
  CREATE TABLE IF NOT EXISTS stagedoor_revocation (
    kind text NOT NULL, value text NOT NULL, cause text NOT NULL, at bigint NOT NULL, until bigint NOT NULL,
    keep_until bigint NOT NULL, made_by text NOT NULL, last_grant bigint, subject text, note text, PRIMARY KEY (kind, value)
  );
  ALTER TABLE stagedoor_revocation ADD COLUMN IF NOT EXISTS last_grant bigint;
  ALTER TABLE stagedoor_revocation ADD COLUMN IF NOT EXISTS subject text;
  ALTER TABLE stagedoor_revocation ADD COLUMN IF NOT EXISTS note text;
  CREATE INDEX IF NOT EXISTS stagedoor_revocation_by_keep_until ON stagedoor_revocation (keep_until);
  CREATE TABLE IF NOT EXISTS stagedoor_end (
    subject text NOT NULL, kind text NOT NULL, value text NOT NULL, cause text, until bigint NOT NULL,
    PRIMARY KEY (subject, kind, value)
  );
  CREATE INDEX IF NOT EXISTS stagedoor_end_by_end ON stagedoor_end (until);
  CREATE TABLE IF NOT EXISTS stagedoor_catalog (id integer PRIMARY KEY CHECK (id = 1), text text NOT NULL);
`;

/** A bigint arrives as text. */
const time = z.coerce.number().refine(isUnixSeconds).transform(unixSeconds);
const rowSchema = z
  .object({
    kind: z.enum(revocationKinds),
    value: z.string(),
    cause: z.enum(revocationCauses),
    at: time,
    until: time,
    keep_until: time,
    made_by: z.enum(revocationMakers),
    last_grant: time.nullable(),
    subject: z.string().nullable(),
    note: z.string().nullable().transform(readNote),
  })
  .transform(
    ({ keep_until: keepUntil, made_by: by, last_grant: lastGrant, subject, note, ...entry }): KeptRevocation => ({
      ...{ ...entry, by, keepUntil },
      ...(lastGrant !== null && { lastGrant }),
      ...(subject !== null && { subject }),
      ...(note !== undefined && { note }),
    }),
  );
const countSchema = z.object({ count: z.coerce.number() });

/** How many rows one statement reads or writes. */
const mostRows = 5_000;

export interface PostgresDurableLogParts {
  readonly pool: Pool;
  readonly clock: MillisecondClock;
  /** Reports that rows of other processes could not be added. They are added with the next ones. */
  readonly onError: (error: unknown) => void;
}

/**
 * The durable log of all machines in one PostgreSQL, with a copy of the catalog. Missing tables are made. Rejects with the
 * error of the server if the database cannot be used.
 */
export async function postgresDurableLog({
  pool,
  clock,
  onError,
}: PostgresDurableLogParts): Promise<{ readonly log: DurableLog; readonly catalog: CatalogText }> {
  const now = () => unixSeconds(Math.floor(clock() / 1000));
  await asWriter(pool, (client) => client.query(tables));

  const append = (entries: readonly Revocation[], by: RevocationMaker) =>
    asWriter(pool, async (client) => {
      const names = [...entries, ...leftOutNotes.map((value) => ({ kind: "subject", value }) as const)];
      const found = await findRows(client, names);
      const count = by === "viewer" ? await countValid(client, now()) : 0;
      const { writes } = planAppend(entries, by, {
        find: (kind, value) => found.get(entryName({ kind, value })),
        isFull: (added) => count + added >= usualBounds.fullAt,
        now: now(),
      });
      await writeRows(client, writes);
    });
  const changeOne = (
    kind: RevocationKind,
    value: string,
    decide: (row: KeptRevocation | undefined) => KeptRevocation | undefined,
  ) =>
    asWriter(pool, async (client) => {
      const row = decide((await findRows(client, [{ kind, value }])).get(entryName({ kind, value })));
      if (row !== undefined) await writeRows(client, [row]);
    });
  const lift = (kind: RevocationKind, value: string) => changeOne(kind, value, (row) => takeBack(row, now()));

  /** Rows that other processes wrote to Redis and this log has not added yet. */
  const unlearned = new Map<string, KeptRevocation>();
  let isLearning = false;
  const addUnlearned = async () => {
    const rows = [...unlearned.values()];
    for (const by of revocationMakers)
      for (const some of inGroups(
        rows.filter((row) => row.by === by && row.until > now()),
        mostRows,
      ))
        await append(some, by);
    for (const { kind, value, until } of rows) if (until <= now()) await lift(kind, value);
    for (const row of rows) if (unlearned.get(entryName(row)) === row) unlearned.delete(entryName(row));
  };

  const log: DurableLog = {
    append,
    shorten: (kind, value, until) => changeOne(kind, value, (row) => shortened(row, until, now())),
    lift,
    // Redis has these rows, so a reader of the log neither waits for PostgreSQL nor fails with it.
    learn: async (rows) => {
      for (const row of rows) unlearned.set(entryName(row), row);
      if (unlearned.size === 0 || isLearning) return;
      isLearning = true;
      void addUnlearned()
        .catch(onError)
        .finally(() => {
          isLearning = false;
        });
    },
    rows: async () => {
      const { rows } = await pool.query("SELECT * FROM stagedoor_revocation WHERE until > $1", [now()]);
      return rows.map((row) => rowSchema.parse(row));
    },
    noteEnds: async (subject, document) => {
      const ends = endsIn(subject, document);
      if (ends.length === 0) return;
      await pool.query(
        `INSERT INTO stagedoor_end AS known (subject, kind, value, cause, until)
         SELECT subject, kind, value, cause, until
         FROM jsonb_to_recordset($1) AS t(subject text, kind text, value text, cause text, until bigint)
         ON CONFLICT (subject, kind, value) DO UPDATE SET until = excluded.until WHERE excluded.until > known.until`,
        [JSON.stringify(ends)],
      );
    },
    ends: async () => {
      const { rows } = await pool.query("SELECT * FROM stagedoor_end WHERE until > $1", [now()]);
      return rows.map((row) => readEnd({ ...row, until: Number(Object(row).until) }));
    },
    removeEnded: async () => {
      await pool.query("DELETE FROM stagedoor_revocation WHERE keep_until <= $1", [now()]);
      await pool.query("DELETE FROM stagedoor_end WHERE until <= $1", [now()]);
    },
  };
  return { log, catalog: postgresCatalog(pool) };
}

/** The copy of the catalog. */
function postgresCatalog(pool: Pool): CatalogText {
  return {
    load: async () => {
      const { rows } = await pool.query<{ text: string }>("SELECT text FROM stagedoor_catalog");
      return rows[0]?.text;
    },
    save: async (text) =>
      void (await pool.query(
        `INSERT INTO stagedoor_catalog (id, text) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET text = excluded.text`,
        [text],
      )),
    replace: async (text, base) => {
      const { rowCount } =
        base === undefined
          ? await pool.query("INSERT INTO stagedoor_catalog (id, text) VALUES (1, $1) ON CONFLICT DO NOTHING", [text])
          : await pool.query("UPDATE stagedoor_catalog SET text = $1 WHERE text = $2", [text, base]);
      return rowCount === 1;
    },
  };
}

/** Runs `work` in a transaction that no other writer of this log overlaps with. */
async function asWriter<Value>(pool: Pool, work: (client: PoolClient) => Promise<Value>): Promise<Value> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("SELECT pg_advisory_xact_lock($1)", [writerLock]);
    const value = await work(client);
    await client.query("COMMIT");
    client.release();
    return value;
  } catch (error) {
    // The server rolls back what the connection began.
    client.release(true);
    throw error;
  }
}

type RowName = Pick<Revocation, "kind" | "value">;

async function findRows(client: PoolClient, names: readonly RowName[]): Promise<Map<string, KeptRevocation>> {
  const { rows } = await client.query(
    `SELECT r.* FROM stagedoor_revocation r
     JOIN (SELECT DISTINCT kind, value FROM jsonb_to_recordset($1) AS t(kind text, value text)) n USING (kind, value)`,
    [JSON.stringify(names.map(({ kind, value }) => ({ kind, value })))],
  );
  return new Map(rows.map((row) => rowSchema.parse(row)).map((row) => [entryName(row), row]));
}

async function countValid(client: PoolClient, now: UnixSeconds): Promise<number> {
  const { rows } = await client.query("SELECT count(*) AS count FROM stagedoor_revocation WHERE until > $1", [now]);
  return countSchema.parse(rows[0]).count;
}

async function writeRows(client: PoolClient, rows: readonly KeptRevocation[]): Promise<void> {
  if (rows.length === 0) return;
  const stored = rows.map(({ by: made_by, keepUntil: keep_until, lastGrant: last_grant, note, ...entry }) => {
    return { ...entry, made_by, keep_until, last_grant, note: writeNote(note) || null };
  });
  await client.query(
    `INSERT INTO stagedoor_revocation (kind, value, cause, at, until, keep_until, made_by, last_grant, subject, note)
     SELECT kind, value, cause, at, until, keep_until, made_by, last_grant, subject, note FROM jsonb_to_recordset($1)
       AS t(kind text, value text, cause text, at bigint, until bigint, keep_until bigint, made_by text, last_grant bigint,
         subject text, note text)
     ON CONFLICT (kind, value) DO UPDATE SET cause = excluded.cause, at = excluded.at, until = excluded.until,
       keep_until = excluded.keep_until, made_by = excluded.made_by, last_grant = excluded.last_grant,
       subject = excluded.subject, note = excluded.note`,
    [JSON.stringify(stored)],
  );
}
