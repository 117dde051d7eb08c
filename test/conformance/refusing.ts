import { describe, expect, it } from "vitest";
import type { MediaPurpose } from "../../src/base/media-purpose.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { urlsOf } from "../cluster/viewer.ts";
import type { Clients, Current } from "./deployment.ts";
import { type Forgery, signedTarget } from "./signed-target.ts";

/** Refusals: status, code, problem document, CORS and caching. */
export function refusing(current: Current, { viewer, post }: Clients): void {
  async function send(target: string, options = {}) {
    const { mediaUrl, connection } = current();
    const { status, headers, body } = await rawRequest(mediaUrl, target, options, connection);
    const text = body.toString("utf8");
    return { status, headers, text, problem: text.startsWith("{") ? Object(JSON.parse(text)) : {} };
  }

  async function aSegment(): Promise<string> {
    const { segment } = await urlsOf(await (await viewer()).start());
    return segment.slice(current().mediaUrl.length);
  }

  const signed = (path: string, purpose: MediaPurpose, forgery?: Forgery) =>
    signedTarget(current().keys, path, purpose, forgery);

  const changed = (find: RegExp, replacement: string) => async () => (await aSegment()).replace(find, replacement);

  describe("the media host", () => {
    it("serves signed URLs", async () => {
      expect((await send(await signed("/vod-ts/180p/0.ts", "segment"))).status).toBe(200);
    });

    it.each<[string, () => Promise<string>, number, string]>([
      ["a segment without its signature", changed(/\?.*/, ""), 403, "signature_missing"],
      ["a segment without grant and signature", async () => "/vod-ts/180p/0.ts", 403, "signature_missing"],
      [
        "a changed signature",
        async () => (await aSegment()).replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
        403,
        "signature_invalid",
      ],
      [
        "another file with the same signature",
        async () => (await aSegment()).replace(/\/\d\.ts/, "/5.ts").replace("180p", "270p"),
        403,
        "signature_invalid",
      ],
      [
        "a longer expiry",
        async () => (await aSegment()).replace(/seg=(\d+)/, (_, expiry) => `seg=${Number(expiry) + 60}`),
        403,
        "signature_invalid",
      ],
      ["a grant with a changed byte", changed(/^\/(.{60})./, "/$1_"), 403, "grant_invalid"],
      ["a segment's signature as that of a key", changed(/seg=/, "key="), 403, "signature_invalid"],
      [
        "a playlist after its expiry",
        () => signed("/vod-ts/index.m3u8", "playlist", { urlEnds: -1 }),
        403,
        "signature_expired",
      ],
      ["an expired session", () => signed("/vod-ts/180p/0.ts", "segment", { grantEnds: -1 }), 403, "grant_expired"],
      ["another asset's file", () => signed("/vod-fmp4/180p/film.mp4", "segment"), 403, "path_not_covered"],
      [
        "a file that does not exist, with a valid signature",
        () => signed("/vod-ts/180p/99.ts", "segment"),
        404,
        "object_unknown",
      ],
      [
        "a file that does not exist, without a signature",
        async () => (await signed("/vod-ts/180p/99.ts", "segment")).replace(/\?.*/, ""),
        403,
        "signature_missing",
      ],
      [
        "an asset that left the catalog",
        () => signed("/vod-gone/0.ts", "segment", { prefix: "/vod-gone/" }),
        404,
        "asset_unknown",
      ],
      ["dot segments", changed(/\/180p\//, "/180p/../180p/"), 400, "path_invalid"],
      ["encoded dot segments", changed(/\/180p\//, "/180p/%2e%2e/180p/"), 400, "path_invalid"],
      ["an encoded slash", changed(/\/180p\//, "/180p%2F"), 400, "path_invalid"],
      ["a backslash", changed(/\/180p\//, "/180p\\"), 400, "path_invalid"],
      ["a doubly encoded path", changed(/\/180p\//, "/180p%252F"), 400, "path_invalid"],
      ["a path parameter", changed(/\/180p\//, "/180p;x/"), 400, "path_invalid"],
    ])("refuses %s", async (_, target, status, code) => {
      const refused = await send(await target());
      expect({ status: refused.status, code: refused.problem.code }).toEqual({ status, code });
      expect(refused.problem).toMatchObject({
        type: `urn:stagedoor:problem:${code}`,
        status,
        title: expect.any(String),
        detail: expect.any(String),
      });
      expect(refused.headers).toMatchObject({
        "access-control-allow-origin": "*",
        "access-control-expose-headers": expect.stringContaining("Stagedoor-Refusal"),
        "cache-control": "no-store",
        "content-type": "application/problem+json",
        "stagedoor-refusal": code,
        "x-content-type-options": "nosniff",
      });
    });

    it("never serves B for A/../B with A's signature, however a proxy rewrites the path", async () => {
      const [grantAndDirectory = "", signature = ""] = (await aSegment()).split(/\d\.ts\?/);
      for (const path of ["0.ts/../5.ts", "0.ts/%2e%2e/5.ts", "./5.ts", "%2e/5.ts", "0.ts\\..\\5.ts", "5.ts"]) {
        const refused = await send(`${grantAndDirectory}${path}?${signature}`);
        expect([400, 403]).toContain(refused.status);
      }
    });

    it("quotes neither the grant nor the signature in a refusal", async () => {
      const target = (await aSegment()).replace(/.$/, "_");
      const refused = await send(target);
      const everything = JSON.stringify(refused.headers) + refused.text;
      expect(everything).not.toContain(target.split("/")[1]);
      expect(everything).not.toContain(target.slice(-20));
    });

    it.each(["POST", "PUT", "DELETE", "PATCH"])("answers %s with 405", async (method) => {
      const refused = await send(await aSegment(), { method });
      expect(refused.status).toBe(405);
      expect(refused.headers.allow).toBe("GET, HEAD, OPTIONS");
    });

    it("answers a preflight without a signature", async () => {
      const preflight = await send("/vod-ts/180p/0.ts", { method: "OPTIONS" });
      expect(preflight.status).toBe(204);
      expect(preflight.headers["access-control-allow-methods"]).toContain("GET");
      expect(preflight.headers["access-control-allow-headers"]).toContain("Range");
    });
  });

  describe("a start", () => {
    it("is refused without a token, with a token that is not valid, and for an asset that does not exist", async () => {
      const bearer = { Authorization: `Bearer ${(await viewer()).token}` };
      const codes = [
        await post("/stream/start", '{"asset":"vod-ts"}'),
        await post("/stream/start", '{"asset":"vod-ts"}', { Authorization: "Bearer x" }),
        await post("/stream/start", '{"asset":"none"}', bearer),
        await post("/stream/start", "{", bearer),
        await post("/none", "{}", bearer),
      ].map(({ status, code }) => [status, code]);
      expect(codes).toEqual([
        [401, "token_missing"],
        [401, "token_invalid"],
        [404, "asset_unknown"],
        [400, "body_invalid"],
        [404, "route_unknown"],
      ]);
    });

    it("is refused for an asset that the token does not open", async () => {
      const refused = await (await viewer({ assets: ["vod-fmp4"] })).tryStart();
      expect([refused.status, refused.code]).toEqual([403, "asset_forbidden"]);
    });
  });
}
