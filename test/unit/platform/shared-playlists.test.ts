import { describe, expect, it } from "vitest";
import { bytesText } from "../../../src/base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import { seconds, systemMillisecondClock, type UnixMilliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import type { PlaylistAnswer, PlaylistQuestion, SourceRefusal } from "../../../src/manifest/playlist-source.ts";
import {
  type SharedPlaylistNamespace,
  type SharedPlaylistParts,
  sharedPlaylists,
} from "../../../src/platform/cloudflare/shared-playlists.ts";
import { sampleAsset } from "../catalog/sample.ts";
import { playlistStage } from "../manifest/playlist-stage.ts";
import { runtimeBindings } from "./runtime-bindings.ts";

const start = unixMilliseconds(1_795_000_020_000);
const later = (by: number) => unixMilliseconds(start + by);
const question: PlaylistQuestion = {
  asset: sampleAsset(),
  path: "low/index.m3u8",
  query: "v=1",
  directives: {},
  hold: seconds(0),
};
const waiting = { ...question, directives: { least: { segment: 7, part: 1 } } };

/** A data centre. The test sets the answer of its object, and can read its cache. */
function dataCentre() {
  const entries = new Map<string, Response>();
  const questions: PlaylistQuestion[] = [];
  const refusals: Refusal[] = [];
  const work: Promise<unknown>[] = [];
  const timers: { readonly length: number; readonly ring: () => void }[] = [];
  const state: { now: UnixMilliseconds; answer: () => Promise<Result<PlaylistAnswer, SourceRefusal>> } = {
    now: start,
    answer: async () => ok(answer()),
  };
  const objects: SharedPlaylistNamespace<string> = {
    idFromName: (name) => name,
    get: () => ({
      ask: (of) => {
        questions.push(of);
        return state.answer();
      },
    }),
  };
  const parts: SharedPlaylistParts<string> = {
    objects,
    cache: {
      match: async ({ url }) => entries.get(url)?.clone(),
      put: async (url, response) => void entries.set(url, response),
    },
    mediaUrl: "https://media.example",
    clock: () => state.now,
    timer: (length, ring) => {
      timers.push({ length, ring });
      return () => undefined;
    },
    direct: async () => ok({ ...answer(), text: "direct" }),
    waitUntil: (more) => void work.push(more),
    onFailure: (refusal) => void refusals.push(refusal),
  };
  const source = sharedPlaylists(parts);
  const load = async (of: PlaylistQuestion) => {
    const result = await source(of);
    await Promise.all(work);
    return result;
  };
  return { load, state, questions, entries, refusals, parts, timers };
}

function answer(fields: Partial<PlaylistAnswer> = {}): PlaylistAnswer {
  return { text: "#EXTM3U\n", etag: '"1"', checkedAt: start, freshUntil: later(2500), shared: true, ...fields };
}

describe("the data centre's cache", () => {
  it("returns a playlist as its object did, with byte order marks and bytes that are not UTF-8", async () => {
    const texts = ["\uFEFF#EXTM3U\n", "\uFEFF\uFEFF \r\n\n#EXTM3U\n", "\n#EXTM3U\n", "#EXTM3U\n# \uDCE7 ç\uDC85\n"];
    for (const text of texts) {
      const { load, questions, state } = dataCentre();
      state.answer = async () => ok(answer({ text }));
      const first = await load(question);
      expect(first).toMatchObject({ value: { text } });
      expect(await load(question)).toEqual(first);
      expect(questions).toHaveLength(1);
    }
  });

  it("answers until the entry's own freshness ends, and no longer", async () => {
    const { load, questions, state } = dataCentre();
    const first = await load(question);
    state.now = later(2499);
    expect(await load(question)).toEqual(first);
    expect(questions).toHaveLength(1);
    state.now = later(2500);
    await load(question);
    expect(questions).toHaveLength(2);
  });

  it("answers that nothing has changed to an isolate that has the version", async () => {
    const { load } = dataCentre();
    await load(question);
    const known = { etag: '"1"', live: true };
    expect(await load({ ...question, known })).toMatchObject({ ok: true, value: { text: undefined, etag: '"1"' } });
    expect(await load({ ...question, known: { etag: '"0"', live: true } })).toMatchObject({
      value: { text: "#EXTM3U\n" },
    });
  });

  it("reports where the origin redirected to, also if nothing else has changed", async () => {
    const { load, state, questions } = dataCentre();
    state.answer = async () => ok(answer({ location: "v2/index.m3u8?sid=1" }));
    await load(question);
    const location = "v2/index.m3u8?sid=1";
    expect(await load(question)).toMatchObject({ ok: true, value: { text: "#EXTM3U\n", location } });
    const known = { etag: '"1"', live: true };
    expect(await load({ ...question, known })).toMatchObject({ ok: true, value: { text: undefined, location } });
    expect(questions).toHaveLength(1);
  });

  it("has one entry per set of directives that the origin gets, named after the origin's file", async () => {
    const { load, entries } = dataCentre();
    for (const of of [question, waiting, { ...question, directives: { skip: "YES" } }] as const) await load(of);
    const place = "https://media.example/.playlists/r2%3AMEDIA%3Afilm%2Flow%2Findex.m3u8%3Fv%3D1%23";
    expect([...entries.keys()]).toEqual([place, `${place}_HLS_msn%3D7%26_HLS_part%3D1`, `${place}_HLS_skip%3DYES`]);
  });

  it("keeps an answer to a blocking reload for one second at most", async () => {
    const { load, questions, state } = dataCentre();
    await load(waiting);
    state.now = later(999);
    await load(waiting);
    expect(questions).toHaveLength(1);
    state.now = later(1000);
    await load(waiting);
    expect(questions).toHaveLength(2);
  });

  it.each([
    ["an answer that is not shared", async () => ok(answer({ shared: false }))],
    ["an answer that is already stale", async () => ok(answer({ freshUntil: start }))],
    ["a refusal", async () => refusal("origin_failed", "it failed")],
  ])("never keeps %s", async (_, failing) => {
    const { load, entries, state } = dataCentre();
    state.answer = failing;
    await load(waiting);
    expect(entries.size).toBe(0);
  });

  it("costs one request to the object if it fails, and nothing more", async () => {
    const { parts } = dataCentre();
    const fail = () => Promise.reject(new Error("no cache"));
    const source = sharedPlaylists({ ...parts, cache: { match: fail, put: fail } });
    expect(await source(question)).toEqual(ok(answer()));
  });
});

describe("the object of a shared playlist", () => {
  it("is the same for all delivery directives", async () => {
    const names: string[] = [];
    const { parts } = dataCentre();
    const { get } = parts.objects;
    const idFromName = (name: string) => {
      names.push(name);
      return name;
    };
    const source = sharedPlaylists({ ...parts, objects: { get, idFromName } });
    await source(question);
    await source(waiting);
    await source({ ...question, query: "v=2" });
    const place = "r2:MEDIA:film/low/index.m3u8";
    expect(names).toEqual([`${place}?v=1`, `${place}?v=1`, `${place}?v=2`]);
  });

  it("is bypassed while it is down: the origin answers, and the failure is logged", async () => {
    const { load, state, refusals, entries } = dataCentre();
    state.answer = () => Promise.reject(new Error("overloaded"));
    expect(await load(question)).toMatchObject({ ok: true, value: { text: "direct" } });
    expect(refusals.map(({ code }) => code)).toEqual(["store_unavailable"]);
    expect(entries.size).toBe(0);
  });

  /** Runs everything that does not wait for time. */
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

  it("is bypassed when it takes five seconds longer than the origin may hold a request", async () => {
    const { parts, state, refusals, timers } = dataCentre();
    state.answer = () => new Promise(() => undefined);
    const source = sharedPlaylists(parts);
    const pending = [source(question), source({ ...waiting, query: "v=2", hold: seconds(12) })];
    await settle();
    expect(timers.map(({ length }) => length)).toEqual([5, 17]);
    for (const { ring } of timers) ring();
    for (const result of await Promise.all(pending)) expect(result).toMatchObject({ value: { text: "direct" } });
    expect(refusals.map(({ code }) => code)).toEqual(["store_unavailable", "store_unavailable"]);
  });

  it("is not asked for ten seconds after it was late, so that no request waits in vain", async () => {
    const { parts, state, questions, timers } = dataCentre();
    state.answer = () => new Promise(() => undefined);
    const source = sharedPlaylists(parts);
    const first = source(question);
    await settle();
    for (const { ring } of timers.splice(0)) ring();
    await first;
    state.now = later(9_999);
    expect(await source(question)).toMatchObject({ value: { text: "direct" } });
    expect([questions.length, timers.length]).toEqual([1, 0]);
    state.now = later(10_000);
    state.answer = async () => ok(answer());
    expect(await source(question)).toMatchObject({ value: { text: "#EXTM3U\n" } });
  });

  it("costs the origin one request per playlist at a time while it is down; the others are refused, not queued", async () => {
    const { parts, state } = dataCentre();
    state.answer = () => Promise.reject(new Error("down"));
    const waitingFor: ((result: Result<PlaylistAnswer, SourceRefusal>) => void)[] = [];
    const direct = () => new Promise<Result<PlaylistAnswer, SourceRefusal>>((resolve) => void waitingFor.push(resolve));
    const source = sharedPlaylists({ ...parts, direct });
    const first = source(question);
    await settle();
    expect(await source(question)).toMatchObject({ ok: false, refusal: { code: "store_unavailable" } });
    const other = source({ ...question, path: "high/index.m3u8" });
    await settle();
    expect(waitingFor).toHaveLength(2);
    for (const resolve of waitingFor.splice(0)) resolve(ok(answer()));
    expect([(await first).ok, (await other).ok]).toEqual([true, true]);
    const next = source(question);
    await settle();
    expect(waitingFor).toHaveLength(1);
    // A client that disconnects leaves its request unfinished for good. After the origin's timeout another one may ask.
    state.now = later(11_001);
    void source(question);
    await settle();
    expect(waitingFor).toHaveLength(2);
    waitingFor[0]?.(ok(answer()));
    expect((await next).ok).toBe(true);
  });
});

describe("a playlist that will not change", () => {
  it("is requested from the origin by an isolate that knows it, and a live one from the object", async () => {
    const { load, questions } = dataCentre();
    const has = (live: boolean) => load({ ...question, known: { etag: '"0"', live } });
    expect(await has(false)).toMatchObject({ ok: true, value: { text: "direct" } });
    expect(questions).toEqual([]);
    await has(true);
    expect(questions).toHaveLength(1);
  });
});

const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "SHARED_PLAYLIST");

interface CountedObject {
  ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, SourceRefusal>>;
  requests(): Promise<readonly string[]>;
}

interface CountedObjects extends SharedPlaylistNamespace<unknown> {
  get(id: unknown): CountedObject;
}

describe.skipIf(!isNamespace(namespace))("in workerd, which has Durable Objects,", () => {
  it("bytes that are not UTF-8 and byte order marks reach viewers through the object and through the cache", async () => {
    if (!isNamespace(namespace)) throw new Error("no objects");
    const work: Promise<unknown>[] = [];
    const parts = { ...dataCentre().parts, objects: namespace, cache: edgeCache(), clock: () => start };
    const source = sharedPlaylists({ ...parts, waitUntil: (more) => void work.push(more) });
    const path = `low/${crypto.randomUUID()}.m3u8`;
    for (const from of ["object", "cache"]) {
      const { load } = await playlistStage({}, 1_000_000, { source, milliseconds: () => start });
      const loaded = await load({ name: "ann" }, path);
      await Promise.all(work);
      const body = loaded.ok ? bytesText(new Uint8Array(await loaded.value.arrayBuffer())) : "";
      expect([from, body]).toEqual([from, expect.stringMatching(/^\uFEFF\uFEFF#EXTM3U\n/)]);
      expect(body).toContain("\n#EXTINF:60,Fran\uDCE7ais \u00e7\n0.ts?seg=");
    }
  });

  it("200 concurrent requests for one playlist cost its origin one", async () => {
    if (!isNamespace(namespace)) throw new Error("no objects");
    const failures: Refusal[] = [];
    const source = sharedPlaylists({
      ...dataCentre().parts,
      objects: namespace,
      cache: edgeCache(),
      clock: systemMillisecondClock,
      onFailure: (refusal) => void failures.push(refusal),
    });
    const shared = { source, milliseconds: systemMillisecondClock };
    // Each stage is an isolate, with a shelf of its own.
    const isolates = await Promise.all(Array.from({ length: 4 }, () => playlistStage({}, 1_000_000, shared)));
    const path = `low/${crypto.randomUUID()}.m3u8`;
    const load = (count: number) =>
      isolates.flatMap(({ text }) => Array.from({ length: count }, (_, i) => text({ name: `viewer-${i}` }, path)));
    const texts = await Promise.all(load(50));
    expect(texts).toHaveLength(200);
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]).toContain("\n0.ts?seg=");
    await Promise.all(load(10));
    expect(failures).toEqual([]);
    const object = namespace.get(namespace.idFromName(`r2:MEDIA:film/${path}?`));
    expect(await object.requests()).toEqual([`${path}?`]);
  });
});

function edgeCache(): SharedPlaylistParts<unknown>["cache"] {
  const value: unknown = Reflect.get(caches, "default");
  if (!isCache(value)) throw new Error("no cache");
  return value;
}

function isCache(value: unknown): value is SharedPlaylistParts<unknown>["cache"] {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "match") === "function";
}

function isNamespace(value: unknown): value is CountedObjects {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}
