import { describe, expect, it } from "vitest";
import { type Bucket, r2Origin } from "../../../src/platform/cloudflare/r2-origin.ts";
import { httpOriginOf, sampleAsset } from "../catalog/sample.ts";
import { fakeBucket } from "./fake-bucket.ts";

const body = new TextEncoder().encode("bytes");
const request = { asset: sampleAsset(), path: "0.ts", query: "", method: "GET" } as const;

describe("the R2 origin", () => {
  it.each([[{}], [{ MEDIA: "a text variable" }], [{ MEDIA: {} }], [{ OTHER: fakeBucket(new Map()) }]])(
    "names the binding that the worker lacks, given %j",
    async (env) => {
      const result = await r2Origin(env)(request);
      expect(result).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
      expect(result.ok ? "" : result.refusal.reason).toContain("MEDIA");
    },
  );

  it.each([
    ["a;v=1//0.ts", "film/a;v=1//0.ts"],
    ["/0.ts", "film//0.ts"],
    ["a%3bb%3Bc.ts", "film/a;b;c.ts"],
    ["a/b%2Fc.ts", "film/a/b/c.ts"],
    ["50%25%20off/0.ts", "film/50% off/0.ts"],
    ["a%252Fb.ts", "film/a%2Fb.ts"],
    ["a+b%2Bc.ts", "film/a+b+c.ts"],
    ["a;%C3%A9.ts", "film/a;é.ts"],
    ["sub//", "film/sub//"],
  ])("reads %s as the key %s, decoded once, whatever the query", async (path, key) => {
    const env = { MEDIA: fakeBucket(new Map([[key, { body }]])) };
    const result = await r2Origin(env)({ ...request, path, query: "t=a:b" });
    expect(result.ok && result.value.status).toBe(200);
  });

  it("uses the type that the object was stored with, unless it is generic", async () => {
    const typed = (contentType: string) => new Map([["film/0.ts", { body, httpMetadata: { contentType } }]]);
    const typeOf = async (contentType: string) => {
      const result = await r2Origin({ MEDIA: fakeBucket(typed(contentType)) })(request);
      return result.ok && result.value.headers.get("Content-Type");
    };
    expect(await typeOf("video/mp4")).toBe("video/mp4");
    expect(await typeOf("application/octet-stream")).toBe("video/mp2t");
  });

  it("refuses an object that is stored compressed, because its ranges would not be the file's", async () => {
    const stored = new Map([["film/0.ts", { body, httpMetadata: { contentEncoding: "gzip" } }]]);
    const result = await r2Origin({ MEDIA: fakeBucket(stored) })(request);
    expect(result).toMatchObject({ ok: false, refusal: { code: "origin_failed" } });
  });

  it("ignores a malformed If-None-Match, at which R2 throws", async () => {
    const result = await r2Origin({ MEDIA: fakeBucket(new Map([["film/0.ts", { body }]])) })({
      ...request,
      ifNoneMatch: "no-tag",
    });
    expect(result.ok && result.value.status).toBe(200);
  });

  it("turns a failure of R2 into origin_failed", async () => {
    const broken: Bucket = {
      get: () => Promise.reject(new Error("down")),
      head: () => Promise.reject(new Error("down")),
    };
    for (const range of [undefined, "bytes=0-9"]) {
      const result = await r2Origin({ MEDIA: broken })({ ...request, range });
      expect(result).toMatchObject({ ok: false, refusal: { code: "origin_failed" } });
    }
  });

  it("serves no asset of another origin", async () => {
    const asset = sampleAsset({ origin: httpOriginOf() });
    const result = await r2Origin({ MEDIA: fakeBucket(new Map()) })({ ...request, asset });
    expect(result).toMatchObject({ ok: false, refusal: { code: "internal_error" } });
  });
});
