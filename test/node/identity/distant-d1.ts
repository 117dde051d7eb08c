import type { DatabaseSync } from "node:sqlite";

/**
 * A D1 that stands elsewhere: SQLite, each query of which takes a moment on the way there and one on the way back, so that
 * requests at the same time come between each other's queries as they do in life.
 */
export function distantD1(database: DatabaseSync, wait: () => Promise<void>) {
  const prepare = (sql: string, values: unknown[] = []) => ({
    bind: (...bound: unknown[]) => prepare(sql, bound),
    all: async () => {
      await wait();
      const statement = database.prepare(sql);
      const sent = values.map((value) => (typeof value === "number" || typeof value === "string" ? value : null));
      const results = statement.all(...sent).map((row) => Object(row));
      const changes = Object(database.prepare("SELECT changes() AS n").get()).n;
      await wait();
      return { results, meta: { changes: results.length > 0 ? results.length : changes, last_row_id: 0 } };
    },
  });
  const unused = () => Promise.reject(new Error("not used here"));
  return { prepare, batch: unused, exec: unused };
}
