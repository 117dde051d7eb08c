import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import { makeTables, sqliteCatalog } from "../../../src/platform/node/sqlite-stores.ts";
import { sqliteDurableLog } from "../../../src/platform/redis/durable-log.ts";
import { durableLogContract } from "../../support/durable-log-contract.ts";

const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

durableLogContract(async (clock) => {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-log-"));
  const file = join(folder, "log.sqlite");
  const connections = { usual: openSqlite(file, { durable: false }), durable: openSqlite(file, { durable: true }) };
  makeTables(connections);
  opened.push(() => {
    connections.usual.close();
    connections.durable.close();
    rmSync(folder, { recursive: true });
  });
  return { log: sqliteDurableLog(connections.durable, clock), catalog: sqliteCatalog(connections) };
});
