import { describe, expect, it } from "vitest";
import type { Asset } from "../../../src/catalog/asset.ts";
import { cachingHeaders } from "../../../src/origin/freshness.ts";
import { type Origin, type OriginRequest, originHeaders } from "../../../src/origin/origin.ts";

/** The files of every origin in its contract: paths below the asset's prefix, decoded. */
export const contractFiles: ReadonlyMap<string, Uint8Array<ArrayBuffer>> = new Map([
  ["360p/0.ts", Uint8Array.from({ length: 1000 }, (_, i) => i % 251)],
  ["empty.vtt", new Uint8Array(0)],
  ["Ü b+c.m4s", new TextEncoder().encode("umlaut")],
  ["index.m3u8", new TextEncoder().encode("#EXTM3U\n")],
  ["short.ts", new Uint8Array(10)],
]);

/** The Cache-Control that the store has for each file: only `short.ts` has one. */
export function contractCaching(name: string): { readonly cacheControl?: string } {
  return name.endsWith("short.ts") ? { cacheControl: "max-age=30" } : {};
}

export interface OriginUnderTest {
  readonly origin: Origin;
  readonly asset: Asset;
}

/** The port's contract, for every implementation. A folder's files have no Cache-Control: `storesCaching` is false. */
export function originContract(
  name: string,
  open: () => Promise<OriginUnderTest>,
  { storesCaching = true }: { readonly storesCaching?: boolean } = {},
): void {
  async function send(request: Partial<Omit<OriginRequest, "asset">>) {
    const { origin, asset } = await open();
    return origin({ asset, path: "360p/0.ts", query: "", method: "GET", ...request });
  }

  async function load(request: Partial<Omit<OriginRequest, "asset">>) {
    const result = await send(request);
    if (!result.ok) throw new Error(`refused: ${result.refusal.code}: ${result.refusal.reason}`);
    const { status, headers } = result.value;
    return { status, headers, body: new Uint8Array(await result.value.arrayBuffer()) };
  }

  const film = contractFiles.get("360p/0.ts") ?? new Uint8Array();

  describe(`an origin (${name})`, () => {
    it("returns a whole file with its length, type and validators", async () => {
      const { status, headers, body } = await load({});
      expect(status).toBe(200);
      expect(body).toEqual(film);
      expect(headers.get("Content-Length")).toBe("1000");
      expect(headers.get("Content-Type")).toBe("video/mp2t");
      expect(headers.get("ETag")).toMatch(/^"[^"]+"$/);
      expect(headers.get("Accept-Ranges")).toBe("bytes");
      expect(headers.has("Content-Range")).toBe(false);
    });

    it("returns the stored Cache-Control, and none without one", async () => {
      const stored = (await load({ path: "short.ts" })).headers.get("Cache-Control");
      expect(stored).toBe(storesCaching ? "max-age=30" : null);
      expect((await load({})).headers.has("Cache-Control")).toBe(false);
    });

    it.each([
      ["bytes=0-9", 0, 10],
      ["bytes=0-0", 0, 1],
      ["bytes=990-", 990, 1000],
      ["bytes=-5", 995, 1000],
      ["bytes=-5000", 0, 1000],
      ["bytes=990-2000", 990, 1000],
      ["bytes=0-", 0, 1000],
    ])("returns the range %s", async (range, from, to) => {
      const { status, headers, body } = await load({ range });
      expect(status).toBe(206);
      expect(body).toEqual(film.subarray(from, to));
      expect(headers.get("Content-Range")).toBe(`bytes ${from}-${to - 1}/1000`);
      expect(headers.get("Content-Length")).toBe(String(to - from));
      expect(headers.get("Content-Type")).toBe("video/mp2t");
    });

    it.each([
      ["360p/0.ts", "bytes=1000-", 1000],
      ["360p/0.ts", "bytes=5000-6000", 1000],
      ["360p/0.ts", "bytes=-0", 1000],
      ["empty.vtt", "bytes=0-", 0],
    ])(
      "refuses for %s the range %s, which is outside the file, and reports the file's size",
      async (path, range, size) => {
        const result = await send({ path, range });
        expect(result).toMatchObject({ ok: false, refusal: { code: "range_not_satisfiable", size } });
      },
    );

    it("answers 304 to a viewer who has the file, also for a list and a weak tag", async () => {
      const tag = (await load({})).headers.get("ETag") ?? "";
      for (const ifNoneMatch of [tag, `"other", ${tag}`, `W/${tag}`, "*"]) {
        const { status, headers, body } = await load({ ifNoneMatch });
        expect(status).toBe(304);
        expect(headers.get("ETag")).toBe(tag);
        expect(body).toHaveLength(0);
      }
      expect((await load({ ifNoneMatch: tag, range: "bytes=0-9" })).status).toBe(304);
      expect((await load({ ifNoneMatch: tag, method: "HEAD" })).status).toBe(304);
    });

    it("sends the file to a viewer who has another version", async () => {
      expect((await load({ ifNoneMatch: '"other"' })).status).toBe(200);
      expect((await load({ ifNoneMatch: '"other"', range: "bytes=0-9" })).status).toBe(206);
    });

    it("answers HEAD with the headers of GET and no body", async () => {
      const whole = await load({});
      const { status, headers, body } = await load({ method: "HEAD" });
      expect(status).toBe(200);
      expect(body).toHaveLength(0);
      for (const header of ["Content-Length", "Content-Type", "ETag", "Accept-Ranges"])
        expect(headers.get(header)).toBe(whole.headers.get(header));
    });

    it("returns an empty file", async () => {
      const { status, headers, body } = await load({ path: "empty.vtt" });
      expect([status, headers.get("Content-Length"), body.length]).toEqual([200, "0", 0]);
    });

    it("finds a file whose name needs encoding in a URL", async () => {
      const { body } = await load({ path: "%C3%9C%20b+c.m4s" });
      expect(new TextDecoder().decode(body)).toBe("umlaut");
    });

    it.each(["none.ts", "360p", "360p/", "", "360p/0.ts/", "%FF.ts"])("finds no file %j", async (path) => {
      for (const method of ["GET", "HEAD"] as const)
        expect(await send({ path, method })).toMatchObject({ ok: false, refusal: { code: "object_unknown" } });
    });

    it("answers with no header except those of the port", async () => {
      const allowed = [...originHeaders, ...cachingHeaders].map((header) => header.toLowerCase());
      for (const request of [{}, { range: "bytes=0-9" }, { method: "HEAD" as const }, { ifNoneMatch: "*" }]) {
        const { headers } = await load(request);
        for (const header of headers.keys()) expect(allowed).toContain(header);
      }
    });
  });
}
