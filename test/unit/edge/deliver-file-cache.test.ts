import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/time.ts";
import { largestKept, largestUnmeasured } from "../../../src/origin/fill-cache.ts";
import type { Origin } from "../../../src/origin/origin.ts";
import { sampleAsset } from "../catalog/sample.ts";
import { all, stage } from "./deliver-stage.ts";

describe("the cache", () => {
  it("has one entry per file for all viewers, named by the origin's location, path and query", async () => {
    const { get, keys, requests } = stage();
    await get({ remaining: seconds(10) });
    await get({ remaining: seconds(600), range: "bytes=0-9" });
    await get({ query: "b=1" });
    expect(keys()).toEqual(["r2:MEDIA:film/0.ts", "r2:MEDIA:film/0.ts?b=1"]);
    expect(requests).toHaveLength(2);
  });

  it("keeps a file for an hour with an entity tag, for a minute without one, and nothing of the viewer's rights", async () => {
    const { get, kept } = stage();
    await get();
    await get({ path: "untagged.ts" });
    expect([...kept.values()].map((headers) => headers.get("Cache-Control"))).toEqual([
      "public, max-age=3600",
      "public, max-age=60",
    ]);
  });

  it("is not asked for a file of a folder and keeps none, because the folder is as near", async () => {
    const { get, keys, requests, events } = stage();
    const folder = sampleAsset({ origin: { type: "file", root: "films", path: "42/" } });
    await get({ asset: folder });
    expect(await get({ asset: folder, range: "bytes=0-9" })).toMatchObject({ status: 206 });
    expect([keys(), events]).toEqual([[], []]);
    expect(requests.map(({ range }) => range)).toEqual([undefined, "bytes=0-9"]);
  });

  describe("keeps a file", () => {
    /** The `max-age` of the cache entry of a file with these headers, requested whole or by a range. */
    async function lifeOf(
      headers: Record<string, string>,
      fields: Record<string, unknown> = {},
    ): Promise<string | null | undefined> {
      const film = sampleAsset(fields);
      const lives = [];
      for (const range of [undefined, "bytes=0-9"]) {
        const tagged = { ETag: '"a"', "Content-Length": "100", ...headers };
        const part = { ...tagged, "Content-Length": "10", "Content-Range": "bytes 0-9/100" };
        const origin: Origin = async (request) =>
          ok(
            request.range === undefined
              ? new Response(new Uint8Array(100), { headers: tagged })
              : new Response(new Uint8Array(10), { status: 206, headers: part }),
          );
        const { get, kept, requests } = stage({ origin });
        await get({ asset: film, range });
        // A file that must not be kept is not read whole either.
        expect(requests).toHaveLength(range !== undefined && kept.size > 0 ? 2 : 1);
        lives.push([...kept.values()][0]?.get("Cache-Control"));
      }
      expect(lives[1]).toBe(lives[0]);
      return lives[0];
    }

    it.each([
      ["max-age=30", 30],
      ["s-maxage=20, max-age=30", 20],
      ["max-age=3600", 3600],
      ["max-age=86400", 3600],
      ["public", 3600],
      ["max-age=0", undefined],
      ["no-store", undefined],
      ["private, max-age=60", undefined],
      ["no-cache", undefined],
    ])("with Cache-Control: %s for %s s", async (header, life) => {
      const expected = life === undefined ? undefined : `public, max-age=${life}`;
      expect(await lifeOf({ "Cache-Control": header })).toBe(expected);
    });

    it("as long as Expires and Age allow", async () => {
      expect(await lifeOf({ "Cache-Control": "max-age=60", Age: "25" })).toBe("public, max-age=35");
      expect(await lifeOf({ Expires: new Date(1000 * 1_800_000_090).toUTCString() })).toBe("public, max-age=90");
      expect(await lifeOf({ Expires: "0" })).toBeUndefined();
    });

    it("as long as the asset says, before any header", async () => {
      for (const header of ["no-store", "max-age=10", "public"])
        expect(await lifeOf({ "Cache-Control": header }, { cacheLifetime: 86_400 })).toBe("public, max-age=86400");
      expect(await lifeOf({ "Cache-Control": "max-age=3600" }, { cacheLifetime: 0 })).toBeUndefined();
    });

    it("with any Vary except *, because no header of a viewer reaches the origin", async () => {
      expect(await lifeOf({ Vary: "Origin, Accept-Encoding" })).toBe("public, max-age=3600");
      expect(await lifeOf({ Vary: "*" })).toBeUndefined();
      expect(await lifeOf({ Vary: "*" }, { cacheLifetime: 60 })).toBeUndefined();
    });

    it("without passing the origin's caching headers on", async () => {
      const headers = { "Cache-Control": "max-age=30, private", Age: "3", Vary: "Origin", Expires: "0", Date: "0" };
      const { get } = stage({ origin: async () => ok(new Response("a", { headers })) });
      const response = await get();
      expect(response.headers.get("Cache-Control")).toBe("private, max-age=60");
      for (const name of ["Age", "Vary", "Expires", "Date"]) expect(response.headers.has(name)).toBe(false);
    });

    it.each([
      ["no-store", "no-store"],
      ["max-age=0, No-Store", "no-store"],
      ["no-cache", "private, no-cache"],
      ["private", "private, max-age=60"],
    ])("and sends the origin's Cache-Control: %s to the browser as %s", async (header, sent) => {
      const { get, files } = stage();
      files.set("film/0.ts", { body: new Uint8Array(1), cacheControl: header });
      expect((await get()).headers.get("Cache-Control")).toBe(sent);
    });
  });

  it("serves a changed file as soon as the origin's lifetime for the old one is over, or at once without one", async () => {
    const { get, files, requests } = stage();
    const version = (text: string, cacheControl: string) =>
      files.set("film/0.ts", { body: new TextEncoder().encode(text), etag: `"${text}"`, cacheControl });
    version("a", "no-cache");
    expect((await get()).headers.get("ETag")).toBe('"a"');
    version("b", "max-age=5");
    expect((await get()).headers.get("ETag")).toBe('"b"');
    version("c", "max-age=5");
    expect((await get()).headers.get("ETag")).toBe('"b"');
    // The asset's own lifetime of 0 does not wait for an entry to expire.
    expect((await get({ asset: sampleAsset({ cacheLifetime: 0 }) })).headers.get("ETag")).toBe('"c"');
    expect(requests).toHaveLength(3);
  });

  it("does not keep a file that changed after the range for which it is filled", async () => {
    const part = { ETag: '"a"', "Content-Range": "bytes 0-0/1" };
    const origin: Origin = async ({ range }) =>
      ok(
        range === undefined
          ? new Response("b", { headers: { ETag: '"b"', "Content-Length": "1" } })
          : new Response("a", { status: 206, headers: part }),
      );
    const { get, keys } = stage({ origin });
    expect((await get({ range: "bytes=0-0" })).status).toBe(206);
    expect(keys()).toEqual([]);
  });

  it("is filled with the whole file in the background when a viewer requests a range", async () => {
    const { get, requests, keys } = stage();
    const first = await get({ range: "bytes=10-19" });
    expect(first.bytes).toEqual(all.slice(10, 20));
    expect(requests.map(({ range }) => range)).toEqual(["bytes=10-19", undefined]);
    expect(keys()).toEqual(["r2:MEDIA:film/0.ts"]);
    const second = await get({ range: "bytes=20-29" });
    expect(second.bytes).toEqual(all.slice(20, 30));
    expect(requests).toHaveLength(2);
  });

  it("is filled once, however many viewers request ranges in the meantime", async () => {
    const { send, requests, state, background } = stage({
      cache: { match: async () => undefined, put: async () => {} },
    });
    for (let i = 0; i < 5; i++) await send({ range: "bytes=0-9" });
    expect(requests.filter(({ range }) => range === undefined)).toHaveLength(1);
    await send({ range: "bytes=0-9", query: "b=1" });
    expect(requests.filter(({ range }) => range === undefined)).toHaveLength(2);
    await Promise.all(background);
    await send({ range: "bytes=0-9" });
    expect(requests.filter(({ range }) => range === undefined)).toHaveLength(2);
    state.now += 30;
    await send({ range: "bytes=0-9" });
    expect(requests.filter(({ range }) => range === undefined)).toHaveLength(3);
  });

  it.each([
    [largestKept, 1],
    [largestKept + 1, 0],
  ])("with a file of %i bytes is filled %i times, whether the file or a range is requested", async (size, fills) => {
    for (const range of [undefined, "bytes=0-0"]) {
      const headers = { ETag: '"big"', "Content-Length": String(size), "Content-Range": `bytes 0-0/${size}` };
      const origin: Origin = async () => ok(new Response("a", { status: range === undefined ? 200 : 206, headers }));
      const { drop, background } = stage({ origin });
      expect(await drop({ range })).toBe(true);
      expect(background).toHaveLength(fills);
    }
  });

  /** An origin with one file of this size, which does not state its length. */
  const unmeasured = (size: number, headers: Record<string, string>): Origin => {
    const part = { ...headers, "Content-Length": "1", "Content-Range": `bytes 0-0/${size}` };
    return async ({ range }) =>
      ok(
        range === undefined
          ? new Response(new Uint8Array(size), { headers })
          : new Response("a", { status: 206, headers: part }),
      );
  };

  it.each([
    [100, '"a"', 60],
    [100, undefined, 60],
    [largestUnmeasured, '"a"', 60],
    [largestUnmeasured + 1, '"a"', undefined],
  ])("keeps a file of %i bytes with an unstated length, tagged %s, for %s s", async (size, tag, life) => {
    const { get, drop, kept } = stage({ origin: unmeasured(size, tag === undefined ? {} : { ETag: tag }) });
    expect(await drop()).toBe(true);
    const headers = [...kept.values()].map((entry) => [entry.get("Content-Length"), entry.get("Cache-Control")]);
    expect(headers).toEqual(life === undefined ? [] : [[String(size), `public, max-age=${life}`]]);
    // After that, its ranges come from the cache.
    const part = await get({ range: "bytes=5-9" });
    expect(part.headers.get("Content-Range")).toBe(`bytes ${life === undefined ? "0-0" : "5-9"}/${size}`);
  });

  describe("keeps no copy if the origin", () => {
    const bytes = new Uint8Array(50);
    const ways: Readonly<Record<string, (out: ReadableStreamDefaultController) => void>> = {
      "ends a file early": (out) => out.close(),
      "loses the connection": (out) => out.error(new Error("lost")),
      "sends more than it stated": (out) => {
        out.enqueue(new Uint8Array(51));
        out.close();
      },
    };
    const broken = (way: string, length: string | undefined): Origin => {
      const body = () =>
        new ReadableStream({
          start: (out) => {
            out.enqueue(bytes);
            ways[way]?.(out);
          },
        });
      const headers = { ETag: '"a"', ...(length !== undefined && { "Content-Length": length }) };
      return async ({ range }) =>
        range === undefined
          ? ok(new Response(body(), { headers }))
          : ok(new Response("a", { status: 206, headers: { ETag: '"a"', "Content-Range": "bytes 0-0/100" } }));
    };

    it.each([...Object.keys(ways).map((way) => [way, "100"] as const), ["loses the connection", undefined] as const])(
      "%s and the stated length is %s",
      async (way, length) => {
        for (const range of [undefined, "bytes=0-0"]) {
          const { send, keys, background, requests } = stage({ origin: broken(way, length) });
          for (let i = 1; i <= 2; i++) {
            const result = await send({ range });
            if (result.ok) await result.value.arrayBuffer().catch(() => undefined);
            await Promise.all(background);
            expect(keys()).toEqual([]);
            // Without a range, the next viewer may fill it again at once.
            if (range === undefined) expect(requests).toHaveLength(i);
          }
        }
      },
    );
  });

  it("is filled by one viewer per file at a time, within the memory of an isolate", async () => {
    const ends: (() => void)[] = [];
    const headers = { ETag: '"a"', "Content-Length": String(20 * 1024 * 1024) };
    const origin: Origin = async () =>
      ok(new Response(new ReadableStream({ start: (out) => void ends.push(() => out.close()) }), { headers }));
    const { send, background, state } = stage({ origin });
    /** The number of fills that start when these files are requested. */
    const fillsOf = async (...paths: string[]) => {
      background.length = 0;
      for (const path of paths) await send({ path });
      return background.length;
    };
    expect(await fillsOf("a.ts", "a.ts", "b.ts", "c.ts")).toBe(2);
    for (const end of ends.splice(0)) end();
    await Promise.all(background);
    expect(await fillsOf("d.ts", "e.ts", "f.ts")).toBe(2);
    // These never end, because the runtime dropped their requests. A minute later their memory is free.
    state.now += 59;
    expect(await fillsOf("g.ts")).toBe(0);
    state.now += 1;
    expect(await fillsOf("g.ts", "h.ts")).toBe(2);
  });

  it("does not affect a viewer's response if it fails", async () => {
    const down = () => Promise.reject(new Error("cache down"));
    const { get } = stage({ cache: { match: down, put: down } });
    expect((await get()).bytes).toEqual(all);
    expect((await get({ range: "bytes=0-9" })).bytes).toEqual(all.slice(0, 10));
  });

  it("is not filled by HEAD, by a 304 or by a refused request", async () => {
    const { get, keys } = stage();
    await get({ method: "HEAD" });
    await get({ ifNoneMatch: '"v1"' });
    await get({ path: "none.ts" });
    expect(keys()).toEqual([]);
  });
});
