import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/time.ts";
import type { Origin } from "../../../src/origin/origin.ts";
import { all, asset, lastModified, stage } from "./deliver-stage.ts";

describe("a delivered file", () => {
  it("is the origin's, with its type, length and entity tag", async () => {
    const { get } = stage();
    const { status, headers, bytes } = await get();
    expect(status).toBe(200);
    expect(bytes).toEqual(all);
    expect(Object.fromEntries(headers)).toEqual({
      "accept-ranges": "bytes",
      "cache-control": "private, max-age=60",
      "content-length": "100",
      "content-type": "video/mp2t",
      etag: '"v1"',
      "last-modified": lastModified,
      "referrer-policy": "no-referrer",
    });
  });

  it("has the same headers and bytes when it comes from the cache", async () => {
    const { get, requests } = stage();
    const first = await get();
    const second = await get();
    expect(requests).toHaveLength(1);
    expect(second.bytes).toEqual(first.bytes);
    expect([...second.headers]).toEqual([...first.headers]);
  });

  it.each([
    [60, "private, max-age=60"],
    [59.9, "private, max-age=59"],
    [0.5, "private, max-age=0"],
    [-3, "private, max-age=0"],
  ])("is cacheable only by the viewer, no longer than their right to it: %s s", async (remaining, value) => {
    const { get } = stage();
    expect((await get({ remaining: seconds(remaining) })).headers.get("Cache-Control")).toBe(value);
    const again = await get({ remaining: seconds(remaining) });
    expect(again.headers.get("Cache-Control")).toBe(value);
  });

  it("is not cacheable if it is a key", async () => {
    const { get, requests, keys } = stage();
    for (const range of [undefined, "bytes=0-15"]) {
      const { headers } = await get({ cacheable: false, range });
      expect(headers.get("Cache-Control")).toBe("no-store");
    }
    expect(requests).toHaveLength(2);
    expect(keys()).toEqual([]);
  });

  it("counts as a cache miss and then as a hit, and a key as neither", async () => {
    const { get, events } = stage();
    await get({ cacheable: false });
    await get();
    await get();
    expect(events).toEqual([
      { event: "cached", outcome: "miss" },
      { event: "cached", outcome: "hit" },
    ]);
  });

  it("does not come from the cache if it is a key", async () => {
    const { get, requests } = stage();
    await get();
    await get({ cacheable: false });
    expect(requests).toHaveLength(2);
  });

  it("needs one request to the origin, for the file only", async () => {
    const { get, requests } = stage();
    await get({ query: "b=1" });
    expect(requests).toEqual([
      { asset, path: "0.ts", query: "b=1", method: "GET", range: undefined, ifNoneMatch: undefined },
    ]);
  });

  it("has no header of a cache or an origin except those of the file", async () => {
    const origin: Origin = async () =>
      ok(new Response("a", { headers: { "Set-Cookie": "a=b", Age: "5", "CF-Cache-Status": "HIT", Server: "x" } }));
    const { headers } = await stage({ origin }).get();
    for (const name of ["Set-Cookie", "Age", "CF-Cache-Status", "Server"]) expect(headers.has(name)).toBe(false);
  });
});

/** These rules apply to a file of the origin and to one of the cache. */
describe.each(["origin", "cache"])("from the %s, a viewer gets", (from) => {
  async function open() {
    const opened = stage();
    if (from === "cache") await opened.get();
    return opened;
  }

  it.each([
    ["bytes=0-9", 0, 10],
    ["bytes=90-", 90, 100],
    ["bytes=-5", 95, 100],
    ["bytes=90-900", 90, 100],
  ])("the range %s", async (range, start, end) => {
    const { status, headers, bytes } = await (await open()).get({ range });
    expect(status).toBe(206);
    expect(bytes).toEqual(all.slice(start, end));
    expect(headers.get("Content-Range")).toBe(`bytes ${start}-${end - 1}/100`);
    expect(headers.get("Content-Length")).toBe(String(end - start));
    expect(headers.get("Accept-Ranges")).toBe("bytes");
    expect(headers.get("Cache-Control")).toBe("private, max-age=60");
  });

  it.each(["bytes=0-1,5-6", "bytes=x", "bytes=9-1", "items=0-1", ""])("the whole file for Range %j", async (range) => {
    expect(await (await open()).get({ range })).toMatchObject({ status: 200, bytes: all });
  });

  it("a refusal that names the size, for a range outside the file", async () => {
    const result = await (await open()).send({ range: "bytes=100-" });
    expect(result).toMatchObject({ ok: false, refusal: { code: "range_not_satisfiable", size: 100 } });
  });

  it("the headers only for HEAD, whatever range comes with it", async () => {
    const { status, headers, bytes } = await (await open()).get({ method: "HEAD", range: "bytes=0-9" });
    expect([status, headers.get("Content-Length"), bytes.length]).toEqual([200, "100", 0]);
    expect(headers.get("Content-Type")).toBe("video/mp2t");
  });

  it.each(['"v1"', 'W/"v1"', '"v0", "v1"', "*"])("304 if the viewer has the file: %s", async (ifNoneMatch) => {
    for (const more of [{}, { range: "bytes=0-9" }, { method: "HEAD" as const }]) {
      const { status, headers, bytes } = await (await open()).get({ ifNoneMatch, ...more });
      expect(status).toBe(304);
      expect(bytes).toEqual([]);
      expect(headers.get("ETag")).toBe('"v1"');
      expect(headers.get("Cache-Control")).toBe("private, max-age=60");
      expect(headers.has("Content-Length")).toBe(false);
    }
  });

  it.each(['"v0"', "v1", '"v1'])(
    "the file if the viewer has another, or their If-None-Match is malformed: %s",
    async (tag) => {
      expect((await (await open()).get({ ifNoneMatch: tag })).status).toBe(200);
    },
  );

  it.each(['"v1"', lastModified])("the range if If-Range %s matches", async (ifRange) => {
    const { status, bytes } = await (await open()).get({ range: "bytes=0-9", ifRange });
    expect([status, bytes]).toEqual([206, all.slice(0, 10)]);
  });

  it.each(['"v0"', 'W/"v1"', "Sat, 21 Nov 2026 19:00:00 GMT", "nonsense"])(
    "the whole file if If-Range %s does not match, also if the range is outside the file",
    async (ifRange) => {
      const opened = await open();
      expect(await opened.get({ range: "bytes=0-9", ifRange })).toMatchObject({ status: 200, bytes: all });
      expect(await opened.get({ range: "bytes=500-", ifRange })).toMatchObject({ status: 200, bytes: all });
    },
  );

  it("the whole file for If-Range without a range", async () => {
    expect((await (await open()).get({ ifRange: '"v1"' })).status).toBe(200);
  });

  it("an empty file", async () => {
    const opened = stage();
    opened.files.set("film/empty.vtt", { body: new Uint8Array(0), etag: '"e"' });
    if (from === "cache") await opened.get({ path: "empty.vtt" });
    const { status, headers } = await opened.get({ path: "empty.vtt" });
    expect([status, headers.get("Content-Length")]).toEqual([200, "0"]);
  });
});

describe("an origin's refusal", () => {
  it.each(["object_unknown", "origin_failed", "origin_slow", "configuration_invalid"] as const)(
    "reaches the viewer: %s",
    async (code) => {
      const { send } = stage({ origin: async () => refusal(code, "refused") });
      expect(await send({ range: "bytes=0-9", ifRange: '"a"' })).toMatchObject({ ok: false, refusal: { code } });
    },
  );
});
