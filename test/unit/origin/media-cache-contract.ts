import { describe, expect, it } from "vitest";
import type { MediaCache, WholeFile } from "../../../src/origin/fill-cache.ts";

/** The port's contract, for every implementation. */
export function mediaCacheContract(name: string, open: () => MediaCache): void {
  let made = 0;
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const entry = (): WholeFile => ({
    headers: new Headers({
      "Content-Type": "video/mp2t",
      "Content-Length": "1000",
      ETag: '"a"',
      "Cache-Control": "public, max-age=3600",
    }),
    body: bytes,
  });

  /** A cache that has the entry above under a key of its own. */
  async function filled(key = `r2:MEDIA:${name}/${made++}/360p/0.ts`) {
    const cache = open();
    await cache.put(key, entry());
    return { cache, key };
  }

  describe(`a media cache (${name})`, () => {
    it("has no entry for a key that was never put", async () => {
      expect(await open().match(`r2:MEDIA:${name}/never`, {})).toBeUndefined();
    });

    it("returns the whole file", async () => {
      const { cache, key } = await filled();
      const response = await cache.match(key, {});
      expect(response?.status).toBe(200);
      expect(response?.headers.get("Content-Type")).toBe("video/mp2t");
      expect(response?.headers.get("Content-Length")).toBe("1000");
      expect(response?.headers.get("ETag")).toBe('"a"');
      expect(new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(bytes);
    });

    it.each([
      ["bytes=0-9", 0, 10],
      ["bytes=990-", 990, 1000],
      ["bytes=-5", 995, 1000],
      ["bytes=990-2000", 990, 1000],
    ])("returns the range %s", async (range, from, to) => {
      const { cache, key } = await filled();
      const response = await cache.match(key, { Range: range });
      expect(response?.status).toBe(206);
      expect(response?.headers.get("Content-Range")).toBe(`bytes ${from}-${to - 1}/1000`);
      expect(response?.headers.get("Content-Length")).toBe(String(to - from));
      expect(new Uint8Array((await response?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(bytes.subarray(from, to));
    });

    it("answers 416 with the size to a range outside the file", async () => {
      const { cache, key } = await filled();
      const response = await cache.match(key, { Range: "bytes=1000-" });
      expect(response?.status).toBe(416);
      expect(response?.headers.get("Content-Range")).toBe("bytes */1000");
    });

    it.each(['"a"', '"b", "a"', 'W/"a"', "*"])("answers 304 to If-None-Match %s", async (tags) => {
      const { cache, key } = await filled();
      expect((await cache.match(key, { "If-None-Match": tags }))?.status).toBe(304);
      expect((await cache.match(key, { "If-None-Match": tags, Range: "bytes=0-9" }))?.status).toBe(304);
    });

    it("distinguishes keys that differ only in what a URL would fold or drop", async () => {
      const { cache } = await filled(`${name}:a/b.ts?x=1`);
      for (const key of ["a/b.ts?x=2", "a/b.ts", "a%2Fb.ts?x=1", "a/b.ts?x=1#", "a/c/../b.ts?x=1", "a/b.ts%3Fx=1"])
        expect(await cache.match(`${name}:${key}`, {})).toBeUndefined();
      expect((await cache.match(`${name}:a/b.ts?x=1`, {}))?.status).toBe(200);
    });

    it("returns the later of two files that were put under one key", async () => {
      const { cache, key } = await filled();
      const headers = new Headers({ "Content-Length": "3", ETag: '"b"', "Cache-Control": "public, max-age=3600" });
      await cache.put(key, { headers, body: bytes.slice(0, 3) });
      const response = await cache.match(key, { Range: "bytes=0-9" });
      expect([response?.headers.get("Content-Range"), response?.headers.get("ETag")]).toEqual(["bytes 0-2/3", '"b"']);
    });

    it("keeps an empty file", async () => {
      const cache = open();
      const key = `${name}:empty`;
      const headers = new Headers({ "Content-Length": "0", ETag: '"e"', "Cache-Control": "public, max-age=3600" });
      await cache.put(key, { headers, body: new Uint8Array(0) });
      expect((await (await cache.match(key, {}))?.arrayBuffer())?.byteLength).toBe(0);
    });
  });
}
