import { Pool } from "pg";
import { afterAll, beforeAll, describe, it, vi } from "vitest";
import type { RunningAccounts } from "../cluster/account-rules.ts";
import { refreshRules } from "../cluster/refresh-rules.ts";
import { type ServedAccounts, serveAccountsFrom, throughProxy } from "../cluster/serve-accounts.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../support/postgres-server.ts";

let server: PostgresServer;
let service: ServedAccounts;
let pool: Pool;
let running: RunningAccounts;

describe.skipIf(noPostgres !== undefined)("npx stagedoor serve with accounts in PostgreSQL", () => {
  beforeAll(async () => {
    server = await startPostgres();
    await server.query("postgres", "CREATE DATABASE stagedoor_production");
    const { password } = server;
    const url = server.url("stagedoor_{environment}");
    service = await serveAccountsFrom(url, password);
    vi.stubGlobal("fetch", throughProxy(service, fetch));
    pool = new Pool({ connectionString: url.replace("{environment}", "production").replace("@", `:${password}@`) });
    running = {
      ...service,
      query: async (sql, ...values) => {
        let count = 0;
        return (
          await pool.query<object>(
            sql.replace(/\?/g, () => `$${++count}`),
            [...values],
          )
        ).rows;
      },
    };
  });
  afterAll(async () => {
    vi.unstubAllGlobals();
    await service.stop();
    await pool.end();
    await server.remove();
  });

  refreshRules(() => running);
});

if (noPostgres !== undefined) it("serve keeps accounts in PostgreSQL", ({ skip }) => skip(noPostgres));
