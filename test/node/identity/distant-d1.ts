import type { DatabaseSync } from "node:sqlite";

/**
 * A remote D1: SQLite with a short delay before and after each query, so that the queries of concurrent requests
 * interleave as they do in production.
 */
export function distantD1(database: DatabaseSync, wait: () => Promise<void>) {
  const prepare = (sql: string, values: unknown[] = []) => ({
    bind: (...bound: unknown[]) => prepare(sql, bound),
    all: async () => {
      await wait();
      const statement = database.prepare(sql);
      const parameters = values.map((value) => (typeof value === "number" || typeof value === "string" ? value : null));
      const results = statement.all(...parameters).map((row) => Object(row));
      const changes = Object(database.prepare("SELECT changes() AS n").get()).n;
      await wait();
      return { results, meta: { changes: results.length > 0 ? results.length : changes, last_row_id: 0 } };
    },
  });
  const unused = () => Promise.reject(new Error("not used here"));
  return { prepare, batch: unused, exec: unused };
}
