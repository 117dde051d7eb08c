import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import type { Finding } from "../../../cli/doctor/finding.ts";
import { deployedCatalog } from "../../../cli/doctor/live/deployed-catalog.ts";
import { bucketUnbound, deploymentAt, unboundBuckets } from "../../../cli/lib/deployment.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { apiUrl, far, films } from "./doctor-stage.ts";

const source = { apiUrl, bearer: "operator-token" };
const assets = (...list: readonly object[]) => Response.json({ assets: list, faults: [] });

describe("the catalog of an API", () => {
  it("is read completely with the operator's token, however long it is", async () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({
      ...films,
      id: `film-${i}`,
      origin: { ...films.origin, prefix: `f${i}/` },
    }));
    const requests: string[] = [];
    const read = await deployedCatalog(source, async (url, init) => {
      requests.push(`${url} ${new Headers(init?.headers).get("Authorization")}`);
      return assets(...many);
    });
    expect(requests).toEqual([`${apiUrl}/operator/assets Bearer operator-token`]);
    expect(read.catalog?.parsed.ok === true && read.catalog.parsed.value.assets().length).toBe(2_000);
    expect(read.catalog?.where).toBe(`the catalog of ${apiUrl}`);
  });

  it("with faults is reported as those faults", async () => {
    const faults = [{ name: "id_duplicate", asset: "film", field: "id", advice: "Give it another." }];
    const read = await deployedCatalog(source, async () => Response.json({ assets: [films], faults }));
    expect(read.catalog?.parsed).toMatchObject({ ok: false, refusal: faults });
  });

  it.each([
    ["answers 403 scope_insufficient", async () => Response.json({ code: "scope_insufficient" }, { status: 403 })],
    ["is not a catalog", async () => new Response("<h1>It works!</h1>")],
    ["does not answer within 5 s", () => Promise.reject(new TypeError("https://api?bearer=operator-token"))],
  ] as const)("is reported as unread if the API %s", async (reason, send) => {
    const { catalog, catalogUnread = "" } = await deployedCatalog(source, send);
    expect(catalog).toBeUndefined();
    expect(catalogUnread).toContain(reason);
    expect(catalogUnread).not.toContain("operator-token");
  });
});

describe("npx stagedoor doctor without --catalog", () => {
  let server: Server;
  let api: string;
  const requests: string[] = [];
  const lost = { ...films, id: "lost", origin: { type: "r2", binding: "NOPE", prefix: "lost/" } };
  const gone = { ...far, origin: { type: "http", url: "http://127.0.0.1:9/gone/" }, id: "gone" };
  beforeAll(async () => {
    server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      requests.push(`${request.url} ${request.headers.authorization?.split(" ")[0]}`);
      const known = request.url === "/operator/assets" && request.headers.authorization !== undefined;
      response.writeHead(known ? 200 : 404, { "Content-Type": "application/json" });
      response.end(JSON.stringify(known ? { assets: [lost, gone], faults: [] } : {}));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    api = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  async function doctor(...words: readonly string[]) {
    const outcome = await dispatch(["doctor", ...words]);
    if (outcome.exit === 2) throw new Error(outcome.message);
    const { findings, catalog } = Object(outcome.json);
    const all: readonly Finding[] = findings;
    return { catalog, reported: all.map(({ id, about }) => `${id} ${about}`) };
  }

  it("checks the live catalog, with a token signed by the local ring", async () => {
    const { catalog, reported } = await doctor("--api", api, "--origins");
    expect(requests).toContain("/operator/assets Bearer");
    expect(catalog).toBe(`the catalog of ${api}`);
    expect(reported).toEqual(
      expect.arrayContaining([
        "bucket_unbound wrangler.toml: NOPE",
        "bucket_unbound workers/manifest/wrangler.toml: NOPE",
        "origin_silent asset gone",
      ]),
    );
    // These assets are in the fixtures' catalog, which may have other ports by now.
    expect(reported.filter((line) => line.includes("asset live"))).toEqual([]);
  });

  it("says so if it cannot read a catalog", async () => {
    const { catalog, reported } = await doctor("--env", "production", "--api", api);
    expect([catalog, reported]).toEqual([undefined, expect.arrayContaining(["not_looked_at the catalog"])]);
    expect((await doctor("--api", `${api}/elsewhere`)).reported).toContain("catalog_unread the catalog");
  });
});

describe("the deployment of an API", () => {
  it("is the environment with its URL, or the top level on this machine", async () => {
    expect(await deploymentAt("https://api.staging.example.com/v1")).toEqual({
      environment: "staging",
      roots: [],
      mediaUrl: "https://media.staging.example.com",
      originSecrets: {},
      buckets: ["MEDIA"],
    });
    expect(await deploymentAt("http://localhost:9100")).toMatchObject({
      environment: "development",
      buckets: ["MEDIA"],
    });
    expect(await deploymentAt("https://api.nobody.test")).toBeUndefined();
  });

  it("lists the buckets that assets name but its workers do not have", async () => {
    const deployment = {
      environment: "production",
      mediaUrl: undefined,
      originSecrets: undefined,
      buckets: ["MEDIA"],
      roots: [],
    };
    const parsed = parseCatalog({
      version: 1,
      assets: [films, { ...films, id: "lost", origin: { type: "r2", binding: "NOPE", prefix: "lost/" } }],
    });
    const list = parsed.ok ? parsed.value.assets() : [];
    expect(unboundBuckets(list, deployment)).toEqual(["NOPE"]);
    expect(bucketUnbound("NOPE", deployment)).toMatch(/production \(bound: MEDIA\)/);
  });
});
