import { describe, expect, it } from "vitest";
import { until } from "../cluster/viewer.ts";
import { urisOf, walk } from "../cluster/walk.ts";
import type { Clients } from "./deployment.ts";

/** The part that a playlist hints at: its URL, its position, and its publication time. */
function hintOf(text: string, base: string): { url: string; segment: number; part: number; due: number } {
  const [, uri = "", msn = "", number = ""] = /#EXT-X-PRELOAD-HINT:.*URI="((\d+)\.(\d)\.m4s[^"]*)"/.exec(text) ?? [];
  const [segment, part] = [Number(msn), Number(number)];
  return { url: new URL(uri, base).href, segment, part, due: segment * 2000 + (part + 1) * 500 };
}

const newestSegment = (text: string) => Number([...text.matchAll(/^(\d+)\.m4s/gm)].at(-1)?.[1]);

/** The paths of a playlist's segments, parts and MAP. */
function pathsOf(text: string, base: string): string[] {
  const files = urisOf(text.replaceAll(/^#EXT-X-PRELOAD-HINT.*$/gm, ""), base).filter(({ kind }) => kind === "file");
  return files.map(({ url }) => new URL(url).pathname);
}

async function load(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`a playlist answered ${response.status}: ${text}`);
  return text;
}

/** Live streams, and those with low latency. */
export function liveStreams({ viewer }: Clients): void {
  /** Starts a session and returns the playlist URL of its smallest rendition. */
  async function rendition(asset: string): Promise<string> {
    const { manifestUrl } = await (await viewer()).start({ asset });
    const [first] = urisOf(await load(manifestUrl), manifestUrl);
    if (first === undefined) throw new Error("no rendition");
    return first.url;
  }

  describe("a live stream", () => {
    it.each(["live", "live-dvr", "live-event", "live-ll"])(
      "serves every file that its playlists name: %s",
      async (asset) => {
        const { manifestUrl } = await (await viewer()).start({ asset });
        const { playlists, files } = await walk(manifestUrl);
        expect(playlists.size).toBeGreaterThanOrEqual(3);
        expect(files.size).toBeGreaterThanOrEqual(12);
        for (const url of [...files].slice(0, 3).concat([...files].slice(-8))) {
          const response = await fetch(url);
          expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
          await response.bytes();
        }
      },
    );

    it("moves on with its origin", async () => {
      const url = await rendition("live");
      const first = newestSegment(await load(url));
      await until(
        () => load(url),
        (text) => newestSegment(text) > first,
      );
    });
  });

  describe("a low-latency stream", () => {
    it("blocks a reload until the requested part is published", async () => {
      const url = await rendition("live-ll");
      let { segment, part, due } = hintOf(await load(url), url);
      // One after the other, as a player does: each reload requests the part that the last response hinted at.
      for (let i = 0; i < 6; i++) {
        const text = await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}`);
        expect(Date.now()).toBeGreaterThanOrEqual(due);
        const next = hintOf(text, url);
        expect(next.due).toBeGreaterThan(due);
        ({ segment, part, due } = next);
      }
    });

    it("serves the hinted part once it is published", async () => {
      const url = await rendition("live-ll");
      const hint = hintOf(await load(url), url);
      const response = await fetch(hint.url);
      expect(Date.now()).toBeGreaterThanOrEqual(hint.due);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
      expect(Buffer.from(await response.arrayBuffer()).toString("latin1", 4, 8)).toBe("moof");
    });

    it("serves delta updates", async () => {
      const url = await rendition("live-ll");
      const full = await load(url);
      const { segment, part } = hintOf(full, url);
      const delta = await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`);
      expect(Number(/#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)/.exec(delta)?.[1])).toBeGreaterThanOrEqual(20);
      const known = new Set(pathsOf(full, url));
      expect(pathsOf(delta, url).filter((path) => known.has(path)).length).toBeGreaterThan(10);
      expect((await fetch(urisOf(delta, url).findLast(({ kind }) => kind === "file")?.url ?? "")).status).toBe(200);
    });
  });
}
