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
  it("is read with the operator's credential, whole however long it is", async () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({
      ...films,
      id: `film-${i}`,
      origin: { ...films.origin, prefix: `f${i}/` },
    }));
    const asked: string[] = [];
    const read = await deployedCatalog(source, async (url, init) => {
      asked.push(`${url} ${new Headers(init?.headers).get("Authorization")}`);
      return assets(...many);
    });
    expect(asked).toEqual([`${apiUrl}/operator/assets Bearer operator-token`]);
    expect(read.catalog?.parsed.ok === true && read.catalog.parsed.value.assets().length).toBe(2_000);
    expect(read.catalog?.where).toBe(`the catalog of ${apiUrl}`);
  });

  it("that somebody broke is its faults", async () => {
    const faults = [{ name: "id_duplicate", asset: "film", field: "id", advice: "Give it another." }];
    const read = await deployedCatalog(source, async () => Response.json({ assets: [films], faults }));
    expect(read.catalog?.parsed).toMatchObject({ ok: false, refusal: faults });
  });

  it.each([
    ["answers 403 scope_insufficient", async () => Response.json({ code: "scope_insufficient" }, { status: 403 })],
    ["is not a catalog", async () => new Response("<h1>It works!</h1>")],
    ["does not answer within 5 s", () => Promise.reject(new TypeError("https://api?bearer=operator-token"))],
  ] as const)("that %s was not read, and why", async (why, send) => {
    const { catalog, catalogUnread = "" } = await deployedCatalog(source, send);
    expect(catalog).toBeUndefined();
    expect(catalogUnread).toContain(why);
    expect(catalogUnread).not.toContain("operator-token");
  });
});

describe("npx stagedoor doctor without --catalog", () => {
  let server: Server;
  let api: string;
  const asked: string[] = [];
  const lost = { ...films, id: "lost", origin: { type: "r2", binding: "NOPE", prefix: "lost/" } };
  const gone = { ...far, origin: { type: "http", url: "http://127.0.0.1:9/gone/" }, id: "gone" };
  beforeAll(async () => {
    server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      asked.push(`${request.url} ${request.headers.authorization?.split(" ")[0]}`);
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
    const told: readonly Finding[] = findings;
    return { catalog, told: told.map(({ id, about }) => `${id} ${about}`) };
  }

  it("looks at the live one, with a credential of the ring's own on this machine", async () => {
    const { catalog, told } = await doctor("--api", api, "--origins");
    expect(asked).toContain("/operator/assets Bearer");
    expect(catalog).toBe(`the catalog of ${api}`);
    expect(told).toEqual(
      expect.arrayContaining([
        "bucket_unbound wrangler.toml: NOPE",
        "bucket_unbound workers/manifest/wrangler.toml: NOPE",
        "origin_silent asset gone",
      ]),
    );
    // Those of the fixtures' own catalog, which may be at other ports by now.
    expect(told.filter((line) => line.includes("asset live"))).toEqual([]);
  });

  it("says so where there is none to be read", async () => {
    const { catalog, told } = await doctor("--env", "production", "--api", api);
    expect([catalog, told]).toEqual([undefined, expect.arrayContaining(["not_looked_at the catalog"])]);
    expect((await doctor("--api", `${api}/elsewhere`)).told).toContain("catalog_unread the catalog");
  });
});

describe("the deployment of an API", () => {
  it("is the environment that has its address, and on this machine the top level", async () => {
    expect(await deploymentAt("https://api.staging.example.com/v1")).toEqual({
      environment: "staging",
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

  it("says which buckets assets name that its workers lack", async () => {
    const deployment = { environment: "production", mediaUrl: undefined, originSecrets: undefined, buckets: ["MEDIA"] };
    const parsed = parseCatalog({
      version: 1,
      assets: [films, { ...films, id: "lost", origin: { type: "r2", binding: "NOPE", prefix: "lost/" } }],
    });
    const list = parsed.ok ? parsed.value.assets() : [];
    expect(unboundBuckets(list, deployment)).toEqual(["NOPE"]);
    expect(bucketUnbound("NOPE", deployment)).toMatch(/production \(bound: MEDIA\)/);
  });
});
