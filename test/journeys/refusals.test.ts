import { describe, expect, inject, it } from "vitest";
import { rawRequest } from "../cluster/raw-request.ts";
import { startStream } from "../cluster/start-stream.ts";
import { walk } from "../cluster/walk.ts";

const cluster = inject("usual");

async function aSegment(asset: string): Promise<string> {
  const { manifestUrl } = await startStream(cluster, asset);
  const { files } = await walk(manifestUrl);
  const url = [...files].find((file) => new URL(file).pathname.endsWith("/180p/0.ts"));
  if (url === undefined) throw new Error(`${asset} names no 180p/0.ts`);
  return url.slice(cluster.mediaUrl.length);
}

// What every deployment refuses is in test/conformance/refusing.ts.
describe("the media host", () => {
  it.each([
    [
      "the raw playlist next to segments that a CloudFront wildcard opens",
      async () => (await aSegment("vod-cloudfront-ec")).replace("/0.ts", "/index.m3u8"),
      "path_not_covered",
    ],
    ["a CloudFront file without its signature", async () => "/vod-cloudfront/180p/0.ts", "signature_missing"],
    [
      "a CloudFront file with another file's signature",
      async () => (await aSegment("vod-cloudfront")).replace(/\/(\d)\.ts/, (_, n) => `/${(Number(n) + 1) % 6}.ts`),
      "signature_invalid",
    ],
  ])("refuses %s", async (_, target, code) => {
    const { status, headers, body } = await rawRequest(cluster.mediaUrl, await target());
    expect({ status, code: Object(JSON.parse(body.toString())).code }).toEqual({ status: 403, code });
    expect(headers["access-control-allow-origin"]).toBe("*");
    expect(headers["cache-control"]).toBe("no-store");
    expect(headers["content-type"]).toBe("application/problem+json");
  });
});
