import { describe, expect, it } from "vitest";
import { version } from "../../../src/base/constants.ts";
import { milliseconds, seconds, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import type { Gathered, LiveSession, Report } from "../../../src/metrics/gathered.ts";
import { Reporter } from "../../../src/metrics/reporter.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";

const start = 2_000_000_000;
const served: TelemetryEvent = { event: "served", what: "segment", outcome: "served" };
const series = 'stagedoor_served_total{what="segment",outcome="served"}';

/** An isolate whose clock and timers the test controls, with a store that is up, down or silent. */
function isolate() {
  const state: { now: number; store: "up" | "down" | "silent" } = { now: start * 1000, store: "up" };
  const timers: { readonly at: number; readonly ring: () => void }[] = [];
  const reports: Report[] = [];
  const background: Promise<unknown>[] = [];
  const notCalled = () => Promise.reject(new Error("not called"));
  const gathered: Gathered = {
    report: async (report) => {
      if (state.store === "down") throw new Error("down");
      reports.push(report);
      if (state.store === "silent") await new Promise(() => undefined);
    },
    counts: notCalled,
    sessions: notCalled,
    refusals: notCalled,
    groups: notCalled,
    ofViewer: notCalled,
    history: notCalled,
    events: notCalled,
    actions: notCalled,
  };
  const reporter = new Reporter({
    worker: "edge",
    gathered,
    clock: () => unixMilliseconds(state.now),
    timer: (length, ring) => {
      const timer = { at: state.now + 1000 * length, ring };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
    every: seconds(10),
    isolate: "one",
  });
  const later = async (by: number) => {
    state.now += 1000 * by;
    for (const timer of timers.filter(({ at }) => at <= state.now)) {
      timers.splice(timers.indexOf(timer), 1);
      timer.ring();
    }
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  const request = (...events: readonly TelemetryEvent[]) => {
    reporter.linger((work) => background.push(work));
    for (const event of events) reporter.telemetry(event);
  };
  const sum = () =>
    reports.flatMap(({ counts }) => counts).reduce((all, [name, more]) => all + (name === series ? more : 0), 0);
  /** Cancels everything that waits in a request. */
  const cutOff = () => void timers.splice(0);
  return { state, reporter, reports, background, request, later, cutOff, sum };
}

describe("an isolate", () => {
  it("reports the counts of ten seconds in one report, without a further request", async () => {
    const { request, later, reports, background } = isolate();
    request(served, served);
    await later(5);
    request(served);
    await later(4);
    expect([reports.length, background.length]).toEqual([0, 1]);
    await later(1);
    expect(reports).toEqual([
      {
        worker: "edge",
        from: { isolate: "one", sequence: 1 },
        counts: [[series, 3]],
        refusals: [],
        alive: [],
        ended: [],
        states: [["version", `edge ${version}`]],
      },
    ]);
    await later(60);
    expect(reports).toHaveLength(1);
  });

  it("says its release with each report, and what it is told to say", async () => {
    const { request, later, reporter, reports } = isolate();
    reporter.says(() => [["key", "session a active"]]);
    request(served);
    await later(10);
    expect(reports[0]?.states).toEqual([
      ["version", `edge ${version}`],
      ["key", "session a active"],
    ]);
  });

  it("counts nothing twice, and reports nothing if nothing happened", async () => {
    const { request, later, reports, sum } = isolate();
    request(served);
    await later(10);
    request();
    await later(10);
    request(served);
    await later(10);
    expect([reports.length, sum()]).toEqual([2, 2]);
  });

  it("keeps a report that did not arrive and sends it again unchanged, before later counts", async () => {
    const { state, request, later, reports } = isolate();
    state.store = "down";
    request(served);
    await later(10);
    request(served, served);
    state.store = "up";
    await later(10);
    expect(reports.map(({ from, counts }) => [from?.sequence, counts])).toEqual([
      [1, [[series, 1]]],
      [2, [[series, 2]]],
    ]);
  });

  it("sends a report again under the same number if it may have arrived", async () => {
    const { state, request, later, reports } = isolate();
    state.store = "silent";
    request(served);
    await later(10);
    await later(5);
    state.store = "up";
    request(served);
    await later(10);
    expect(reports.map(({ from }) => from?.sequence)).toEqual([1, 1, 2]);
  });

  it("reports in another request if the one that waited was cancelled", async () => {
    const { cutOff, request, later, sum } = isolate();
    request(served);
    cutOff();
    await later(19);
    request(served);
    await later(10);
    expect(sum()).toBe(0);
    request(served);
    await later(10);
    expect(sum()).toBe(3);
  });

  it("reports every ten seconds in a Durable Object, without waiting", async () => {
    const { reporter, later, reports, sum } = isolate();
    const handleRequest = () => {
      reporter.telemetry(served);
      reporter.reportIfDue(() => undefined);
    };
    handleRequest();
    handleRequest();
    await later(9);
    handleRequest();
    expect(sum()).toBe(1);
    await later(1);
    handleRequest();
    await later(0);
    expect([reports.length, sum()]).toEqual([2, 4]);
  });
});

describe("a report", () => {
  const alive = (sessionId: string, seenAt: number): TelemetryEvent => ({
    event: "alive",
    ...session(sessionId, seenAt),
  });
  const session = (sessionId: string, seenAt: number): LiveSession => ({
    ...{ sessionId, assetId: "film", subject: "HASH", country: "DE" },
    ...{ startedAt: unixSeconds(start), seenAt: unixSeconds(seenAt), expiresAt: unixSeconds(start + 3600) },
  });

  it("names a session once, as last seen, also if it has ended: its start is an event", async () => {
    const { request, later, reports } = isolate();
    request(alive("a", start), alive("b", start), alive("a", start + 1), {
      event: "ended",
      why: "revoked",
      sessionId: "b",
    });
    await later(10);
    expect(reports[0]).toMatchObject({ alive: [session("a", start + 1), session("b", start)], ended: ["b"] });
  });

  it("has the last refusals of each code, however many there are of another", async () => {
    const { request, later, reports } = isolate();
    const refused = { event: "refused", worker: "edge", cause: "ours", reason: "no such key" } as const;
    request({ ...refused, code: "internal_error", request: "rare" });
    for (let n = 0; n < 200; n++) request({ ...refused, code: "key_unknown", request: String(n) });
    await later(10);
    const ids = reports[0]?.refusals.map(({ request: id }) => id);
    expect([ids?.length, ids?.[0], ids?.at(-1)]).toEqual([20, "rare", "199"]);
  });

  it("counts every refusal and has the last twenty", async () => {
    const { request, later, reports } = isolate();
    const refused = (n: number): TelemetryEvent => ({
      ...{ event: "refused", worker: "edge", code: "key_unknown", cause: "ours", reason: "no such key" },
      request: String(n),
    });
    request(...Array.from({ length: 100 }, (_, n) => refused(n)));
    await later(10);
    expect(reports[0]?.counts).toEqual([['stagedoor_refused_total{worker="edge",code="key_unknown"}', 100]]);
    expect(reports[0]?.refusals.map(({ request: id }) => id)).toEqual(
      Array.from({ length: 20 }, (_, n) => String(n + 80)),
    );
    expect(reports[0]?.refusals[0]?.at).toBe(start);
  });

  it("keeps only the beginning of a long reason", async () => {
    const { request, later, reports } = isolate();
    const refused = { event: "refused", worker: "edge", code: "playlist_invalid", cause: "origin" } as const;
    request({ ...refused, request: "1", reason: "x".repeat(5_000) });
    await later(10);
    expect(reports[0]?.refusals[0]?.reason).toBe("x".repeat(500));
  });

  it("has every bucket of a histogram, each with all values up to its bound", async () => {
    const { request, later, reports } = isolate();
    for (const age of [0, 500, 501, 4_000, 3_600_000]) request({ event: "snapshot", age: milliseconds(age) });
    await later(10);
    const bucket = (le: string, count: number) => [`stagedoor_snapshot_age_seconds_bucket{le="${le}"}`, count];
    expect(reports[0]?.counts).toEqual([
      ...[bucket("0.5", 2), bucket("1", 3), bucket("2", 3), bucket("5", 4), bucket("15", 4), bucket("60", 4)],
      ...[bucket("300", 4), bucket("+Inf", 5)],
      ["stagedoor_snapshot_age_seconds_sum", 3605.001],
      ["stagedoor_snapshot_age_seconds_count", 5],
    ]);
    request({ event: "snapshot", age: milliseconds(100) });
    await later(10);
    expect(reports[1]?.counts).toContainEqual(bucket("+Inf", 1));
  });
});
