import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import type { Position } from "../../../src/playlist/delivery-directives.ts";
import { live, shareStage, text, unwrap } from "./share-stage.ts";

const least = (segment: number, part?: number): { readonly least: Position } => ({
  least: part === undefined ? { segment } : { segment, part },
});

/** The position that a request to the origin waits for, from its query. */
const waitsFor = (query: string) => /_HLS_msn=(\d+)(?:&_HLS_part=(\d+))?/.exec(query)?.slice(1, 3).map(Number);

describe("requests to the origin", () => {
  it("are one while it is in progress, however many viewers ask", async () => {
    const stage = shareStage(async () => {
      await stage.wait(300);
      return text(live(10), '"1"');
    });
    const all = Promise.all(Array.from({ length: 200 }, () => stage.load()));
    await stage.pass(300);
    expect(new Set((await all).map((one) => unwrap(one).text))).toEqual(new Set([live(10)]));
    expect(stage.requests).toHaveLength(1);
    await stage.load();
    expect(stage.requests).toHaveLength(1);
  });

  it("name the known version, except if they wait for a position", async () => {
    const stage = shareStage(async ({ ifNoneMatch }) =>
      ifNoneMatch === '"1"' ? ok(new Response(null, { status: 304 })) : text(live(10), '"1"'),
    );
    await stage.load();
    await stage.pass(10_000);
    await stage.load();
    expect(unwrap(await stage.load()).text).toBe(live(10));
    void stage.load(least(11));
    await stage.pass(0);
    expect(stage.requests.map(({ request }) => request.ifNoneMatch)).toEqual([undefined, '"1"', undefined]);
  });

  it("that fail are refused for all, and the next one asks again", async () => {
    const stage = shareStage(async () => refusal("origin_failed", "it failed"));
    const both = await Promise.all([stage.load(), stage.load()]);
    expect(both.map(({ ok }) => ok)).toEqual([false, false]);
    expect(stage.requests).toHaveLength(1);
    await stage.load();
    expect(stage.requests).toHaveLength(2);
  });

  it("are answered with the version that overtook them", async () => {
    const stage = shareStage(async ({ query }, at) => {
      // The whole playlist is slow; the awaited version comes at once.
      if (query === "" && at > 0) await stage.wait(500);
      return query === "" ? text(live(10)) : text(live(12));
    });
    await stage.load();
    await stage.pass(6000);
    const slow = stage.load();
    await stage.pass(100);
    await stage.load(least(12));
    await stage.pass(500);
    expect(unwrap(await slow)).toMatchObject({ text: live(12), shared: true });
    expect(unwrap(await stage.load()).text).toBe(live(12));
  });
});

describe("a blocking reload", () => {
  /** An origin that has a part each second from segment 11 on, and holds its responses until then. */
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

  it("is held until the origin has the part, and shared by all viewers who wait for it", async () => {
    const stage = lowLatency();
    await stage.load();
    const waiting = Array.from({ length: 50 }, () => stage.load(least(11, 0)));
    await stage.pass(999);
    expect(await Promise.race([waiting[0], "held"])).toBe("held");
    await stage.pass(1);
    for (const one of await Promise.all(waiting)) {
      expect(unwrap(one).text).toContain("11.0.m4s");
      expect(unwrap(one).shared).toBe(true);
    }
    expect(stage.queries()).toEqual(["", "_HLS_msn=11&_HLS_part=0"]);
    expect(stage.timers.size).toBe(0);
  });

  it("is one request per part for many viewers, even if some come late", async () => {
    const stage = lowLatency();
    await stage.load();
    for (let part = 0; part < 4; part++) {
      const early = stage.load(least(11, part));
      await stage.pass(1000);
      await early;
      await stage.load(least(11, part));
    }
    expect(stage.queries()).toEqual(["", ...[0, 1, 2, 3].map((part) => `_HLS_msn=11&_HLS_part=${part}`)]);
  });

  it("is served from any later version, and from no version that lacks its segment", async () => {
    const arrivals = new Map([11, 12].map((segment) => [segment, Promise.withResolvers<void>()]));
    const stage = shareStage(async ({ query }) => {
      const [segment = 10] = waitsFor(query) ?? [];
      await arrivals.get(segment)?.promise;
      return text(live(segment));
    });
    await stage.load();
    const [less, more] = [stage.load(least(11)), stage.load(least(12))];
    await stage.pass(100);
    arrivals.get(12)?.resolve();
    expect(unwrap(await less).text).toBe(live(12));
    expect(unwrap(await more).text).toBe(live(12));
    // An older version that arrives last does not replace it.
    arrivals.get(11)?.resolve();
    await stage.pass(0);
    expect(unwrap(await stage.load()).text).toBe(live(12));
  });

  it("goes on if the version that has arrived lacks its segment", async () => {
    const arrival = Promise.withResolvers<void>();
    const stage = shareStage(async ({ query }) => {
      const [segment = 10] = waitsFor(query) ?? [];
      if (segment === 12) await arrival.promise;
      return text(live(segment));
    });
    await stage.load();
    const more = stage.load(least(12));
    await stage.load(least(11));
    await stage.pass(100);
    expect(await Promise.race([more, "held"])).toBe("held");
    arrival.resolve();
    expect(unwrap(await more).text).toBe(live(12));
  });

  it("refreshes the whole playlist, while delta updates are texts of their own", async () => {
    const stage = shareStage(({ query }) =>
      text(`${live(waitsFor(query)?.[0] ?? (query === "" ? 10 : 11))}${query.includes("skip") ? "#delta" : ""}`),
    );
    await stage.load();
    await stage.load(least(11));
    expect(unwrap(await stage.load()).text).toBe(live(11));
    expect(unwrap(await stage.load({ skip: "YES" })).text).toContain("#delta");
    expect(unwrap(await stage.load()).text).toBe(live(11));
    await stage.load({ ...least(12), skip: "v2" }, { query: "v=1" });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_skip=YES", "v=1&_HLS_msn=12&_HLS_skip=v2"]);
  });

  it("is held as long as the standard allows beyond the origin's own time, and no longer", async () => {
    const stage = shareStage(({ query }) => (query === "" ? text(live(10)) : new Promise<never>(() => undefined)));
    await stage.load();
    const waiting = stage.load(least(11));
    await stage.pass(21_999);
    expect(await Promise.race([waiting, "held"])).toBe("held");
    await stage.pass(1);
    expect(await waiting).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
    expect(stage.requests[1]?.request.hold).toBe(12);
  });

  it("keeps waiting if the origin responds a moment early, and asks once more", async () => {
    const stage = shareStage(async (_, at) => text(live(at < 500 ? 10 : 11)));
    await stage.load();
    const waiting = Array.from({ length: 20 }, () => stage.load(least(11)));
    await stage.pass(499);
    expect(await Promise.race([...waiting, "held"])).toBe("held");
    await stage.pass(1);
    for (const one of await Promise.all(waiting)) expect(unwrap(one)).toMatchObject({ text: live(11), shared: true });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_msn=11"]);
    expect(stage.timers.size).toBe(0);
  });

  it("that the origin answered without the segment is served by another response that has it", async () => {
    const stage = shareStage(async ({ query }) => {
      if (query === "_HLS_msn=12") await stage.wait(100);
      return text(live(query === "_HLS_msn=12" ? 12 : 10));
    });
    await stage.load();
    const waiting = [stage.load(least(12)), stage.load(least(11))];
    await stage.pass(100);
    for (const one of await Promise.all(waiting)) expect(unwrap(one)).toMatchObject({ text: live(12), shared: true });
    await stage.pass(1000);
    expect(stage.queries()).toEqual(["", "_HLS_msn=12", "_HLS_msn=11"]);
    expect(stage.timers.size).toBe(0);
  });

  it("is not held longer if the origin responds without the segment first", async () => {
    const stage = shareStage(async (_, at) => {
      if (at > 0) await stage.wait(at < 10_000 ? 10_000 : 1_000_000);
      return text(live(10));
    });
    await stage.load();
    await stage.pass(1);
    const waiting = stage.load(least(11));
    await stage.pass(21_999);
    expect(await Promise.race([waiting, "held"])).toBe("held");
    await stage.pass(1);
    expect(await Promise.race([waiting, "held"])).not.toBe("held");
  });

  it("that the origin answers twice with less is not shared, nor repeated at once", async () => {
    const stage = shareStage(() => text(live(10)));
    await stage.load();
    const first = stage.load(least(11));
    await stage.pass(500);
    expect(unwrap(await first)).toMatchObject({ text: live(10), shared: false });
    const again = stage.load(least(11));
    await stage.pass(499);
    expect(await Promise.race([again, "held"])).toBe("held");
    await stage.pass(1);
    expect(unwrap(await again)).toMatchObject({ text: live(10), shared: false });
    expect(stage.queries()).toEqual(["", "_HLS_msn=11", "_HLS_msn=11"]);
  });

  it("gets no shared answer from a stream that has restarted", async () => {
    const stage = shareStage((_, at) => text(live(at > 0 ? 1 : 10)));
    await stage.load();
    await stage.pass(6000);
    expect(unwrap(await stage.load(least(10)))).toMatchObject({ text: live(1), shared: false });
  });

  it("for made-up positions is at most four requests, which do not block the next part", async () => {
    const stage = shareStage(({ query }) => (query === "" ? text(live(10)) : new Promise<never>(() => undefined)));
    await stage.load();
    for (const part of [1, 2]) void stage.load(least(11, part));
    for (const part of [0, 1, 2]) void stage.load(least(12, part));
    await stage.pass(0);
    expect(stage.requests).toHaveLength(5);
    void stage.load(least(11, 0));
    await stage.pass(0);
    expect(stage.queries().at(-1)).toBe("_HLS_msn=11&_HLS_part=0");
  });
});

describe("an origin that fails", () => {
  const state = { fails: refusal("origin_failed", "it failed"), down: false };
  const stageOf = (body = live(10)) => shareStage(async () => (state.down ? state.fails : text(body)));

  it.each([
    ["for 3 target durations of a live playlist", live(10), 12_000, true],
    ["for no longer", live(10), 12_001, false],
    ["but not if the playlist will not change", `${live(10)}#EXT-X-ENDLIST\n`, 11_000, false],
  ])("is replaced by the last version %s", async (_, body, age, replaced) => {
    Object.assign(state, { down: false, fails: refusal("origin_failed", "it failed") });
    const stage = stageOf(body);
    await stage.load();
    state.down = true;
    await stage.pass(age);
    const result = await stage.load();
    expect(result.ok).toBe(replaced);
    if (!result.ok) return;
    expect(result.value).toMatchObject({ text: body, shared: false, failure: { code: "origin_failed" } });
    // It is not asked again within half a second.
    await stage.load();
    expect(stage.requests).toHaveLength(2);
  });

  it("is not hidden if the playlist is gone", async () => {
    Object.assign(state, { down: false, fails: refusal("object_unknown", "gone") });
    const stage = stageOf();
    await stage.load();
    state.down = true;
    await stage.pass(6000);
    expect(await stage.load()).toMatchObject({ ok: false, refusal: { code: "object_unknown" } });
    state.fails = refusal("origin_failed", "it failed");
    expect(await stage.load()).toMatchObject({ ok: false, refusal: { code: "origin_failed" } });
  });

  it("that is slow is awaited for one second if there is a version to fall back on", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stage = shareStage(async (_, at) => {
      if (at > 0) await promise;
      return text(live(at > 0 ? 11 : 10));
    });
    await stage.load();
    await stage.pass(6000);
    const waiting = stage.load();
    await stage.pass(1000);
    expect(unwrap(await waiting)).toMatchObject({ text: live(10), failure: { code: "origin_slow" } });
    resolve();
    await stage.pass(500);
    expect(unwrap(await stage.load()).text).toBe(live(11));
    expect(stage.requests).toHaveLength(2);
  });
});
