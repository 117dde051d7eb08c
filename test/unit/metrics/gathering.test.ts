import { describe, expect, it } from "vitest";
import { seconds, systemMillisecondClock, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { Gathering } from "../../../src/metrics/gathering.ts";
import { Reporter, withOwn } from "../../../src/metrics/reporter.ts";
import { memoryGathered } from "../../support/memory-stores.ts";
import { countOf, gatheredContract, refusalOf, reportOf, sessionOf } from "./gathered-contract.ts";

const start = unixSeconds(2_000_000_010);
gatheredContract(
  "memory",
  () => memoryGathered(() => start),
  () => start,
);

function stage() {
  const state: { now: UnixSeconds } = { now: start };
  const gathering = new Gathering(() => state.now, seconds(120));
  const later = (by: number) => {
    state.now = unixSeconds(state.now + by);
  };
  const running = () => gathering.sessions({ limit: 10 }).sessions.map(({ sessionId }) => sessionId);
  return { state, gathering, later, running };
}

describe("a reported session", () => {
  it("is dropped when it was silent for longer than a lease or its grant has expired", () => {
    const { gathering, later, running } = stage();
    const ends = { expiresAt: unixSeconds(start + 60) };
    gathering.report(reportOf({ alive: [sessionOf("a", start), sessionOf("b", start, ends)] }));
    later(59);
    expect(running()).toEqual(["a", "b"]);
    later(1);
    expect(running()).toEqual(["a"]);
    gathering.report(reportOf({ alive: [sessionOf("c", unixSeconds(start + 60))] }));
    later(60);
    expect(running()).toEqual(["c"]);
  });

  it("comes back if it is seen well after its end, because the revocation was lifted", () => {
    const { state, gathering, later, running } = stage();
    gathering.report(reportOf({ ended: ["a"] }));
    gathering.report(reportOf({ alive: [sessionOf("a", unixSeconds(start + 5))] }));
    expect(running()).toEqual([]);
    later(6);
    gathering.report(reportOf({ alive: [sessionOf("a", state.now)] }));
    expect(running()).toEqual(["a"]);
  });

  it("is dropped as the oldest when there are more than fifty thousand", () => {
    const { gathering } = stage();
    const alive = Array.from({ length: 50_001 }, (_, n) => sessionOf(String(n), start));
    gathering.report(reportOf({ alive }));
    expect(gathering.sessions({ session: "0", limit: 1 }).count).toBe(0);
    expect(gathering.sessions({ session: "50000", limit: 1 }).count).toBe(1);
    expect(gathering.sessions({ limit: 5_000 })).toMatchObject({ count: 50_000, sessions: { length: 1_000 } });
  });
});

describe("the gathering", () => {
  const values = (...series: readonly string[]) => {
    const { gathering } = stage();
    gathering.report(reportOf({ counts: series.map((one) => [one, 1] as const) }));
    return new Map(gathering.counts());
  };

  it("keeps at most a thousand series per metric and a hundred of unknown metrics, and counts the dropped ones", () => {
    const made = (count: number, name: string) => Array.from({ length: count }, (_, n) => `${name}="${n}"}`);
    const counted = values(
      ...made(1_500, 'stagedoor_refused_total{worker="edge",code'),
      ...made(150, "stagedoor_x{code"),
      ...made(5, "stagedoor_limited_total{policy"),
    );
    expect(counted.get("stagedoor_series_dropped_total")).toBe(550);
    expect(counted.get('stagedoor_limited_total{policy="4"}')).toBe(1);
    // And three of its own: the reports, the dropped series and the sessions.
    expect(counted.size).toBe(1_000 + 100 + 5 + 3);
  });

  it.each([
    ...["stagedoor_sessions", 'stagedoor_build_info{version="1"}', 'stagedoor_key_ends_seconds{purpose="a",kid="b"}'],
    ...['stagedoor_reports_total{worker="edge"}', "stagedoor_reports_unread_total", "stagedoor_series_dropped_total"],
    ...[
      "stagedoor_snapshot_age_seconds",
      "stagedoor_snapshot_age_seconds_bucket",
      'stagedoor_snapshot_age_seconds_sum{le="1"}',
    ],
    ...['stagedoor_snapshot_age_seconds_bucket{le="much"}', "stagedoor_started_total_count", "up", "constructor"],
  ])("accepts no count of %s, which no worker reports or no scraper could read", (series) => {
    const counted = values(series, "stagedoor_started_total");
    expect(counted.get(series) ?? 0).toBe(
      series === "stagedoor_series_dropped_total" || series.includes("reports_total") ? 1 : 0,
    );
    expect(counted.get("stagedoor_series_dropped_total")).toBe(1);
    expect(counted.get("stagedoor_started_total")).toBe(1);
  });

  it("accepts a metric with unknown labels as one of another version", () => {
    expect(values('stagedoor_started_total{asset="a"}').get('stagedoor_started_total{asset="a"}')).toBe(1);
  });

  it("keeps the last five hundred refusals by their time", () => {
    const { gathering } = stage();
    const refusals = Array.from({ length: 600 }, (_, n) => refusalOf(String(n), unixSeconds(start + n)));
    gathering.report(reportOf({ refusals: refusals.toReversed() }));
    const { recent } = gathering.refusals();
    expect([recent.length, recent[0]?.request, recent.at(-1)?.request]).toEqual([500, "599", "100"]);
  });

  it("keeps a viewer's refusals next to many of unknown viewers with the same code", () => {
    const { gathering } = stage();
    gathering.report(reportOf({ refusals: [{ ...refusalOf("alice's", start), subject: "alice" }] }));
    const flood = Array.from({ length: 900 }, (_, n) => refusalOf(String(n), unixSeconds(start + n)));
    gathering.report(reportOf({ refusals: flood }));
    const { recent } = gathering.refusals();
    expect([recent.length, recent.at(-1)?.request]).toEqual([500, "alice's"]);
  });

  it("keeps some refusals of each code, however many there are of another", () => {
    const { gathering } = stage();
    const rare = { ...refusalOf("rare", start), code: "internal_error" as const };
    gathering.report(reportOf({ refusals: [rare] }));
    for (let n = 0; n < 60; n++)
      gathering.report(
        reportOf({ refusals: Array.from({ length: 20 }, () => refusalOf(String(n), unixSeconds(start + n))) }),
      );
    const { recent } = gathering.refusals();
    expect([recent.length, recent[0]?.request, recent.at(-1)?.request]).toEqual([500, "59", "rare"]);
  });

  it("keeps the counts of refusals for sixty minutes", () => {
    const { gathering, later } = stage();
    const counts = [['stagedoor_refused_total{worker="edge",code="key_unknown"}', 1]] as const;
    const inMinutes = () => gathering.refusals().minutes.map(({ counts: of }) => of.key_unknown ?? 0);
    gathering.report(reportOf({ counts }));
    expect(inMinutes()).toEqual([...Array.from({ length: 59 }, () => 0), 1]);
    later(59 * 60);
    gathering.report(reportOf({ counts }));
    expect(inMinutes()).toEqual([1, ...Array.from({ length: 58 }, () => 0), 1]);
    later(60);
    expect(inMinutes()).toEqual([...Array.from({ length: 58 }, () => 0), 1, 0]);
  });
});

it("a restored gathering continues with everything that the one before had", () => {
  const { gathering } = stage();
  const counts = [['stagedoor_refused_total{worker="edge",code="key_unknown"}', 3]] as const;
  const from = { isolate: "one", sequence: 1 };
  const ended = ["b"];
  gathering.report(
    reportOf({ from, counts, alive: [sessionOf("a", start)], refusals: [refusalOf("1", start)], ended }),
  );
  const restored = stage().gathering;
  restored.restore(gathering.kept());
  expect(restored.ofViewer(["HASH"])).toEqual(gathering.ofViewer(["HASH"]));
  restored.report(reportOf({ counts, alive: [sessionOf("b", start)] }));
  restored.report(reportOf({ from, counts }));
  expect(restored.counts()).toContainEqual(['stagedoor_refused_total{worker="edge",code="key_unknown"}', 6]);
  expect(restored.refusals()).toMatchObject({
    minutes: { 59: { counts: { key_unknown: 6 } } },
    recent: [refusalOf("1", start)],
  });
  expect(restored.sessions({ limit: 1 }).count).toBe(1);
});

it("withOwn adds the counts of the caller's isolate", async () => {
  const gathered = memoryGathered(() => start);
  const parts = { worker: "api", clock: systemMillisecondClock, timer: () => () => undefined, every: seconds(10) };
  const reporter = new Reporter({ ...parts, gathered, isolate: "one" });
  reporter.telemetry({ event: "reused" });
  expect(await countOf(withOwn(gathered, reporter), "stagedoor_reused_total")).toBe(1);
});
