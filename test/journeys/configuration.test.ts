import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newSessionKey } from "../../src/keys/generate.ts";
import { gatheredBy, type MetricsStoreNamespace } from "../../src/platform/cloudflare/object-clients.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { until } from "../cluster/viewer.ts";

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
  ])("refuses every request with 500 configuration_invalid: %s", async (_, url) => {
    const response = await fetch(url());
    expect(response.status).toBe(500);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(Object(await response.json()).code).toBe("configuration_invalid");
  });

  it("logs every fault by name, and no key", async () => {
    await fetch(`${cluster.addresses.mediaUrl}/`);
    const all = log.join("\n");
    expect(all).toContain("STAGEDOOR_EXPIRY_STEP");
    for (const key of cluster.addresses.keys) expect(all).not.toContain("k" in key ? key.k : key.d);
  });
});

describe("the requests that a worker with a wrong configuration refuses", () => {
  let wrong: Awaited<ReturnType<typeof startTestCluster>>;
  beforeAll(async () => {
    wrong = await startTestCluster({ STAGEDOOR_EXPIRY_STEP: "never" });
  });
  afterAll(() => wrong.stop());

  it("appear in the metrics of every worker", async () => {
    for (const url of [wrong.addresses.apiUrl, wrong.addresses.mediaUrl, wrong.addresses.mediaUrl])
      expect((await fetch(`${url}/health`)).status).toBe(500);
    const { METRICS_STORE } = await wrong.miniflare.getBindings<{ METRICS_STORE: MetricsStoreNamespace<unknown> }>(
      "stagedoor-api",
    );
    const refused = (worker: string) => `stagedoor_refused_total{worker="${worker}",code="configuration_invalid"}`;
    const counted = async () => {
      const counts = new Map(await gatheredBy(METRICS_STORE).counts());
      return [counts.get(refused("api")), counts.get(refused("edge"))];
    };
    await until(counted, ([api, edge]) => api === 1 && edge === 2);
  });
});

describe("a production configuration", () => {
  const production: string[] = [];
  let deployed: Awaited<ReturnType<typeof startTestCluster>>;
  beforeAll(async () => {
    deployed = await startTestCluster({ STAGEDOOR_ENV: "production" }, production);
  });
  afterAll(() => deployed.stop());

  it("refuses development keys, the development issuer and plain HTTP, each by name", async () => {
    expect((await fetch(`${deployed.addresses.apiUrl}/stream/start`, { method: "POST" })).status).toBe(500);
    const all = production.join("\n");
    for (const name of ["dev-session", "stagedoor-dev", "STAGEDOOR_MEDIA_URL"]) expect(all).toContain(name);
  });
});

describe("a production deployment with a valid configuration", () => {
  const log: string[] = [];
  let deployed: Awaited<ReturnType<typeof startTestCluster>>;
  beforeAll(async () => {
    const issuer = {
      issuer: "https://id.example",
      audience: "stagedoor",
      algorithms: ["ES256"],
      jwksUri: "https://id.example/jwks.json",
    };
    const settings = {
      STAGEDOOR_ENV: "production",
      STAGEDOOR_MEDIA_URL: "https://media.example",
      STAGEDOOR_API_URL: "https://api.example",
      STAGEDOOR_KEYS: JSON.stringify({ keys: [newSessionKey("2026-a", randomBytes)] }),
      STAGEDOOR_ISSUERS: JSON.stringify([issuer]),
    };
    deployed = await startTestCluster(settings, log);
  });
  afterAll(() => deployed.stop());

  it.each(["/", "/demo.json", "/streams.json", "/page.js", "/docs/"])(
    "serves no demo page, even with a page bound: %s",
    async (path) => {
      const response = await fetch(deployed.addresses.apiUrl + path);
      expect([response.status, Object(await response.json()).code]).toEqual([404, "route_unknown"]);
    },
  );

  it("answers a start request, and logs no configuration fault", async () => {
    const response = await fetch(`${deployed.addresses.apiUrl}/stream/start`, { method: "POST" });
    expect([response.status, Object(await response.json()).code]).toEqual([401, "token_missing"]);
    expect(log.join("\n")).not.toContain("configuration_invalid");
  });
});
