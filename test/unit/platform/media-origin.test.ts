import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../../src/base/time.ts";
import { type Asset, assetSchema } from "../../../src/catalog/asset.ts";
import { mediaOrigin } from "../../../src/platform/cloudflare/r2-origin.ts";

const asset = assetSchema.parse({
  id: "film",
  origin: {
    type: "http",
    url: "https://origin.example/film/",
    auth: { type: "header", name: "X-Secret", secret: "ORIGIN_SECRET" },
  },
  entry: "index.m3u8",
});

/** An asset that no catalog accepts: the schema already refuses the name. */
const greedy: Asset = {
  ...asset,
  origin: {
    ...asset.origin,
    ...(asset.origin.type === "http" ? { auth: { type: "header", name: "X-Secret", secret: "STAGEDOOR_KEYS" } } : {}),
  },
};

const sent: (string | null)[] = [];
beforeEach(() => {
  sent.length = 0;
  vi.stubGlobal("fetch", async (_url: string, init: { headers: Headers }) => {
    sent.push(init.headers.get("X-Secret"));
    return new Response("segment", { headers: { "Content-Length": "7" } });
  });
});
afterEach(() => vi.unstubAllGlobals());

const bound = { use: "header", header: "X-Secret", hosts: ["origin.example"] };
const env = {
  ORIGIN_SECRET: "open sesame",
  STAGEDOOR_KEYS: "the whole ring",
  STAGEDOOR_ORIGIN_SECRETS: JSON.stringify({ ORIGIN_SECRET: bound }),
};
const openFile = (of: Asset, bindings: object = env) =>
  mediaOrigin(bindings, systemClock)({ asset: of, path: "0.ts", query: "", method: "GET" });

describe("an asset in a folder", () => {
  it("is refused on Workers, which have no disk, with what to use instead", async () => {
    const folder: Asset = { ...asset, origin: { type: "file", root: "films", path: "42/" } };
    expect(await openFile(folder)).toEqual({
      ok: false,
      refusal: {
        code: "configuration_invalid",
        reason: expect.stringMatching(/^film: its origin has the type file.*host\.type node.*use r2 or http$/),
      },
    });
    expect(sent).toEqual([]);
  });
});

describe("the secrets that an origin gets", () => {
  it("are those that the catalog names", async () => {
    expect((await openFile(asset)).ok).toBe(true);
    expect(sent).toEqual(["open sesame"]);
  });

  it.each([
    ["no setting", undefined],
    ["invalid JSON", "{"],
    ["another host", JSON.stringify({ ORIGIN_SECRET: { ...bound, hosts: ["other.example"] } })],
    ["an unknown use", JSON.stringify({ ORIGIN_SECRET: { ...bound, use: "cookie" } })],
    ["one of the service's own names too", JSON.stringify({ ORIGIN_SECRET: bound, STAGEDOOR_KEYS: bound })],
  ])("are none if the deployment has %s for them", async (_, setting) => {
    const bindings = { ...env, STAGEDOOR_ORIGIN_SECRETS: setting };
    expect(await openFile(asset, bindings)).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(sent).toEqual([]);
  });

  it("are never the service's own, so that an author of the catalog cannot have the key ring sent to them", async () => {
    expect(await openFile(greedy)).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(sent).toEqual([]);
  });
});
