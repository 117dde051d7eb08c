import { describe, expect, it } from "vitest";
import { openApiDocument } from "../../../src/api/openapi/document.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { memoryCatalogEditing, memoryGathered } from "../../support/memory-stores.ts";
import { newOperatorPair } from "../auth/operators.ts";
import { newPair } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { api, sessionContext } from "./start.ts";

const mediaUrl = "https://media.example";
const document = openApiDocument({ apiUrl: "https://api.example", basePath: "/api/v1", mediaUrl });

/** The API with all routes. */
async function whole(basePath: string) {
  const context = await sessionContext([await newPair("ES256")], undefined, await newOperatorPair());
  const operators = {
    ...context,
    catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
    roots: [],
    gathered: memoryGathered(() => now),
    ring: { keys: [] },
    publicKeys: () => undefined,
    originSecrets: {},
    renewal: "off",
  } as const;
  return api(context, basePath, { operators });
}

describe("GET /openapi.json", () => {
  it.each([
    ["/", "", "/", "https://api.example"],
    ["/api/v1", "/api/v1", "/", "https://api.example/api/v1"],
  ])("describes exactly the mounted routes with the base path %s", async (basePath, base, _, server) => {
    const { app, send } = await whole(basePath);
    const mounted = app.routes
      .filter(({ method, path }) => !["ALL", "OPTIONS"].includes(method) && path !== "*")
      .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    const body = Object(await (await send("/openapi.json")).json());
    const described = Object.entries(body.paths).flatMap(([path, item]) => {
      const { servers, ...byMethod } = Object(item);
      return Object.keys(byMethod).map((method) => `${method.toUpperCase()} ${servers ? "" : base}${path}`);
    });
    expect(described.toSorted()).toEqual([...new Set(mounted)].toSorted());
    expect(body.servers).toEqual([{ url: server, description: expect.any(String) }]);
  });

  it("is at the root and readable by any site", async () => {
    const { send } = await api({}, "/api/v1");
    const { status, headers } = await send("/openapi.json");
    expect([status, headers.get("Content-Type")]).toEqual([200, "application/json"]);
    expect(headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect((await send("/api/v1/openapi.json")).status).toBe(404);
  });

  it("has relative URLs without STAGEDOOR_API_URL", () => {
    const { servers, paths } = openApiDocument({ apiUrl: undefined, basePath: "/api/v1", mediaUrl });
    expect(servers).toMatchObject([{ url: "/api/v1" }]);
    expect(paths["/health"]).toMatchObject({ servers: [{ url: "/" }, { url: mediaUrl }] });
  });

  it("has no dangling reference", () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path);
    expect(references.length).toBeGreaterThan(100);
    const exists = (path: string) =>
      path.split("/").reduce<unknown>((value, member) => Object(value)[member], document) !== undefined;
    expect(references.filter((path) => !exists(path))).toEqual([]);
    for (const operation of Object.values(document.paths).flatMap((item) => Object.values(item)))
      for (const way of Object(operation).security ?? [])
        expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(Object.keys(way)));
  });

  it("allows no unknown members in request bodies", () => {
    const bodies = Object.values(document.paths)
      .flatMap((item) => Object.values(item))
      .flatMap((operation) => Object(operation).requestBody?.content["application/json"].schema.$ref ?? []);
    const names = [...new Set(bodies.map((ref: string) => ref.split("/").at(-1) ?? ""))];
    expect(names.toSorted()).toEqual([
      "Asset",
      "Enforcement",
      "Explain",
      "Files",
      "Renewal",
      "Revocation",
      "Simulate",
      "Start",
      "ViewerQuestion",
    ]);
    for (const name of names)
      expect([name, Object(document.components.schemas)[name].additionalProperties]).toEqual([name, false]);
  });

  it("allows new members in responses and problems", () => {
    const { OpenedSession, ShownSession, Problem } = Object(document.components.schemas);
    for (const schema of [OpenedSession, ShownSession, Problem])
      expect([schema.type, "additionalProperties" in schema]).toEqual(["object", false]);
  });

  it("has unique operation ids", () => {
    const names = Object.values(document.paths).flatMap((item) =>
      Object.values(item).map((one) => Object(one).operationId),
    );
    const ids = names.filter((name) => name !== undefined);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
