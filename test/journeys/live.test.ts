import { describe, expect, inject, it } from "vitest";
import { withinOneStep } from "../cluster/expiry-step.ts";
import { startStream } from "../cluster/start-stream.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf, walk } from "../cluster/walk.ts";

const cluster = inject("usual");

async function load(url: string): Promise<string> {
  const answer = await fetch(url);
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`a playlist answered ${answer.status}: ${text}`);
  return text;
}

/** A playback session, and the URL of its smallest rendition's playlist. */
async function rendition(asset: string): Promise<string> {
  const { manifestUrl } = await startStream(cluster, asset);
  const [first] = urisOf(await load(manifestUrl), manifestUrl);
  if (first === undefined) throw new Error("no rendition");
  return first.url;
}

const newestSegment = (text: string) => Number([...text.matchAll(/^(\d+)\.m4s/gm)].at(-1)?.[1]);

/** Segments, parts and MAP of a playlist as they are named at the origin, with their URLs. */
function filesOf(text: string, base: string): Map<string, string> {
  const files = urisOf(text.replaceAll(/^#EXT-X-PRELOAD-HINT.*$/gm, ""), base).filter(({ kind }) => kind === "file");
  return new Map(files.map(({ url }) => [new URL(url).pathname, url]));
}

/** The part that a playlist hints at: its URL, its place, and when it will be there. */
function hintOf(text: string, base: string): { url: string; segment: number; part: number; due: number } {
  const [, uri = "", msn = "", number = ""] = /#EXT-X-PRELOAD-HINT:.*URI="((\d+)\.(\d)\.m4s[^"]*)"/.exec(text) ?? [];
  const [segment, part] = [Number(msn), Number(number)];
  return { url: new URL(uri, base).href, segment, part, due: segment * 2000 + (part + 1) * 500 };
}

describe("a live stream", () => {
  it.each(["live", "live-dvr", "live-event", "live-ll"])("%s opens with every file that it names", async (asset) => {
    const { manifestUrl } = await startStream(cluster, asset);
    const { playlists, files } = await walk(manifestUrl);
    expect(playlists.size).toBeGreaterThanOrEqual(3);
    expect(files.size).toBeGreaterThanOrEqual(12);
    for (const url of [...files].slice(0, 3).concat([...files].slice(-8))) {
      const answer = await fetch(url);
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
      await answer.arrayBuffer();
    }
  });

  it("keeps the URL of whatever stays in the window, MAP and all, between reloads within a step", async () => {
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
    expect(kept).toHaveLength(Math.max(0, 6 - newer) + 1); // of six segments, and the MAP
    for (const [path, file] of kept) expect(old.get(path)).toBe(file);
  });

  it("of an event keeps its beginning and grows", async () => {
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
  it("holds a reload until the part is there", async () => {
    const url = await rendition("live-ll");
    let { segment, part, due } = hintOf(await load(url), url);
    // One after the other, as a player does: each answer begins where the last one ended.
    for (let i = 0; i < 6; i++) {
      const text = await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}`);
      expect(Date.now()).toBeGreaterThanOrEqual(due);
      const next = hintOf(text, url);
      expect(next.due).toBeGreaterThan(due);
      ({ segment, part, due } = next);
    }
  });

  it("never gives a reload what another one was given before it", async () => {
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

  it("gives the part that it hints at when it is there, under the URL that the playlist then has", async () => {
    const url = await rendition("live-ll");
    const [hinted, named] = await withinOneStep(async () => {
      const hint = hintOf(await load(url), url);
      const answer = await fetch(hint.url);
      expect(Date.now()).toBeGreaterThanOrEqual(hint.due);
      expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
      expect(Buffer.from(await answer.arrayBuffer()).toString("latin1", 4, 8)).toBe("moof");
      const reloaded = await load(`${url}&_HLS_msn=${hint.segment}&_HLS_part=${hint.part}`);
      return [hint.url, filesOf(reloaded, url).get(new URL(hint.url).pathname)];
    });
    expect(named).toBe(hinted);
  });

  it("gives a delta update, with the same URLs as the whole playlist", async () => {
    const url = await rendition("live-ll");
    const [whole, delta] = await withinOneStep<[string, string]>(async () => {
      const text = await load(url);
      const { segment, part } = hintOf(text, url);
      return [text, await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`)];
    });
    expect(Number(/#EXT-X-SKIP:SKIPPED-SEGMENTS=(\d+)/.exec(delta)?.[1])).toBeGreaterThanOrEqual(20);
    const [known, fresh] = [filesOf(whole, url), filesOf(delta, url)];
    const both = [...fresh].filter(([path]) => known.has(path));
    expect(both.length).toBeGreaterThan(10);
    for (const [path, file] of both) expect(known.get(path)).toBe(file);
    expect((await fetch([...fresh.values()].at(-1) ?? "")).status).toBe(200);
  });

  it("signs what the skipped segments were named for longer than a player may still want them", async () => {
    const url = await rendition("live-ll");
    const [oldest = ""] = [...filesOf(await load(url), url).values()].slice(1);
    const expiry = Number(/[?&]seg=(\d+)\./.exec(oldest)?.[1]);
    // The window of a minute, of which a player keeps what a delta update skips.
    expect(expiry).toBeGreaterThan(Date.now() / 1000 + 60);
  });
});
