import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import type { Position } from "../../../src/playlist/delivery-directives.ts";
import { answered, live, shareStage, text } from "./share-stage.ts";

const least = (segment: number, part?: number): { readonly least: Position } => ({
  least: part === undefined ? { segment } : { segment, part },
});

/** What the query of a request to the origin waits for. */
const waitsFor = (query: string) => /_HLS_msn=(\d+)(?:&_HLS_part=(\d+))?/.exec(query)?.slice(1, 3).map(Number);

describe("questions to the origin", () => {
  it("share one request while it is in progress", async () => {
    const stage = shareStage(async () => {
      await stage.wait(300);
      return text(live(10), '"1"');
    });
    const all = Promise.all(Array.from({ length: 200 }, () => stage.ask()));
    await stage.pass(300);
    expect(new Set((await all).map((one) => answered(one).text))).toEqual(new Set([live(10)]));
    expect(stage.asked).toHaveLength(1);
    await stage.ask();
    expect(stage.asked).toHaveLength(1);
  });

  it("name the version that is known, and nothing that somebody waits for", async () => {
    const stage = shareStage(async ({ ifNoneMatch }) =>
      ifNoneMatch === '"1"' ? ok(new Response(null, { status: 304 })) : text(live(10), '"1"'),
    );
    await stage.ask();
    await stage.pass(10_000);
    await stage.ask();
    expect(answered(await stage.ask()).text).toBe(live(10));
    void stage.ask(least(11));
    await stage.pass(0);
    expect(stage.asked.map(({ request }) => request.ifNoneMatch)).toEqual([undefined, '"1"', undefined]);
  });

  it("that are refused are all refused, and the next one asks again", async () => {
    const stage = shareStage(async () => refusal("origin_failed", "it failed"));
    const both = await Promise.all([stage.ask(), stage.ask()]);
    expect(both.map(({ ok }) => ok)).toEqual([false, false]);
    expect(stage.asked).toHaveLength(1);
    await stage.ask();
    expect(stage.asked).toHaveLength(2);
  });

  it("are not answered by what was overtaken on its way", async () => {
    const stage = shareStage(async ({ query }, at) => {
      // The whole playlist takes its time; what is waited for comes at once.
      if (query === "" && at > 0) await stage.wait(500);
      return query === "" ? text(live(10)) : text(live(12));
    });
    await stage.ask();
    await stage.pass(6000);
    const slow = stage.ask();
    await stage.pass(100);
    await stage.ask(least(12));
    await stage.pass(500);
    expect(answered(await slow)).toMatchObject({ text: live(12), shared: true });
    expect(answered(await stage.ask()).text).toBe(live(12));
  });
});

describe("blocking reload", () => {
  /** An origin that has a part each second from segment 11 on, and holds its answers till then. */
  function lowLatency() {
    const stage = shareStage(async ({ query }) => {
      const [segment = 0, part = 0] = waitsFor(query) ?? [];
      const due = waitsFor(query) === undefined ? 0 : ((segment - 11) * 4 + part + 1) * 1000;
      if (due > stage.now()) await stage.wait(due - stage.now());
      const parts = Math.floor(stage.now() / 1000);
      return text(live(10 + Math.floor(parts / 4), { parts: parts % 4, more: "#EXT-X-PART-INF:PART-TARGET=1" }));
    });
    return stage;
  }

  it("is held until the origin has it, and shared by all who wait for the same", async () => {
    const stage = lowLatency();
    await stage.ask();
    const waiting = Array.from({ length: 50 }, () => stage.ask(least(11, 0)));
    await stage.pass(999);
    expect(await Promise.race([waiting[0], "held"])).toBe("held");
    await stage.pass(1);
    for (const one of await Promise.all(waiting)) {
      expect(answered(one).text).toContain("11.0.m4s");
      expect(answered(one).shared).toBe(true);
    }
    expect(stage.queries()).toEqual(["", "_HLS_msn=11&_HLS_part=0"]);
    expect(stage.timers.size).toBe(0);
  });

  it("is one question a part for many viewers, though some come late", async () => {
    const stage = lowLatency();
    await stage.ask();
    for (let part = 0; part < 4; part++) {
      const early = stage.ask(least(11, part));
      await stage.pass(1000);
      await early;
      await stage.ask(least(11, part));
    }
    expect(stage.queries()).toEqual(["", ...[0, 1, 2, 3].map((part) => `_HLS_msn=11&_HLS_part=${part}`)]);
  });

  it("serves who waits for less from what comes for others, and from no version that lacks it", async () => {
    const arrivals = new Map([11, 12].map((segment) => [segment, Promise.withResolvers<void>()]));
    const stage = shareStage(async ({ query }) => {
      const [segment = 10] = waitsFor(query) ?? [];
      await arrivals.get(segment)?.promise;
      return text(live(segment));
    });
    await stage.ask();
    const [less, more] = [stage.ask(least(11)), stage.ask(least(12))];
    await stage.pass(100);
    arrivals.get(12)?.resolve();
    expect(answered(await less).text).toBe(live(12));
    expect(answered(await more).text).toBe(live(12));
    // What comes last, and is older, does not take its place.
    arrivals.get(11)?.resolve();
    await stage.pass(0);
    expect(answered(await stage.ask()).text).toBe(live(12));
  });

  it("goes on for who waits for more than what has come", async () => {
    const arrival = Promise.withResolvers<void>();
    const stage = shareStage(async ({ query }) => {
      const [segment = 10] = waitsFor(query) ?? [];
      if (segment === 12) await arrival.promise;
      return text(live(segment));
    });
    await stage.ask();
    const more = stage.ask(least(12));
    await stage.ask(least(11));
    await stage.pass(100);
    expect(await Promise.race([more, "held"])).toBe("held");
    arrival.resolve();
    expect(answered(await more).text).toBe(live(12));
  });

  it("makes whole playlists fresh, and delta updates are texts of their own", async () => {
    const stage = shareStage(({ query }) =>
      text(`${live(waitsFor(query)?.[0] ?? (query === "" ? 10 : 11))}${query.includes("skip") ? "#delta" : ""}`),
    );
    await stage.ask();
    await stage.ask(least(11));
    expect(answered(await stage.ask()).text).toBe(live(11));
    expect(answered(await stage.ask({ skip: "YES" })).text).toContain("#delta");
    expect(answered(await stage.ask()).text).toBe(live(11));
    await stage.ask({ ...least(12), skip: "v2" }, { query: "v=1" });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_skip=YES", "v=1&_HLS_msn=12&_HLS_skip=v2"]);
  });

  it("may be held for as long as the standard allows beyond the origin's own time, and no longer", async () => {
    const stage = shareStage(({ query }) => (query === "" ? text(live(10)) : new Promise<never>(() => undefined)));
    await stage.ask();
    const waiting = stage.ask(least(11));
    await stage.pass(21_999);
    expect(await Promise.race([waiting, "held"])).toBe("held");
    await stage.pass(1);
    expect(await waiting).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
    expect(stage.asked[1]?.request.hold).toBe(12);
  });

  it("waits on where the origin's timer was a moment early, and asks once more", async () => {
    const stage = shareStage(async (_, at) => text(live(at < 500 ? 10 : 11)));
    await stage.ask();
    const waiting = Array.from({ length: 20 }, () => stage.ask(least(11)));
    await stage.pass(499);
    expect(await Promise.race([...waiting, "held"])).toBe("held");
    await stage.pass(1);
    for (const one of await Promise.all(waiting)) expect(answered(one)).toMatchObject({ text: live(11), shared: true });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_msn=11"]);
    expect(stage.timers.size).toBe(0);
  });

  it("that the origin answered without it is served by whatever else brings it", async () => {
    const stage = shareStage(async ({ query }) => {
      if (query === "_HLS_msn=12") await stage.wait(100);
      return text(live(query === "_HLS_msn=12" ? 12 : 10));
    });
    await stage.ask();
    const waiting = [stage.ask(least(12)), stage.ask(least(11))];
    await stage.pass(100);
    for (const one of await Promise.all(waiting)) expect(answered(one)).toMatchObject({ text: live(12), shared: true });
    await stage.pass(1000);
    expect(stage.queries()).toEqual(["", "_HLS_msn=12", "_HLS_msn=11"]);
    expect(stage.timers.size).toBe(0);
  });

  it("is held no longer where the origin first answers without it, and then not at all", async () => {
    const stage = shareStage(async (_, at) => {
      if (at > 0) await stage.wait(at < 10_000 ? 10_000 : 1_000_000);
      return text(live(10));
    });
    await stage.ask();
    await stage.pass(1);
    const waiting = stage.ask(least(11));
    await stage.pass(21_999);
    expect(await Promise.race([waiting, "held"])).toBe("held");
    await stage.pass(1);
    expect(await Promise.race([waiting, "held"])).not.toBe("held");
  });

  it("that the origin answers twice with less is not for all who ask the same, nor asked again at once", async () => {
    const stage = shareStage(() => text(live(10)));
    await stage.ask();
    const first = stage.ask(least(11));
    await stage.pass(500);
    expect(answered(await first)).toMatchObject({ text: live(10), shared: false });
    const again = stage.ask(least(11));
    await stage.pass(499);
    expect(await Promise.race([again, "held"])).toBe("held");
    await stage.pass(1);
    expect(answered(await again)).toMatchObject({ text: live(10), shared: false });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_msn=11"]);
  });

  it("gets no shared answer from a stream that has restarted meanwhile", async () => {
    const stage = shareStage((_, at) => text(live(at > 0 ? 1 : 10)));
    await stage.ask();
    await stage.pass(6000);
    expect(answered(await stage.ask(least(10)))).toMatchObject({ text: live(1), shared: false });
  });

  it("of made-up places is four questions at most, which keep nobody from the very next part", async () => {
    const stage = shareStage(({ query }) => (query === "" ? text(live(10)) : new Promise<never>(() => undefined)));
    await stage.ask();
    for (const part of [1, 2]) void stage.ask(least(11, part));
    for (const part of [0, 1, 2]) void stage.ask(least(12, part));
    await stage.pass(0);
    expect(stage.asked).toHaveLength(5);
    void stage.ask(least(11, 0));
    await stage.pass(0);
    expect(stage.queries().at(-1)).toBe("_HLS_msn=11&_HLS_part=0");
  });
});

describe("an origin that fails", () => {
  const state = { fails: refusal("origin_failed", "it failed"), down: false };
  const stageOf = (body = live(10)) => shareStage(async () => (state.down ? state.fails : text(body)));

  it.each([
    ["for 3 target durations of a live playlist", live(10), 12_000, true],
    ["and no longer", live(10), 12_001, false],
    ["and never for one that will not change", `${live(10)}#EXT-X-ENDLIST\n`, 11_000, false],
  ])("is covered up by the last version %s", async (_, body, age, covered) => {
    Object.assign(state, { down: false, fails: refusal("origin_failed", "it failed") });
    const stage = stageOf(body);
    await stage.ask();
    state.down = true;
    await stage.pass(age);
    const given = await stage.ask();
    expect(given.ok).toBe(covered);
    if (!given.ok) return;
    expect(given.value).toMatchObject({ text: body, shared: false, failure: { code: "origin_failed" } });
    // The next half second nobody asks it again.
    await stage.ask();
    expect(stage.asked).toHaveLength(2);
  });

  it("is not covered up where the playlist is gone", async () => {
    Object.assign(state, { down: false, fails: refusal("object_unknown", "gone") });
    const stage = stageOf();
    await stage.ask();
    state.down = true;
    await stage.pass(6000);
    expect(await stage.ask()).toMatchObject({ ok: false, refusal: { code: "object_unknown" } });
    state.fails = refusal("origin_failed", "it failed");
    expect(await stage.ask()).toMatchObject({ ok: false, refusal: { code: "origin_failed" } });
  });

  it("that is slow is waited for a second where there is something to give instead", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stage = shareStage(async (_, at) => {
      if (at > 0) await promise;
      return text(live(at > 0 ? 11 : 10));
    });
    await stage.ask();
    await stage.pass(6000);
    const waiting = stage.ask();
    await stage.pass(1000);
    expect(answered(await waiting)).toMatchObject({ text: live(10), failure: { code: "origin_slow" } });
    resolve();
    await stage.pass(500);
    expect(answered(await stage.ask()).text).toBe(live(11));
    expect(stage.asked).toHaveLength(2);
  });
});
