import { describe, expect, it } from "vitest";
import { type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import type { OriginRefusal } from "../../../src/origin/origin.ts";
import type { Position } from "../../../src/playlist/delivery-directives.ts";
import { answered, live, shareStage, text } from "./share-stage.ts";

const [partsOfSegment, partLength] = [4, 1000];
const refused = refusal("origin_failed", "film: the origin answered 400");

/** A position as so many parts behind the first of segment 11. */
const partsUpTo = ({ segment, part = partsOfSegment - 1 }: Position) => (segment - 11) * partsOfSegment + part;

/**
 * An origin that has a part each second from segment 11 on. It holds a reload till then, and refuses at once what is too far
 * ahead (RFC 8216bis §6.2.5.2), or every reload.
 */
function lowLatency({ refusesAll = false, gone = false } = {}) {
  const stage = shareStage(async ({ query }): Promise<Result<Response, OriginRefusal>> => {
    const found = /_HLS_msn=(\d+)(?:&_HLS_part=(\d+))?/.exec(query)?.slice(1, 3);
    const reached = () => Math.floor(stage.now() / partLength);
    if (found !== undefined) {
      const [segment = 0, part] = found.map((digits) => (digits === undefined ? undefined : Number(digits)));
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

/** How many parts behind the origin a viewer is who does not wait, looking every 100 ms for 12 s. */
async function lagsOf(stage: ReturnType<typeof lowLatency>, flood: (last: number) => readonly Position[]) {
  const lags: number[] = [];
  await stage.ask();
  for (let round = 0; round < 120; round++) {
    if (round % 2 === 0) {
      const last = 10 + Math.floor(stage.now() / partLength / partsOfSegment);
      for (const least of flood(last)) void stage.ask({ least });
      await stage.pass(0);
    }
    const given = answered(await stage.ask()).text ?? "";
    const last = Number(/MEDIA-SEQUENCE:(\d+)/.exec(given)?.[1]);
    const parts = given.match(/#EXT-X-PART:/g)?.length ?? 0;
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
    "%s leaves the playlist as fresh for who does not wait, and costs a bounded number of questions",
    async (...row) => {
      const [, origin, flood, perSecond] = row;
      const quiet = lowLatency(origin);
      const lags = await lagsOf(quiet, () => []);
      const flooded = lowLatency(origin);
      const found = await lagsOf(flooded, flood);
      expect(Math.max(...found)).toBeLessThanOrEqual(Math.max(...lags));
      expect(found.reduce((a, b) => a + b)).toBeLessThanOrEqual(lags.reduce((a, b) => a + b));
      expect(flooded.asked.length).toBeLessThanOrEqual(quiet.asked.length + perSecond * 12 + 5);
    },
  );

  it("gets the version that is known, and the log is told once a minute", async () => {
    const stage = lowLatency({ refusesAll: true });
    await stage.ask();
    const failures: (Refusal | undefined)[] = [];
    for (let second = 0; second < 70; second++) {
      const { least } = { least: { segment: 11 + Math.floor(second / 4), part: second % 4 } };
      const asking = stage.ask({ least });
      await stage.pass(1000);
      const given = answered(await asking);
      if (!given.shared) failures.push(given.failure);
    }
    expect(failures.filter((failure) => failure !== undefined).length).toBe(2);
    expect(failures.length).toBeGreaterThan(10);
  });

  it("at one that nobody has asked for yet is a question for the playlist as it is", async () => {
    const stage = lowLatency();
    const all = await Promise.all([40, 50, 60].map((segment) => stage.ask({ least: { segment } })));
    expect(all.map((one) => answered(one).shared)).toEqual([false, false, false]);
    expect(stage.queries()).toEqual([""]);
  });

  it("does not put off the question for the current version by being answered with what there is", async () => {
    const times = async (flood: boolean) => {
      const stage = shareStage(() => text(live(10)));
      await stage.ask();
      for (let round = 0; round < 100; round++) {
        if (flood) void stage.ask({ least: { segment: 12, part: round % 3 } });
        await stage.pass(100);
        await stage.ask();
      }
      return stage.asked.filter(({ request }) => request.query === "").map(({ at }) => at);
    };
    expect(await times(true)).toEqual(await times(false));
  });
});

describe("one question that fails", () => {
  it("and hangs blocks no other request: the next one asks again", async () => {
    const stage = shareStage(async (_, at) =>
      at === 6000 ? new Promise<never>(() => undefined) : text(live(at > 0 ? 11 : 10)),
    );
    await stage.ask();
    await stage.pass(6000);
    const hanging = stage.ask();
    await stage.pass(1000);
    expect(answered(await hanging)).toMatchObject({ text: live(10), failure: { code: "origin_slow" } });
    await stage.pass(500);
    expect(answered(await stage.ask()).text).toBe(live(11));
    // Its end says nothing about the version that came meanwhile.
    const { freshUntil } = answered(await stage.ask());
    await stage.pass(8500);
    expect(freshUntil).toBeLessThan(1_795_000_020_000 + 16_000);
    await stage.ask();
    expect(stage.asked.map(({ at }) => at)).toEqual([0, 6000, 7500, 16_000]);
  });

  it("is left so at most twice at a time", async () => {
    const stage = shareStage((_, at) => (at > 0 ? new Promise<never>(() => undefined) : text(live(10))));
    await stage.ask();
    await stage.pass(5000);
    for (let round = 0; round < 25; round++) {
      void stage.ask();
      await stage.pass(250);
    }
    expect(stage.asked).toHaveLength(4);
  });

  it("keeps the next one away for half a second, and from then on none", async () => {
    const stage = shareStage(async (_, at) => (at === 6000 ? refused : text(live(at > 0 ? 11 : 10))));
    await stage.ask();
    await stage.pass(6000);
    expect(answered(await stage.ask()).failure).toBeDefined();
    await stage.pass(500);
    expect(answered(await stage.ask()).text).toBe(live(11));
  });
});
