import { describe, expect, it } from "vitest";
import { type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import type { OriginRefusal } from "../../../src/origin/origin.ts";
import type { Position } from "../../../src/playlist/delivery-directives.ts";
import { live, shareStage, text, unwrap } from "./share-stage.ts";

const [partsOfSegment, partLength] = [4, 1000];
const refused = refusal("origin_failed", "film: the origin answered 400");

/** A position as the number of parts after the first one of segment 11. */
const partsUpTo = ({ segment, part = partsOfSegment - 1 }: Position) => (segment - 11) * partsOfSegment + part;

/**
 * An origin that has a part each second from segment 11 on. It holds a reload until then, and refuses at once a reload that
 * is too far ahead (RFC 8216bis §6.2.5.2), or every reload.
 */
function lowLatency({ refusesAll = false, gone = false } = {}) {
  const stage = shareStage(async ({ query }): Promise<Result<Response, OriginRefusal>> => {
    const match = /_HLS_msn=(\d+)(?:&_HLS_part=(\d+))?/.exec(query)?.slice(1, 3);
    const reached = () => Math.floor(stage.now() / partLength);
    if (match !== undefined) {
      const [segment = 0, part] = match.map((digits) => (digits === undefined ? undefined : Number(digits)));
      const last = 10 + Math.floor(reached() / partsOfSegment);
      if (gone) return refusal("object_unknown", "film: the origin answered 404");
      if (refusesAll || segment > last + 2 || (part ?? 0) >= partsOfSegment) return refused;
      const due = (partsUpTo({ segment, ...(part !== undefined && { part }) }) + 1) * partLength;
      if (due > stage.now()) await stage.wait(due - stage.now());
    }
    const [segments, parts] = [Math.floor(reached() / partsOfSegment), reached() % partsOfSegment];
    return text(live(10 + segments, { parts, more: "#EXT-X-PART-INF:PART-TARGET=1" }));
  });
  return stage;
}

/** How many parts a viewer who does not wait is behind the origin, polled every 100 ms for 12 s. */
async function lagsOf(stage: ReturnType<typeof lowLatency>, flood: (last: number) => readonly Position[]) {
  const lags: number[] = [];
  await stage.load();
  for (let round = 0; round < 120; round++) {
    if (round % 2 === 0) {
      const last = 10 + Math.floor(stage.now() / partLength / partsOfSegment);
      for (const least of flood(last)) void stage.load({ least });
      await stage.pass(0);
    }
    const playlist = unwrap(await stage.load()).text ?? "";
    const last = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1]);
    const parts = playlist.match(/#EXT-X-PART:/g)?.length ?? 0;
    lags.push(Math.floor(stage.now() / partLength) - ((last - 10) * partsOfSegment + parts));
    await stage.pass(100);
  }
  return lags;
}

describe("a flood of made-up reloads", () => {
  const far = (last: number) => [3, 4, 5, 6, 60].map((by) => ({ segment: last + by }));
  const near = (last: number) => [1, 2].flatMap((by) => [0, 1, 2, 3].map((part) => ({ segment: last + by, part })));
  const noParts = (last: number) => [4, 5, 6, 50, 99].map((part) => ({ segment: last + 1, part }));

  it.each([
    ["too far ahead", {}, far, 0],
    ["near the edge", {}, near, 2],
    ["of parts that do not exist", {}, noParts, 10],
    ["to an origin that refuses each", { refusesAll: true }, (last: number) => [...near(last), ...noParts(last)], 10],
    ["to an origin that knows none", { gone: true }, near, 10],
  ])(
    "%s leaves the playlist as fresh for viewers who do not wait, and costs a bounded number of requests",
    async (...row) => {
      const [, origin, flood, perSecond] = row;
      const quiet = lowLatency(origin);
      const lags = await lagsOf(quiet, () => []);
      const flooded = lowLatency(origin);
      const lagsInFlood = await lagsOf(flooded, flood);
      expect(Math.max(...lagsInFlood)).toBeLessThanOrEqual(Math.max(...lags));
      expect(lagsInFlood.reduce((a, b) => a + b)).toBeLessThanOrEqual(lags.reduce((a, b) => a + b));
      expect(flooded.requests.length).toBeLessThanOrEqual(quiet.requests.length + perSecond * 12 + 5);
    },
  );

  it("is answered with the current version, and a failure is logged once a minute", async () => {
    const stage = lowLatency({ refusesAll: true });
    await stage.load();
    const failures: (Refusal | undefined)[] = [];
    for (let second = 0; second < 70; second++) {
      const { least } = { least: { segment: 11 + Math.floor(second / 4), part: second % 4 } };
      const pending = stage.load({ least });
      await stage.pass(1000);
      const answer = unwrap(await pending);
      if (!answer.shared) failures.push(answer.failure);
    }
    expect(failures.filter((failure) => failure !== undefined).length).toBe(2);
    expect(failures.length).toBeGreaterThan(10);
  });

  it("of a playlist that is not loaded yet costs the origin one plain request", async () => {
    const stage = lowLatency();
    const all = await Promise.all([40, 50, 60].map((segment) => stage.load({ least: { segment } })));
    expect(all.map((one) => unwrap(one).shared)).toEqual([false, false, false]);
    expect(stage.queries()).toEqual([""]);
  });

  it("does not delay the request for the current version", async () => {
    const times = async (flood: boolean) => {
      const stage = shareStage(() => text(live(10)));
      await stage.load();
      for (let round = 0; round < 100; round++) {
        if (flood) void stage.load({ least: { segment: 12, part: round % 3 } });
        await stage.pass(100);
        await stage.load();
      }
      return stage.requests.filter(({ request }) => request.query === "").map(({ at }) => at);
    };
    expect(await times(true)).toEqual(await times(false));
  });
});

describe("a request to the origin that fails", () => {
  it("does not block others, even if it hangs: the next one asks again", async () => {
    const stage = shareStage(async (_, at) =>
      at === 6000 ? new Promise<never>(() => undefined) : text(live(at > 0 ? 11 : 10)),
    );
    await stage.load();
    await stage.pass(6000);
    const hanging = stage.load();
    await stage.pass(1000);
    expect(unwrap(await hanging)).toMatchObject({ text: live(10), failure: { code: "origin_slow" } });
    await stage.pass(500);
    expect(unwrap(await stage.load()).text).toBe(live(11));
    // Its end does not change the version that arrived in the meantime.
    const { freshUntil } = unwrap(await stage.load());
    await stage.pass(8500);
    expect(freshUntil).toBeLessThan(1_795_000_020_000 + 16_000);
    await stage.load();
    expect(stage.requests.map(({ at }) => at)).toEqual([0, 6000, 7500, 16_000]);
  });

  it("is started at most three times in 6 s while the origin hangs", async () => {
    const stage = shareStage((_, at) => (at > 0 ? new Promise<never>(() => undefined) : text(live(10))));
    await stage.load();
    await stage.pass(5000);
    for (let round = 0; round < 25; round++) {
      void stage.load();
      await stage.pass(250);
    }
    expect(stage.requests).toHaveLength(4);
  });

  it("delays the next one by half a second, and none after that", async () => {
    const stage = shareStage(async (_, at) => (at === 6000 ? refused : text(live(at > 0 ? 11 : 10))));
    await stage.load();
    await stage.pass(6000);
    expect(unwrap(await stage.load()).failure).toBeDefined();
    await stage.pass(500);
    expect(unwrap(await stage.load()).text).toBe(live(11));
  });
});
