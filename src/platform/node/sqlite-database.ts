import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SqlRow, SqlStore } from "../../base/sql-store.ts";

/** One SQLite file, in WAL mode. Reads and writes are synchronous. Each method throws if the disk fails. */
export interface SqliteDatabase {
  readonly sql: SqlStore;
  /** Runs `work` alone among all connections and processes, and rolls back if it throws. Transactions do not nest. */
  readonly transaction: <Value>(work: () => Value) => Value;
  readonly close: () => void;
}

/** How long a writer waits for another process, in milliseconds. */
const busyTimeout = 5_000;

/**
 * Opens a connection, and makes the file if there is none. A commit of a `durable` connection survives a power failure
 * (`synchronous=FULL`); the others survive the end of the process, and a power failure may take the last seconds of
 * them.
 */
export function openSqlite(path: string, { durable }: { readonly durable: boolean }): SqliteDatabase {
  const database = new DatabaseSync(path);
  database.exec(
    `PRAGMA busy_timeout = ${busyTimeout}; PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`,
  );
  const statements = new Map<string, StatementSync>();
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    const statement = database.prepare(text);
    statements.set(text, statement);
    return statement;
  };
  return {
    sql: {
      exec: (text, ...bindings) => {
        if (!isScript(text))
          return prepared(text)
            .all(...bindings)
            .map(rowOf);
        database.exec(text);
        return [];
      },
    },
    transaction: (work) => {
      database.exec("BEGIN IMMEDIATE");
      try {
        const value = work();
        database.exec("COMMIT");
        return value;
      } catch (error) {
        database.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => database.close(),
  };
}

/** Several statements: a prepared one would ignore all but the first. */
function isScript(text: string): boolean {
  const end = text.indexOf(";");
  return end >= 0 && text.slice(end + 1).trim() !== "";
}

function rowOf(row: Readonly<Record<string, unknown>>): SqlRow {
  const values: Record<string, string | number | null> = {};
  for (const [name, value] of Object.entries(row)) {
    if (typeof value !== "string" && typeof value !== "number" && value !== null)
      throw new TypeError(`the column ${name} has a value of an unexpected type`);
    values[name] = value;
  }
  return values;
}
