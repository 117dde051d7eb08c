import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { RunningAccounts } from "../cluster/account-rules.ts";
import { signedUp } from "../cluster/device.ts";
import { refreshRules } from "../cluster/refresh-rules.ts";
import { type ServedAccounts, serveAccountsFrom, throughProxy } from "../cluster/serve-accounts.ts";
import { answerOf, get, sessionOf } from "../cluster/viewer.ts";
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
    // The test stops the server.
    pool.on("error", () => undefined);
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

  it("continues streams while PostgreSQL is stopped, refuses starts with a cookie by 503, and needs no restart", async () => {
    const ann = await signedUp(service.apiUrl);
    const film = sessionOf(await answerOf(ann.startBy.cookie()));
    await server.stop();
    expect(await answerOf(ann.startBy.cookie())).toMatchObject({ status: 503, code: "store_unavailable" });
    expect((await ann.client.getSession()).error).toMatchObject({ status: 503 });
    expect((await get(film.manifestUrl)).status).toBe(200);
    await server.start();
    expect((await ann.startBy.cookie()).status).toBe(201);
  });
});

if (noPostgres !== undefined) it("serve keeps accounts in PostgreSQL", ({ skip }) => skip(noPostgres));
