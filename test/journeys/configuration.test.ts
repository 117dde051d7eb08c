import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestCluster } from "../cluster/test-cluster.ts";

const log: string[] = [];
let cluster: Awaited<ReturnType<typeof startTestCluster>>;

beforeAll(async () => {
  cluster = await startTestCluster({ STAGEDOOR_ENV: "production", STAGEDOOR_EXPIRY_STEP: "never" }, log);
});
afterAll(() => cluster.stop());

describe("a worker with a wrong configuration", () => {
  it.each([
    ["the API", () => `${cluster.addresses.apiUrl}/stream/start`],
    ["its page", () => `${cluster.addresses.apiUrl}/`],
    ["the media host", () => `${cluster.addresses.mediaUrl}/vod-ts/180p/0.ts`],
  ])("%s answers every request 500 configuration_invalid", async (_, url) => {
    const answered = await fetch(url());
    expect(answered.status).toBe(500);
    expect(answered.headers.get("access-control-allow-origin")).toBe("*");
    expect(Object(await answered.json()).code).toBe("configuration_invalid");
  });

  it("names every fault in its log, and no key", async () => {
    await fetch(`${cluster.addresses.mediaUrl}/`);
    const all = log.join("\n");
    expect(all).toContain("STAGEDOOR_EXPIRY_STEP");
    for (const key of cluster.addresses.keys) expect(all).not.toContain("k" in key ? key.k : key.d);
  });
});

describe("outside development", () => {
  const production: string[] = [];
  let deployed: Awaited<ReturnType<typeof startTestCluster>>;
  beforeAll(async () => {
    deployed = await startTestCluster({ STAGEDOOR_ENV: "production" }, production);
  });
  afterAll(() => deployed.stop());

  it("dev keys, the dev issuer and plain http are refused, each by name", async () => {
    expect((await fetch(`${deployed.addresses.apiUrl}/stream/start`, { method: "POST" })).status).toBe(500);
    const all = production.join("\n");
    for (const name of ["dev-session", "stagedoor-dev", "STAGEDOOR_MEDIA_URL"]) expect(all).toContain(name);
  });
});
