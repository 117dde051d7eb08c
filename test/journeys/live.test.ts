import { describe, expect, inject, it } from "vitest";
import { withinOneStep } from "../cluster/expiry-step.ts";
import { startStream } from "../cluster/start-stream.ts";
import { urisOf, walk } from "../cluster/walk.ts";

const cluster = inject("usual");

const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

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
    await withinOneStep(12_000);
    const url = await rendition("live");
    const before = await load(url);
    let after = before;
    for (let i = 0; i < 20 && newestSegment(after) === newestSegment(before); i++) {
      await sleep(500);
      after = await load(url);
    }
    expect(newestSegment(after)).toBe(newestSegment(before) + 1);
    const [old, fresh] = [filesOf(before, url), filesOf(after, url)];
    const kept = [...fresh].filter(([path]) => old.has(path));
    expect(kept).toHaveLength(6); // five segments and the MAP
    for (const [path, file] of kept) expect(old.get(path)).toBe(file);
  });

  it("of an event keeps its beginning and grows", async () => {
    const url = await rendition("live-event");
    const before = await load(url);
    expect(before).toContain("#EXT-X-PLAYLIST-TYPE:EVENT");
    await sleep(6000);
    const after = await load(url);
    const sequence = /#EXT-X-MEDIA-SEQUENCE:(\d+)/;
    expect(sequence.exec(after)?.[1]).toBe(sequence.exec(before)?.[1]);
    expect(newestSegment(after)).toBeGreaterThan(newestSegment(before));
  });
});

describe("a low-latency stream", () => {
  it("holds a reload until the part is there, and not much longer", async () => {
    const url = await rendition("live-ll");
    let { segment, part, due } = hintOf(await load(url), url);
    // One after the other, as a player does: each answer begins where the last one ended.
    for (let i = 0; i < 6; i++) {
      const text = await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}`);
      expect(Date.now()).toBeGreaterThanOrEqual(due);
      expect(text).toMatch(new RegExp(`#EXT-X-PART:.*URI="${segment}\\.${part}\\.m4s`));
      const next = hintOf(text, url);
      expect(next.due).toBeGreaterThan(due);
      ({ segment, part, due } = next);
    }
    expect(Date.now() - due).toBeLessThan(2000);
  });

  it("never gives a reload what another one was given before it", async () => {
    const url = await rendition("live-ll");
    const { segment, part } = hintOf(await load(url), url);
    await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}`);
    const [soon, plain] = await Promise.all([
      load(`${url}&_HLS_msn=${segment + 1}&_HLS_part=0`),
      sleep(2500).then(() => load(url)),
    ]);
    expect(soon).toContain(`URI="${segment + 1}.0.m4s`);
    expect(plain).toContain(`URI="${segment + 1}.0.m4s`);
  });

  it("gives the part that it hints at when it is there, under the URL that the playlist then has", async () => {
    await withinOneStep(8000);
    const url = await rendition("live-ll");
    const hint = hintOf(await load(url), url);
    const answer = await fetch(hint.url);
    expect(Date.now()).toBeGreaterThanOrEqual(hint.due);
    expect([answer.status, answer.headers.get("Content-Type")]).toEqual([200, "video/mp4"]);
    expect(Buffer.from(await answer.arrayBuffer()).toString("latin1", 4, 8)).toBe("moof");
    const reloaded = await load(`${url}&_HLS_msn=${hint.segment}&_HLS_part=${hint.part}`);
    expect(filesOf(reloaded, url).get(new URL(hint.url).pathname)).toBe(hint.url);
  });

  it("gives a delta update, with the same URLs as the whole playlist", async () => {
    await withinOneStep(8000);
    const url = await rendition("live-ll");
    const whole = await load(url);
    const { segment, part } = hintOf(whole, url);
    const delta = await load(`${url}&_HLS_msn=${segment}&_HLS_part=${part}&_HLS_skip=YES`);
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
