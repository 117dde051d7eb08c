import { describe, expect, inject, it } from "vitest";
import { withinOneStep } from "../cluster/expiry-step.ts";
import { startStream } from "../cluster/start-stream.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";

const cluster = inject("usual");

async function load(url: string): Promise<string> {
  const response = await fetch(url);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`a playlist answered ${response.status}: ${text}`);
  return text;
}

/** Starts a session and returns the playlist URL of its smallest rendition. */
async function rendition(asset: string): Promise<string> {
  const { manifestUrl } = await startStream(cluster, asset);
  const [first] = urisOf(await load(manifestUrl), manifestUrl);
  if (first === undefined) throw new Error("no rendition");
  return first.url;
}

const newestSegment = (text: string) => Number([...text.matchAll(/^(\d+)\.m4s/gm)].at(-1)?.[1]);

/** The URLs of a playlist's segments, parts and MAP, by path. */
function filesOf(text: string, base: string): Map<string, string> {
  const files = urisOf(text.replaceAll(/^#EXT-X-PRELOAD-HINT.*$/gm, ""), base).filter(({ kind }) => kind === "file");
  return new Map(files.map(({ url }) => [new URL(url).pathname, url]));
}

/** The part that a playlist hints at: its URL, its position, and its publication time. */
function hintOf(text: string, base: string): { url: string; segment: number; part: number; due: number } {
  const [, uri = "", msn = "", number = ""] = /#EXT-X-PRELOAD-HINT:.*URI="((\d+)\.(\d)\.m4s[^"]*)"/.exec(text) ?? [];
  const [segment, part] = [Number(msn), Number(number)];
  return { url: new URL(uri, base).href, segment, part, due: segment * 2000 + (part + 1) * 500 };
}

// What every deployment does with a live stream is in test/conformance/live-streams.ts.
describe("a live stream", () => {
  it("keeps the URLs of the segments and the MAP that stay in the window, between reloads within a step", async () => {
    const url = await rendition("live");
    const [before, after] = await withinOneStep<[string, string]>(async () => {
      const first = await load(url);
      return [
        first,
        await until(
          () => load(url),
          (text) => newestSegment(text) > newestSegment(first),
        ),
      ];
    });
    const newer = newestSegment(after) - newestSegment(before);
    const [old, fresh] = [filesOf(before, url), filesOf(after, url)];
    const kept = [...fresh].filter(([path]) => old.has(path));
    expect(kept).toHaveLength(Math.max(0, 6 - newer) + 1); // Of six segments, and the MAP.
    for (const [path, file] of kept) expect(old.get(path)).toBe(file);
  });

  it("of type EVENT keeps its beginning and grows", async () => {
    const url = await rendition("live-event");
    const before = await load(url);
    expect(before).toContain("#EXT-X-PLAYLIST-TYPE:EVENT");
    const after = await until(
      () => load(url),
      (text) => newestSegment(text) > newestSegment(before),
    );
    const sequence = /#EXT-X-MEDIA-SEQUENCE:(\d+)/;
    expect(sequence.exec(after)?.[1]).toBe(sequence.exec(before)?.[1]);
  });
});

describe("a low-latency stream", () => {
  it("never serves an older playlist than an earlier response did", async () => {
    const url = await rendition("live-ll");
    const { segment, part } = hintOf(await load(url), url);
    await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}`);
    const due = (segment + 1) * 2000 + 500;
    expect(hintOf(await load(`${url}&_HLS_msn=${segment + 1}&_HLS_part=0`), url).due).toBeGreaterThan(due);
    await until(
      () => load(url),
      (text) => hintOf(text, url).due > due,
    );
  });

  it("serves the hinted part once it is published, under the URL that the next playlist names", async () => {
    const url = await rendition("live-ll");
    const [hinted, named] = await withinOneStep(async () => {
      const hint = hintOf(await load(url), url);
      const response = await fetch(hint.url);
      expect(Date.now()).toBeGreaterThanOrEqual(hint.due);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
      expect(Buffer.from(await response.arrayBuffer()).toString("latin1", 4, 8)).toBe("moof");
      const reloaded = await load(`${url}&_HLS_msn=${hint.segment}&_HLS_part=${hint.part}`);
      return [hint.url, filesOf(reloaded, url).get(new URL(hint.url).pathname)];
    });
    expect(named).toBe(hinted);
  });

  it("serves a delta update with the same URLs as the full playlist", async () => {
    const url = await rendition("live-ll");
    const [full, delta] = await withinOneStep<[string, string]>(async () => {
      const text = await load(url);
      const { segment, part } = hintOf(text, url);
      return [text, await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`)];
    });
    expect(Number(/#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)/.exec(delta)?.[1])).toBeGreaterThanOrEqual(20);
    const [known, fresh] = [filesOf(full, url), filesOf(delta, url)];
    const both = [...fresh].filter(([path]) => known.has(path));
    expect(both.length).toBeGreaterThan(10);
    for (const [path, file] of both) expect(known.get(path)).toBe(file);
    expect((await fetch([...fresh.values()].at(-1) ?? "")).status).toBe(200);
  });

  it("signs the segments that a delta update skips for longer than a player may need them", async () => {
    const url = await rendition("live-ll");
    const [oldest = ""] = [...filesOf(await load(url), url).values()].slice(1);
    const expiry = Number(/[?&]seg=(\d+)\./.exec(oldest)?.[1]);
    // A player keeps the segments that a delta update skips, within the window of a minute.
    expect(expiry).toBeGreaterThan(Date.now() / 1000 + 60);
  });
});
