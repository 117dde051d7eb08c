type SqlValue = string | number | null | ArrayBuffer;

export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A small SQLite database that answers at once, as a Durable Object has one (`ctx.storage.sql`). */
export interface SqlStore {
  /** Runs one statement or several; the rows are those of the last. `?` stand for the bindings in their order. */
  exec(statement: string, ...bindings: (string | number | null)[]): Iterable<SqlRow>;
}
