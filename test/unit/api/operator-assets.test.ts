import { beforeEach, describe, expect, it } from "vitest";
import { apiApp } from "../../../src/api/api.ts";
import type { OperatorScope } from "../../../src/auth/operator-token.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { type MemoryCatalog, memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { newOperatorPair, type OperatorPair, operatorToken } from "../auth/operators.ts";
import { newPair } from "../auth/tokens.ts";
import { r2, sampleDocument } from "../catalog/sample.ts";
import { searchedLog } from "../http/searched-log.ts";
import { now } from "../signing/session.ts";
import { heldToDescription } from "./described.ts";
import { requestIds, sessionContext } from "./start.ts";

const film = (id: string, more: object = {}) => sampleDocument({ id, origin: r2(`${id}/`), ...more });

let catalog: MemoryCatalog;
let operators: OperatorPair;
let written: readonly string[];
let send: (
  method: string,
  path: string,
  body?: unknown,
  scope?: OperatorScope,
) => Promise<{ readonly status: number; readonly text: string; readonly body: Record<string, unknown> }>;

beforeEach(async () => {
  operators = await newOperatorPair();
  catalog = { text: undefined };
  const context = await sessionContext([await newPair("ES256")], undefined, operators);
  const searched = searchedLog();
  written = searched.written;
  const made = apiApp(context, {
    basePath: "/api/v1",
    reporting: { worker: "api", log: searched.log, telemetry: noTelemetry, random: requestIds },
    sha256: nodeSha256,
    development: false,
    operators: {
      ...context,
      catalogEditing: memoryCatalogEditing(catalog, nodeSha256),
      roots: ["films"],
      gathered: memoryGathered(() => now),
      ring: { keys: [] },
      publicKeys: () => undefined,
      originSecrets: { FILM_SECRET: { use: "header", header: "X-Secret", hosts: ["origin.example"] } },
      renewal: "off",
    },
  });
  const app = heldToDescription(made, "/api/v1");
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  send = async (method, path, body, scope = "operator:assets") => {
    const headers = { Authorization: `Bearer ${await operatorToken(operators, { scope })}` };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method, headers, ...(body === undefined ? {} : { body: text }) };
    const response = await app.request(`/api/v1/operator${path}`, init, {}, runtime);
    const responseText = await response.text();
    return {
      status: response.status,
      text: responseText,
      body: Object(responseText === "" ? {} : JSON.parse(responseText)),
    };
  };
});

describe("the catalog routes:", () => {
  it("PUT gives an asset without an id that of the path", async () => {
    const { id: _, ...unnamed } = film("one");
    expect(await send("PUT", "/assets/one", unnamed)).toMatchObject({ status: 200, body: { asset: film("one") } });
    expect((await send("PUT", "/assets/two", { origin: { type: "s3" }, entry: 5 })).body.faults).toEqual([
      'schema: two: origin.type: Use one of "r2", "http", "file".',
      "schema: two: entry: Use a string, not a number.",
    ]);
  });

  it("PUT accepts only a root that the deployment has, so that no editor can read its machine", async () => {
    const folder = (root: string) => film("one", { origin: { type: "file", root, path: "42/" } });
    expect(await send("PUT", "/assets/one", folder("etc"))).toMatchObject({
      status: 400,
      body: {
        code: "asset_invalid",
        faults: [expect.stringMatching(/^root_unknown: one: origin\.root: Use one of films/)],
      },
    });
    expect(catalog.text).toBeUndefined();
    expect(await send("PUT", "/assets/one", folder("films"))).toMatchObject({ status: 200, body: { was: "added" } });
  });

  it("PUT adds and replaces, GET shows, DELETE removes without a body", async () => {
    const one = film("one");
    expect(await send("PUT", "/assets/one", one)).toMatchObject({ status: 200, body: { asset: one, was: "added" } });
    expect((await send("PUT", "/assets/one", one)).body).toEqual({ asset: one, was: "unchanged" });
    const titled = film("one", { title: "One" });
    expect((await send("PUT", "/assets/one", titled)).body).toEqual({ asset: titled, was: "replaced" });
    const shown = await send("GET", "/assets", undefined, "operator:read");
    expect([shown.status, shown.body]).toEqual([200, { assets: [titled], faults: [] }]);
    const removed = await send("DELETE", "/assets/one");
    expect([removed.status, removed.text]).toEqual([204, ""]);
    const again = await send("DELETE", "/assets/one");
    expect([again.status, again.body.code]).toEqual([404, "asset_unknown"]);
  });

  it.each(["replace=flase", "replace=", "replace=true&replace=false", "replcae=false"])(
    "PUT with ?%s changes nothing",
    async (query) => {
      const refused = await send("PUT", `/assets/one?${query}`, film("one"));
      expect([refused.status, refused.body]).toEqual([400, expect.objectContaining({ code: "body_invalid" })]);
      expect((await send("PUT", "/assets/one?replace=false", film("one"))).body).toMatchObject({ was: "added" });
    },
  );

  it("PUT with replace=false overwrites nothing", async () => {
    await send("PUT", "/assets/one?replace=false", film("one"));
    const refused = await send("PUT", "/assets/one?replace=false", film("one", { title: "One" }));
    expect([refused.status, refused.body.code]).toEqual([400, "asset_invalid"]);
    expect(catalog.text).not.toContain("title");
  });

  it("PUT accepts an origin's secret only for the hosts and uses that it is bound to", async () => {
    const auth = { type: "header", name: "X-Secret", secret: "FILM_SECRET" };
    const assetAt = (url: string, more: object = {}) =>
      film("one", { origin: { type: "http", url, auth: { ...auth, ...more } } });
    const refused = [
      assetAt("https://evil.example/films/"),
      assetAt("https://origin.example:444/films/"),
      assetAt("https://origin.example/films/", { secret: "OTHER_SECRET" }),
      assetAt("https://origin.example/films/", { name: "X-Other" }),
      film("one", {
        origin: {
          type: "http",
          url: "https://origin.example/films/",
          auth: { type: "sigv4", region: "auto", accessKeyId: "FILM_ID", secretAccessKey: "FILM_SECRET" },
        },
      }),
    ];
    for (const asset of refused) {
      const { status, body } = await send("PUT", "/assets/one", asset);
      expect([status, body.code]).toEqual([400, "asset_invalid"]);
      expect(body.faults).toEqual([expect.stringMatching(/^origin_secret_unbound: one: origin\.auth: /)]);
    }
    expect(catalog.text).toBeUndefined();
    expect((await send("PUT", "/assets/one", assetAt("https://origin.example/films/"))).status).toBe(200);
  });

  it("PUT lists every error of an asset; the log has their number only", async () => {
    const refused = await send("PUT", "/assets/one", { ...film("two"), entry: "../MARKED", session: 1 });
    expect([refused.status, refused.body.code]).toEqual([400, "asset_invalid"]);
    expect(refused.body.faults).toEqual([
      expect.stringMatching(/^schema: one: id: /),
      expect.stringMatching(/^path_not_canonical: two: entry: /),
      expect.stringMatching(/^schema: two: session: /),
    ]);
    expect(catalog.text).toBeUndefined();
    expect(written.join()).toContain("3 faults");
    expect(written.join() + refused.text).not.toContain("MARKED");
  });

  it.each([
    ["text that is not JSON", "{"],
    ["an empty body", ""],
    ["a duplicate member", '{"id":"one","id":"one"}'],
    ["more than 32 KiB", JSON.stringify(film("one", { title: "x".repeat(33_000) }))],
  ])("PUT refuses %s", async (_, body) => {
    const refused = await send("PUT", "/assets/one", body);
    expect([refused.status, refused.body.code]).toEqual([400, "body_invalid"]);
  });

  it("PUT accepts bodies longer than other routes do", async () => {
    const allowedHosts = Array.from({ length: 100 }, (_, n) => `${"x".repeat(60)}.${"y".repeat(60)}.host-${n}.example`);
    expect((await send("PUT", "/assets/one", film("one", { allowedHosts }))).status).toBe(200);
  });

  it.each([
    ["GET", "/assets", "operator:assets", "operator:read"],
    ["PUT", "/assets/one", "operator:read", "operator:assets"],
    ["PUT", "/assets/one", "operator:revoke", "operator:assets"],
    ["DELETE", "/assets/one", "operator:keys", "operator:assets"],
  ] as const)("%s %s refuses the scope %s", async (method, path, scope, required) => {
    await send("PUT", "/assets/one", film("one", { title: "before" }));
    const refused = await send(method, path, method === "PUT" ? film("one") : undefined, scope);
    expect([refused.status, refused.body.code, written.join().includes(required)]).toEqual([
      403,
      "scope_insufficient",
      true,
    ]);
    expect(catalog.text).toContain("before");
  });
});
