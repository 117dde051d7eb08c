import { describe, expect, it } from "vitest";
import type { MediaCache } from "../../../src/flows/media-cache.ts";

/** What the port promises, whoever implements it. */
export function mediaCacheContract(name: string, open: () => MediaCache): void {
  let made = 0;
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const entry = () =>
    new Response(bytes, {
      headers: {
        "Content-Type": "video/mp2t",
        "Content-Length": "1000",
        ETag: '"a"',
        "Cache-Control": "public, max-age=3600",
      },
    });

  /** A cache and a key of its own, with the entry above under it. */
  async function filled(key = `r2:MEDIA:${name}/${made++}/360p/0.ts`) {
    const cache = open();
    await cache.put(key, entry());
    return { cache, key };
  }

  describe(`${name}, as a media cache`, () => {
    it("has no entry for what was never put", async () => {
      expect(await open().match(`r2:MEDIA:${name}/never`, {})).toBeUndefined();
    });

    it("gives back the whole file", async () => {
      const { cache, key } = await filled();
      const found = await cache.match(key, {});
      expect(found?.status).toBe(200);
      expect(found?.headers.get("Content-Type")).toBe("video/mp2t");
      expect(found?.headers.get("Content-Length")).toBe("1000");
      expect(found?.headers.get("ETag")).toBe('"a"');
      expect(new Uint8Array((await found?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(bytes);
    });

    it.each([
      ["bytes=0-9", 0, 10],
      ["bytes=990-", 990, 1000],
      ["bytes=-5", 995, 1000],
      ["bytes=990-2000", 990, 1000],
    ])("gives %s of it", async (range, from, to) => {
      const { cache, key } = await filled();
      const found = await cache.match(key, { Range: range });
      expect(found?.status).toBe(206);
      expect(found?.headers.get("Content-Range")).toBe(`bytes ${from}-${to - 1}/1000`);
      expect(found?.headers.get("Content-Length")).toBe(String(to - from));
      expect(new Uint8Array((await found?.arrayBuffer()) ?? new ArrayBuffer(0))).toEqual(bytes.subarray(from, to));
    });

    it("answers 416 with the size to a range that lies outside", async () => {
      const { cache, key } = await filled();
      const found = await cache.match(key, { Range: "bytes=1000-" });
      expect(found?.status).toBe(416);
      expect(found?.headers.get("Content-Range")).toBe("bytes */1000");
    });

    it.each(['"a"', '"b", "a"', 'W/"a"', "*"])("answers 304 to If-None-Match %s", async (tags) => {
      const { cache, key } = await filled();
      expect((await cache.match(key, { "If-None-Match": tags }))?.status).toBe(304);
      expect((await cache.match(key, { "If-None-Match": tags, Range: "bytes=0-9" }))?.status).toBe(304);
    });

    it("tells keys apart that differ by what a URL would fold or drop", async () => {
      const { cache } = await filled(`${name}:a/b.ts?x=1`);
      for (const key of ["a/b.ts?x=2", "a/b.ts", "a%2Fb.ts?x=1", "a/b.ts?x=1#", "a/c/../b.ts?x=1", "a/b.ts%3Fx=1"])
        expect(await cache.match(`${name}:${key}`, {})).toBeUndefined();
      expect((await cache.match(`${name}:a/b.ts?x=1`, {}))?.status).toBe(200);
    });

    it("does not keep a file whose body ends early", async () => {
      const key = `${name}:cut`;
      const cache = open();
      const cut = new ReadableStream({
        start: (out) => {
          out.enqueue(bytes.subarray(0, 500));
          out.close();
        },
      });
      await expect(cache.put(key, new Response(cut, { headers: entry().headers }))).rejects.toThrow();
      expect(await cache.match(key, {})).toBeUndefined();
      expect(await cache.match(key, { Range: "bytes=0-9" })).toBeUndefined();
    });
  });
}
