import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { bucketLength, DayHistory, historySchema, type StateSeen } from "../../../src/metrics/day-history.ts";
import { Gathering } from "../../../src/metrics/gathering.ts";
import { reportSchema } from "../../../src/metrics/report-schemas.ts";
import { daysOf, worseThan } from "../../../src/operator/history.ts";
import { reportOf } from "./gathered-contract.ts";

const now = unixSeconds(2_000_000_400);
const ago = (length: number) => unixSeconds(now - length);
const day = 86_400;
const started = "stagedoor_started_total";
const refused = 'stagedoor_unserved_total{what="start",cause="provider",code="token_invalid"}';
const api = (version: string): StateSeen => ["version", `api ${version}`];
const key = (kid: string, state: string): StateSeen => ["key", `session ${kid} ${state}`];

describe("the history of two days", () => {
  it("has the sums per ten minutes, and those of the same time of yesterday", () => {
    const history = new DayHistory();
    for (const [series, more, at] of [
      [started, 3, now],
      [started, 2, ago(day)],
      [refused, 1, ago(day)],
      ['stagedoor_origin_seconds_count{outcome="answered"}', 4, now],
      ['stagedoor_origin_seconds_sum{outcome="answered"}', 2, now],
      ['stagedoor_origin_seconds_count{outcome="slow"}', 1, now],
      ["stagedoor_live_delay_seconds_count", 2, now],
      ["stagedoor_live_delay_seconds_sum", 12, now],
      ['stagedoor_cache_total{outcome="hit"}', 9, now],
      ['stagedoor_served_total{what="segment",outcome="renewed"}', 9, now],
    ] as const)
      history.add(series, more, at);
    const { today, yesterday } = daysOf(history.history(now), now);
    expect([today.length, yesterday.length]).toEqual([144, 144]);
    expect(today.at(-1)).toMatchObject({ starts: 3, startsAccepted: 3, media: 0, cacheHits: 9, cacheLookups: 9 });
    expect(today.at(-1)).toMatchObject({ originRequests: 5, originFailed: 1, originSeconds: 0.5, liveSeconds: 6 });
    expect(yesterday.at(-1)).toMatchObject({ starts: 3, startsAccepted: 2 });
  });

  it("forgets what is older than two days, so that it never has more than 288 buckets", () => {
    const history = new DayHistory();
    for (let at = now - 3 * day; at <= now; at += bucketLength) history.add(started, 1, unixSeconds(at));
    const { buckets } = history.history(now);
    expect(buckets).toHaveLength(288);
    expect(buckets[0]?.at).toBeGreaterThan(now - 2 * day);
  });

  it("marks a release and a key's step once, while isolates of both releases report", () => {
    const history = new DayHistory();
    history.see([api("1.0.0"), key("a", "active"), key("b", "next")], ago(900));
    for (let at = 800; at > 0; at -= 10)
      history.see([api(at % 20 === 0 ? "1.0.0" : "1.1.0"), key("a", "retiring"), key("b", "active")], ago(at));
    expect(history.history(now).marks).toEqual([
      { at: ago(800), kind: "key", state: "session a retiring" },
      { at: ago(800), kind: "key", state: "session b active" },
      { at: ago(790), kind: "version", state: "api 1.1.0" },
    ]);
  });

  it("marks an earlier release again, when nobody reported it for an hour", () => {
    const history = new DayHistory();
    history.see([api("1.0.0")], ago(9_000));
    for (let at = 8_000; at > 100; at -= 100) history.see([api("1.1.0")], ago(at));
    history.see([api("1.0.0")], ago(50));
    expect(history.history(now).marks.map(({ state }) => state)).toEqual(["api 1.1.0", "api 1.0.0"]);
  });

  it("survives a restart, and passes between two versions", () => {
    const gathering = new Gathering(() => now, seconds(120));
    gathering.report(reportOf({ counts: [[started, 2]], states: [api("1.0.0")] }), ago(day));
    gathering.report(reportOf({ counts: [[started, 1]], states: [api("1.1.0")] }), now);
    const restored = new Gathering(() => now, seconds(120));
    restored.restore(gathering.kept());
    expect(restored.history()).toEqual(gathering.history());
    expect(historySchema.parse(restored.history())).toEqual(gathering.history());
    restored.report(reportOf({ states: [api("1.1.0")] }), now);
    expect(restored.history().marks).toHaveLength(1);
  });

  it("reads reports of an earlier release, and ignores states that it does not know", () => {
    expect(reportSchema.parse(reportOf()).states).toBeUndefined();
    const states = [api("1.0.0"), ["weather", "sunny"], ["key", "a\nb"], 7];
    expect(reportSchema.parse({ ...reportOf(), states }).states).toEqual([api("1.0.0")]);
  });
});

describe("the comparison with yesterday", () => {
  const figures = (changes: object = {}) => {
    const [one] = daysOf({ buckets: [], marks: [] }, now).today;
    if (one === undefined) throw new Error("no bucket");
    return { ...one, ...changes };
  };

  it.each([
    [
      { starts: 100, startsAccepted: 94 },
      { starts: 1_000, startsAccepted: 990 },
      "Accepted starts: 94%, and 99% a day before",
    ],
    [{ starts: 100, startsAccepted: 95 }, { starts: 1_000, startsAccepted: 990 }, undefined],
    [{ starts: 49, startsAccepted: 0 }, { starts: 1_000, startsAccepted: 990 }, undefined],
    [{ starts: 1_000, startsAccepted: 10 }, { starts: 0, startsAccepted: 0 }, undefined],
    [
      { media: 100, mediaAccepted: 50 },
      { media: 100, mediaAccepted: 99 },
      "Served media requests: 50%, and 99% a day before",
    ],
    [
      { originRequests: 100, originFailed: 9 },
      { originRequests: 100, originFailed: 1 },
      "Failed requests to the origin: 9%, and 1% a day before",
    ],
    [
      { originRequests: 100, originSeconds: 0.4 },
      { originRequests: 100, originSeconds: 0.1 },
      "Time of the origin: 0.400 s, and 0.100 s a day before",
    ],
    [
      { liveVersions: 100, liveSeconds: 24 },
      { liveVersions: 100, liveSeconds: 8 },
      "Delay of live playlists: 24.0 s, and 8.0 s a day before",
    ],
    [{ liveVersions: 100, liveSeconds: 4 }, { liveVersions: 100, liveSeconds: 1 }, undefined],
    [{ originRequests: 100, originSeconds: 0.09 }, { originRequests: 100, originSeconds: 0.01 }, undefined],
    [
      { cacheLookups: 100, cacheHits: 70 },
      { cacheLookups: 100, cacheHits: 90 },
      "Cache hits: 70%, and 90% a day before",
    ],
    [{ cacheLookups: 100, cacheHits: 95 }, { cacheLookups: 100, cacheHits: 60 }, undefined],
  ])("of %o with %o is %s", (today, before, words) => {
    expect(worseThan(figures(today), figures(before))).toEqual(words === undefined ? [] : [words]);
  });
});
