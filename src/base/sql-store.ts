type SqlValue = string | number | null | ArrayBuffer;

export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A small synchronous SQLite database, as Durable Objects have (`ctx.storage.sql`). */
export interface SqlStore {
  /** Runs one or more statements and returns the rows of the last. `?` are the bindings, in order. */
  exec(statement: string, ...bindings: (string | number | null)[]): Iterable<SqlRow>;
}
