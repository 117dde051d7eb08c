import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { startStream } from "../cluster/start-stream.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf, walk } from "../cluster/walk.ts";

const cluster = inject("usual");
const shortLived = inject("shortLived");

async function fileOf(asset: string, ending: string, workers = cluster): Promise<string> {
  const { files } = await walk((await startStream(workers, asset)).manifestUrl);
  const url = [...files].find((file) => new URL(file).pathname.endsWith(ending));
  if (url === undefined) throw new Error(`${asset} names no ${ending}`);
  return url;
}

const film = readFileSync(join(projectRoot, "fixtures/media/vod-fmp4/180p/film.mp4"));

describe("the media host", () => {
  it.each([
    ["the first bytes", "bytes=0-99", 206, film.subarray(0, 100), `bytes 0-99/${film.length}`],
    [
      "from an offset to the end",
      `bytes=${film.length - 50}-`,
      206,
      film.subarray(-50),
      `bytes ${film.length - 50}-${film.length - 1}/${film.length}`,
    ],
    [
      "the last bytes",
      "bytes=-50",
      206,
      film.subarray(-50),
      `bytes ${film.length - 50}-${film.length - 1}/${film.length}`,
    ],
  ])("serves a byte range: %s", async (_, range, status, bytes, contentRange) => {
    const url = await fileOf("vod-fmp4", "180p/film.mp4");
    // Twice: from the origin, and from the cache that the first request filled.
    for (let round = 0; round < 2; round++) {
      const response = await fetch(url, { headers: { Range: range } });
      expect(response.status).toBe(status);
      expect(response.headers.get("content-range")).toBe(contentRange);
      expect(Buffer.from(await response.bytes()).equals(bytes)).toBe(true);
    }
  });

  it("answers a range outside the file with 416 and the file's length", async () => {
    const response = await fetch(await fileOf("vod-fmp4", "180p/film.mp4"), {
      headers: { Range: `bytes=${film.length}-` },
    });
    expect(response.status).toBe(416);
    expect(response.headers.get("content-range")).toBe(`bytes */${film.length}`);
  });

  it("answers HEAD with the headers of GET and no body", async () => {
    const url = await fileOf("vod-ts", "180p/0.ts");
    const head = await fetch(url, { method: "HEAD" });
    const get = await fetch(url);
    expect(head.status).toBe(200);
    expect(head.headers.get("content-length")).toBe(String((await get.bytes()).length));
    expect(head.headers.get("etag")).toBe(get.headers.get("etag"));
    expect((await head.bytes()).length).toBe(0);
  });

  it("answers 304 if the ETag matches", async () => {
    const url = await fileOf("vod-ts", "180p/0.ts");
    const etag = (await fetch(url)).headers.get("etag") ?? "";
    const again = await fetch(url, { headers: { "If-None-Match": etag } });
    expect(again.status).toBe(304);
  });

  it.each([
    ["vod-ts", "0.ts", "video/mp2t"],
    ["vod-tracks", "init.mp4", "video/mp4"],
    ["vod-tracks", "0.vtt", "text/vtt; charset=utf-8"],
  ])("sends the media type of %s %s", async (asset, ending, type) => {
    const response = await fetch(await fileOf(asset, ending));
    expect(response.headers.get("content-type")).toBe(type);
  });

  it("lets only the viewer cache a segment, and only until its signature expires", async () => {
    const url = await fileOf("vod-ts", "180p/0.ts");
    const expiry = Number(/seg=(\d+)/.exec(url)?.[1]);
    const before = expiry - Date.now() / 1000;
    const response = await fetch(url);
    const left = expiry - Date.now() / 1000;
    const [, age = ""] = /^private, max-age=(\d+)$/.exec(response.headers.get("cache-control") ?? "") ?? [];
    // `max-age` is in whole seconds, counted at some time between the two.
    expect(Number(age)).toBeGreaterThan(left - 1);
    expect(Number(age)).toBeLessThan(before + 1);
    expect(response.headers.get("referrer-policy")).toBe("no-referrer");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  });

  it("forbids caching of keys and playlists", async () => {
    const key = await fetch(await fileOf("vod-aes", ".key"));
    expect(key.headers.get("cache-control")).toBe("no-store");
    const manifest = await fetch((await startStream(cluster, "vod-ts")).manifestUrl);
    expect(manifest.headers.get("cache-control")).toBe("no-store");
  });

  it("ignores query parameters that a player appends", async () => {
    const response = await fetch(`${await fileOf("vod-ts", "180p/0.ts")}&CMCD=br%3D1000%2Cd%3D4000&foo=bar`);
    expect(response.status).toBe(200);
    const { playlists } = await walk((await startStream(cluster, "vod-ts")).manifestUrl);
    expect(playlists.size).toBeGreaterThan(1);
    for (const [url, text] of playlists) {
      for (const appended of ["CMCD=br%3D1000%2Cot%3Dm%2Csid%3D%22a%22", "_HLS_msn=3&_HLS_part=0&CMCD=ot%3Dm"]) {
        const playlist = await fetch(`${url}&${appended}`);
        expect([playlist.status, urisOf(await playlist.text(), url).length]).toEqual([200, urisOf(text, url).length]);
      }
    }
  });
});

describe("renewal of an expired segment URL", () => {
  /** A segment's URL after its expiry. */
  const expired = async () => {
    const url = await fileOf("vod-ts", "180p/0.ts", shortLived);
    await until(
      () => fetch(url, { redirect: "manual" }),
      ({ status }) => status === 307,
    );
    return url;
  };

  it("redirects to a fresh URL of the same file", async () => {
    const url = await expired();
    for (const [method, headers] of [
      ["GET", {}],
      ["HEAD", {}],
      ["GET", { Range: "bytes=0-9" }],
    ] as const) {
      const renewed = await fetch(url, { method, headers, redirect: "manual" });
      expect(renewed.status).toBe(307);
      expect(renewed.headers.get("cache-control")).toBe("no-store");
      expect(renewed.headers.get("access-control-allow-origin")).toBe("*");
      const location = renewed.headers.get("location") ?? "";
      expect(location).toMatch(/^\.\/0\.ts\?seg=\d+\.[\w-]{22}$/);
      const served = await fetch(new URL(location, url), { method, headers });
      expect(served.status).toBe("Range" in headers ? 206 : 200);
    }
  });

  it("refuses a forged URL", async () => {
    const url = await expired();
    const forged = await fetch(
      url.replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
      { redirect: "manual" },
    );
    expect(forged.status).toBe(403);
    expect(Object(await forged.json()).code).toBe("signature_invalid");
  });
});
