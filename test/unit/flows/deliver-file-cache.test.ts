import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/seconds.ts";
import type { Origin } from "../../../src/catalog/origin.ts";
import { largestKept } from "../../../src/flows/fill-cache.ts";
import type { MediaCache } from "../../../src/flows/media-cache.ts";
import { all, stage } from "./deliver-stage.ts";

describe("the cache", () => {
  it("has one entry for all viewers of a file, named by the origin's place, path and query", async () => {
    const { get, keys, asked } = stage();
    await get({ remaining: seconds(10) });
    await get({ remaining: seconds(600), range: "bytes=0-9" });
    await get({ query: "b=1" });
    expect(keys()).toEqual(["r2:MEDIA:film/0.ts", "r2:MEDIA:film/0.ts?b=1"]);
    expect(asked).toHaveLength(2);
  });

  it("keeps an hour what has an entity tag, a minute what has none, and nothing of the viewer's rights", async () => {
    const { get, kept } = stage();
    await get();
    await get({ path: "untagged.ts" });
    expect([...kept.values()].map((headers) => headers.get("Cache-Control"))).toEqual([
      "public, max-age=3600",
      "public, max-age=60",
    ]);
  });

  it("is filled with the whole file behind a viewer who asked for a range", async () => {
    const { get, asked, keys } = stage();
    const first = await get({ range: "bytes=10-19" });
    expect(first.bytes).toEqual(all.slice(10, 20));
    expect(asked.map(({ range }) => range)).toEqual(["bytes=10-19", undefined]);
    expect(keys()).toEqual(["r2:MEDIA:film/0.ts"]);
    const second = await get({ range: "bytes=20-29" });
    expect(second.bytes).toEqual(all.slice(20, 30));
    expect(asked).toHaveLength(2);
  });

  it("is filled once, however many viewers ask for ranges meanwhile", async () => {
    const { send, asked, state } = stage({ cache: { match: async () => undefined, put: async () => {} } });
    for (let i = 0; i < 5; i++) await send({ range: "bytes=0-9" });
    expect(asked.filter(({ range }) => range === undefined)).toHaveLength(1);
    await send({ range: "bytes=0-9", query: "b=1" });
    expect(asked.filter(({ range }) => range === undefined)).toHaveLength(2);
    state.now += 30;
    await send({ range: "bytes=0-9" });
    expect(asked.filter(({ range }) => range === undefined)).toHaveLength(3);
  });

  const ofSize = (size: number): Origin => {
    const headers = { ETag: '"big"', "Content-Length": String(size), "Content-Range": `bytes 0-0/${size}` };
    return async ({ range }) => ok(new Response("a", { status: range === undefined ? 200 : 206, headers }));
  };

  it.each([
    [largestKept, 1],
    [largestKept + 1, 0],
  ])("of a file of %i bytes gets %i copy, whole or by a range", async (size, copies) => {
    for (const range of [undefined, "bytes=0-0"]) {
      const put: string[] = [];
      const cache: MediaCache = { match: async () => undefined, put: async (key) => void put.push(key) };
      const { get } = stage({ origin: ofSize(size), cache });
      await get({ range });
      expect(put).toHaveLength(copies);
    }
  });

  it("is not filled behind a part of a file whose size the origin does not say, and the part is passed on", async () => {
    const headers = { ETag: '"a"', "Content-Length": "1", "Content-Range": "bytes 0-0/*" };
    const { get, asked, keys } = stage({ origin: async () => ok(new Response("a", { status: 206, headers })) });
    const part = await get({ range: "bytes=0-0" });
    expect([part.status, part.headers.get("Content-Range")]).toEqual([206, "bytes 0-0/*"]);
    expect([asked.length, keys()]).toEqual([1, []]);
  });

  it("is not filled with a file of unknown length, since it could not serve ranges of it", async () => {
    const origin: Origin = async () => ok(new Response("a", { headers: { ETag: '"a"' } }));
    const put: string[] = [];
    const { get } = stage({ origin, cache: { match: async () => undefined, put: async (key) => void put.push(key) } });
    expect((await get()).status).toBe(200);
    expect(put).toEqual([]);
  });

  it("that fails costs nobody his answer", async () => {
    const down = () => Promise.reject(new Error("cache down"));
    const { get } = stage({ cache: { match: down, put: down } });
    expect((await get()).bytes).toEqual(all);
    expect((await get({ range: "bytes=0-9" })).bytes).toEqual(all.slice(0, 10));
  });

  it("is not filled by HEAD, by a 304 or by what the origin refused", async () => {
    const { get, keys } = stage();
    await get({ method: "HEAD" });
    await get({ ifNoneMatch: '"v1"' });
    await get({ path: "none.ts" });
    expect(keys()).toEqual([]);
  });
});
