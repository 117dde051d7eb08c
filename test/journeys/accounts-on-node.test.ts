import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll } from "vitest";
import { accountRules, type RunningAccounts } from "../cluster/account-rules.ts";
import { type ServedAccounts, serveAccounts } from "../cluster/serve-accounts.ts";

let service: ServedAccounts;
let running: RunningAccounts;
beforeAll(async () => {
  service = await serveAccounts();
  running = {
    ...service,
    query: async (sql, ...values) => {
      const database = new DatabaseSync(service.file);
      try {
        return database.prepare(sql).all(...values);
      } finally {
        database.close();
      }
    },
  };
});
afterAll(() => service.stop());

// The rules of refresh tokens run with accounts in PostgreSQL.
accountRules(() => running);
