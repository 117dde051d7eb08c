import { describe, expect, inject, it } from "vitest";
import type { MediaPurpose } from "../../src/base/media-purpose.ts";
import { unixSeconds } from "../../src/base/time.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { mintGrant } from "../../src/signing/grant.ts";
import { signedQuery } from "../../src/signing/media-url.ts";
import { macFor, prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { startStream } from "../cluster/start-stream.ts";
import { walk } from "../cluster/walk.ts";

const cluster = inject("usual");

async function send(target: string, options = {}) {
  const { status, headers, body } = await rawRequest(cluster.mediaUrl, target, options);
  const text = body.toString("utf8");
  return { status, headers, text, code: text.startsWith("{") ? Object(JSON.parse(text)).code : undefined };
}

function targetOf(url: string): string {
  return url.slice(cluster.mediaUrl.length);
}

async function aSegment(asset = "vod-ts"): Promise<string> {
  const { manifestUrl } = await startStream(cluster, asset);
  const { files } = await walk(manifestUrl);
  const url = [...files].find((file) => new URL(file).pathname.endsWith("/180p/0.ts"));
  if (url === undefined) throw new Error(`${asset} names no 180p/0.ts`);
  return targetOf(url);
}

/** A URL that only a holder of the keys can make, to show what even a valid signature does not open. */
async function signed(
  path: string,
  purpose: MediaPurpose,
  times: { grantEnds?: number; urlEnds?: number; prefix?: string } = {},
) {
  const keys = await prepareSessionKeys({ keys: cluster.keys }, nobleHmac);
  const key = keys.get("dev-session");
  if (key === undefined) throw new Error("no session key");
  const now = Math.floor(Date.now() / 1000);
  const grant = mintGrant(
    {
      issuer: "stagedoor",
      subject: "subject",
      sessionId: "AAAAAAAAAAAAAAAAAAAAAA",
      prefix: times.prefix ?? "/vod-ts/",
      issuedAt: unixSeconds(now - 60),
      expiresAt: unixSeconds(now + (times.grantEnds ?? 3600)),
    },
    key,
  );
  const expiry = unixSeconds(now + (times.urlEnds ?? 60));
  const mac = macFor(key, purpose, purpose === "playlist" ? grant : undefined);
  return `/${grant}${path}?${signedQuery(mac, purpose, { path, query: "", expiry })}`;
}

describe("the media host", () => {
  it("serves signed URLs", async () => {
    expect((await send(await aSegment())).status).toBe(200);
    expect((await send(await signed("/vod-ts/180p/0.ts", "segment"))).status).toBe(200);
  });

  it.each([
    ["a segment without its signature", async () => (await aSegment()).replace(/\?.*/, ""), 403, "signature_missing"],
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
    [
      "a grant with a changed byte",
      async () => (await aSegment()).replace(/^\/(.{60})./, (_, head) => `/${head}_`),
      403,
      "grant_invalid",
    ],
    [
      "a segment's signature as that of a key",
      async () => (await aSegment()).replace("seg=", "key="),
      403,
      "signature_invalid",
    ],
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
    ["dot segments", async () => (await aSegment()).replace("/180p/", "/180p/../180p/"), 400, "path_invalid"],
    [
      "encoded dot segments",
      async () => (await aSegment()).replace("/180p/", "/180p/%2e%2e/180p/"),
      400,
      "path_invalid",
    ],
    ["an encoded slash", async () => (await aSegment()).replace("/180p/", "/180p%2F"), 400, "path_invalid"],
    ["a backslash", async () => (await aSegment()).replace("/180p/", "/180p\\"), 400, "path_invalid"],
    ["a doubly encoded path", async () => (await aSegment()).replace("/180p/", "/180p%252F"), 400, "path_invalid"],
    ["a path parameter", async () => (await aSegment()).replace("/180p/", "/180p;x/"), 400, "path_invalid"],
    [
      "the raw playlist next to segments that a CloudFront wildcard opens",
      async () => (await aSegment("vod-cloudfront-ec")).replace("/0.ts", "/index.m3u8"),
      403,
      "path_not_covered",
    ],
    ["a CloudFront file without its signature", async () => "/vod-cloudfront/180p/0.ts", 403, "signature_missing"],
    [
      "a CloudFront file with another file's signature",
      async () => (await aSegment("vod-cloudfront")).replace(/\/(\d)\.ts/, (_, n) => `/${(Number(n) + 1) % 6}.ts`),
      403,
      "signature_invalid",
    ],
  ])("refuses %s", async (_, target, status, code) => {
    const refused = await send(await target());
    expect({ status: refused.status, code: refused.code }).toEqual({ status, code });
    expect(refused.headers["access-control-allow-origin"]).toBe("*");
    expect(refused.headers["cache-control"]).toBe("no-store");
    expect(refused.headers["content-type"]).toBe("application/problem+json");
  });

  it("never serves B for A/../B with A's signature, however a proxy rewrites the path", async () => {
    const a = await aSegment();
    const [grantAndDirectory = "", signature = ""] = a.split(/\d\.ts\?/);
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
