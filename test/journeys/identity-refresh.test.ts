import { afterAll, beforeAll } from "vitest";
import { refreshRules } from "../cluster/refresh-rules.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
beforeAll(async () => {
  cluster = await startTestCluster({ STAGEDOOR_IDENTITY_REFRESH_GRACE: "60" });
});
afterAll(() => cluster.stop());

refreshRules(() => ({
  apiUrl: cluster.addresses.apiUrl,
  query: async (sql, ...values) => {
    const database = await cluster.miniflare.getD1Database("DB", "stagedoor-identity");
    return (
      await database
        .prepare(sql)
        .bind(...values)
        .all()
    ).results;
  },
  log: () => [],
}));
