import { describe, expect, it } from "vitest";
import { WeighedMap } from "../../../src/base/bounded-map.ts";
import { seconds, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { PlaylistShelf, Renderings } from "../../../src/manifest/playlist-shelf.ts";
import { progressOf } from "../../../src/playlist/progress.ts";
import { sampleAsset } from "../catalog/sample.ts";
import { bucket, media, compiled as template } from "../playlist/sample.ts";

const step = seconds(30);
const moment = unixMilliseconds(1000);
const name = (steps: number, variant = "key") => ({ step: unixSeconds(1_795_000_020 + 30 * steps), variant });

describe("the renderings of a version", () => {
  it("are kept for two steps per key", () => {
    const renderings = new Renderings();
    const playlist = new Blob(["bytes"]);
    for (const variant of ["old key", "new key"])
      for (const steps of [0, 1, 2]) renderings.put(name(steps, variant), playlist, step);
    for (const variant of ["old key", "new key"])
      expect([0, 1, 2].map((steps) => renderings.get(name(steps, variant)) === playlist)).toEqual([false, true, true]);
  });

  it("are few, however many different ends the sessions of CloudFront viewers have", () => {
    const renderings = new Renderings();
    const playlist = new Blob(["x".repeat(1000)]);
    for (let i = 0; i < 100; i++) renderings.put(name(0, `${i}`), playlist, step);
    expect(renderings.weight).toBeLessThan(8 * 2000);
    expect(renderings.get(name(0, "99"))).toBe(playlist);
  });

  it("weigh nothing after they are dropped or replaced", () => {
    const renderings = new Renderings();
    const put = (steps: number) => renderings.put(name(steps), new Blob(["x".repeat(1000)]), step);
    put(0);
    const one = renderings.weight;
    put(0);
    expect(renderings.weight).toBe(one);
    put(5);
    expect(renderings.weight).toBe(one);
  });
});

describe("the shelf", () => {
  const shelved = () => ({
    version: {
      text: media("#EXTINF:6,", "0.ts"),
      etag: undefined,
      imports: false,
      progress: progressOf(media("#EXTINF:6,", "0.ts")),
      checkedAt: moment,
      freshUntil: moment,
    },
    compiled: {
      template: template(media("#EXTINF:6,", "0.ts")),
      text: "",
      settings: bucket,
      madeFor: "",
      seenWith: { asset: sampleAsset(), imported: undefined },
      renderings: new Renderings(),
      classes: new Map(),
    },
  });
  const bytes = (length: number) => ({ name: name(0), playlist: new Blob(["x".repeat(length)]), expiryStep: step });

  it("makes room for a rendering as for a playlist", () => {
    const shelf = new PlaylistShelf(40_000);
    const [a, b] = [shelved(), shelved()];
    shelf.put("a", a);
    shelf.put("b", b);
    shelf.addRendering("b", b, bytes(1000));
    expect(shelf.get("a")).toBe(a);
    shelf.addRendering("a", a, bytes(30_000));
    expect(shelf.get("a")).toBe(a);
    expect(shelf.get("b")).toBe(b);
    shelf.addRendering("b", b, { ...bytes(30_000), name: name(1) });
    expect(shelf.get("a")).toBeUndefined();
  });

  it("accepts no rendering for a version that was replaced", () => {
    const shelf = new PlaylistShelf(40_000);
    const [old, next] = [shelved(), shelved()];
    shelf.put("a", old);
    shelf.put("a", next);
    shelf.addRendering("a", old, bytes(100));
    expect(shelf.get("a")).toBe(next);
    for (const { compiled } of [old, next]) expect(compiled.renderings.weight).toBe(0);
  });

  it("limits the expiries that it keeps", () => {
    const shelf = new PlaylistShelf(160_000);
    for (let i = 0; i < 1000; i++) shelf.give(`${i}`, new Map([[`/film/${i}.m4s?`, unixSeconds(i)]]));
    expect(shelf.given("999")?.size).toBe(1);
    expect(shelf.given("0")).toBeUndefined();
    shelf.give("999", new Map());
    expect(shelf.given("999")).toBeUndefined();
  });
});

describe("a weighed map", () => {
  it("drops the least recently used entries, as many as necessary", () => {
    const map = new WeighedMap<string>(10);
    for (const key of ["a", "b", "c"]) map.put(key, key, 3);
    map.get("a");
    map.put("d", "d", 6);
    expect(["a", "b", "c", "d"].map((key) => map.get(key))).toEqual(["a", undefined, undefined, "d"]);
  });

  it("forgets the weight of replaced and deleted entries", () => {
    const map = new WeighedMap<string>(10);
    for (let i = 0; i < 9; i++) map.put("a", "a", 9);
    map.put("b", "b", 1);
    expect(map.get("a")).toBe("a");
    map.delete("a");
    map.put("c", "c", 9);
    expect([map.get("b"), map.get("c")]).toEqual(["b", "c"]);
  });
});
