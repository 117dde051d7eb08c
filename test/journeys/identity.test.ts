import { afterAll, beforeAll, expect, it } from "vitest";
import { accountRules } from "../cluster/account-rules.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";

const log: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster({}, log);
});
afterAll(() => cluster.stop());

async function query(sql: string, ...values: readonly string[]): Promise<readonly unknown[]> {
  const database = await cluster.miniflare.getD1Database("DB", "stagedoor-identity");
  return (
    await database
      .prepare(sql)
      .bind(...values)
      .all()
  ).results;
}

accountRules(() => ({ apiUrl: cluster.addresses.apiUrl, query, log: () => log }));

it("the identity worker records its migrations as wrangler does", async () => {
  expect(await query("SELECT name FROM d1_migrations")).toEqual([{ name: "0001_identity.sql" }]);
});
