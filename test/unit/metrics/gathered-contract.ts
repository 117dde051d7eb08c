import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import type { Gathered, LiveSession, RecentRefusal, Report } from "../../../src/metrics/gathered.ts";

const started = "stagedoor_started_total";
const refused = (code: string) => `stagedoor_refused_total{worker="edge",code="${code}"}`;

export function reportOf(changes: Partial<Report> = {}): Report {
  return { worker: "edge", counts: [], refusals: [], alive: [], ended: [], ...changes };
}

export function sessionOf(sessionId: string, seenAt: UnixSeconds, changes: Partial<LiveSession> = {}): LiveSession {
  return {
    ...{ sessionId, assetId: "film", subject: "HASH", country: "DE", seenAt },
    ...{ startedAt: seenAt, expiresAt: unixSeconds(seenAt + 3600), ...changes },
  };
}

export function refusalOf(request: string, at: UnixSeconds): RecentRefusal {
  return { at, worker: "edge", code: "key_unknown", reason: "no such key", request };
}

export async function countOf(gathered: Gathered, series: string): Promise<number | undefined> {
  return new Map(await gathered.counts()).get(series);
}

/** The port's contract, for every implementation. `fresh` opens an empty one; `now` is its clock. */
export function gatheredContract(name: string, fresh: () => Gathered, now: () => UnixSeconds): void {
  describe(`the store of counts and sessions (${name})`, () => {
    it("adds up the reports of all isolates, and counts the reports per worker", async () => {
      const gathered = fresh();
      await gathered.report(reportOf({ counts: [[started, 2]] }));
      await gathered.report(
        reportOf({
          counts: [
            [started, 3],
            [refused("key_unknown"), 1],
          ],
          worker: "api",
        }),
      );
      expect(await gathered.counts()).toEqual([
        [refused("key_unknown"), 1],
        ['stagedoor_reports_total{worker="api"}', 1],
        ['stagedoor_reports_total{worker="edge"}', 1],
        ["stagedoor_sessions", 0],
        [started, 5],
      ]);
    });

    it("has the history of two days, with a mark for a new release", async () => {
      const gathered = fresh();
      await gathered.report(reportOf({ counts: [[started, 2]], states: [["version", "edge 1.0.0"]] }));
      await gathered.report(reportOf({ counts: [[started, 3]], states: [["version", "edge 1.1.0"]] }));
      const { buckets, marks } = await gathered.history();
      expect(buckets.map(({ sums }) => sums)).toEqual([{ start_accepted: 5 }]);
      expect(marks).toEqual([{ at: now(), kind: "version", state: "edge 1.1.0" }]);
    });

    it("counts a repeated report once, per isolate", async () => {
      const gathered = fresh();
      const report = (isolate: string, sequence: number) =>
        gathered.report(reportOf({ from: { isolate, sequence }, counts: [[started, 1]] }));
      for (const [isolate, sequence] of [
        ["a", 1],
        ["a", 1],
        ["a", 2],
        ["b", 1],
        ["a", 2],
        ["b", 1],
      ] as const)
        await report(isolate, sequence);
      expect(await countOf(gathered, started)).toBe(3);
    });

    it("has the last value of a gauge that is reported, whichever isolate reported it, and accepts no other gauge", async () => {
      const gathered = fresh();
      const bytes = 'stagedoor_cloudfront_store_bytes{store="a"}';
      await gathered.report(reportOf({ counts: [[bytes, 500]] }));
      await gathered.report(
        reportOf({
          counts: [
            [bytes, 200],
            ['stagedoor_revocations{kind="key"}', 3],
          ],
          worker: "api",
        }),
      );
      expect(await countOf(gathered, bytes)).toBe(200);
      expect(await countOf(gathered, 'stagedoor_revocations{kind="key"}')).toBeUndefined();
    });

    it("keeps a histogram's empty buckets", async () => {
      const gathered = fresh();
      await gathered.report(reportOf({ counts: [['stagedoor_x_bucket{le="1"}', 0]] }));
      expect(await countOf(gathered, 'stagedoor_x_bucket{le="1"}')).toBe(0);
    });

    it("lists the live sessions up to a limit, last seen first", async () => {
      const gathered = fresh();
      const [a, b, c] = [
        sessionOf("a", now()),
        sessionOf("b", unixSeconds(now() - 10), { assetId: "sea" }),
        sessionOf("c", unixSeconds(now() - 5)),
      ] as const;
      await gathered.report(reportOf({ alive: [a, b] }));
      await gathered.report(reportOf({ alive: [c] }));
      expect(await gathered.sessions({ limit: 10 })).toEqual({ count: 3, sessions: [a, c, b] });
      expect(await gathered.sessions({ limit: 1 })).toEqual({ count: 3, sessions: [a] });
      expect(await gathered.sessions({ asset: "sea", limit: 10 })).toEqual({ count: 1, sessions: [b] });
      expect(await gathered.sessions({ session: "c", limit: 10 })).toEqual({ count: 1, sessions: [c] });
      expect(await countOf(gathered, "stagedoor_sessions")).toBe(3);
    });

    it("leaves out sessions that a revocation of the session, asset or subject ended", async () => {
      const gathered = fresh();
      const began = now();
      const own = { subject: "ENDED" };
      const after = { ...own, startedAt: unixSeconds(began + 1) };
      await gathered.report(
        reportOf({
          alive: [
            ...[sessionOf("a", began), sessionOf("b", began, { assetId: "sea" })],
            ...[sessionOf("c", began, own), sessionOf("d", began, after), sessionOf("e", began)],
          ],
        }),
      );
      const subjects = [["ENDED", began]] as const;
      const query = { limit: 10, without: { sessions: ["a", "unknown"], assets: ["sea"], subjects } };
      const { count, sessions } = await gathered.sessions(query);
      expect([count, sessions.map(({ sessionId }) => sessionId).toSorted()]).toEqual([2, ["d", "e"]]);
    });

    it("has one entry per session, since its first start, however many isolates report it", async () => {
      const gathered = fresh();
      const seen = now();
      const first = sessionOf("a", unixSeconds(seen - 30));
      const then = sessionOf("a", seen, { country: "FR", expiresAt: unixSeconds(seen + 900) });
      await gathered.report(reportOf({ alive: [then] }));
      await gathered.report(reportOf({ alive: [first] }));
      const [only] = (await gathered.sessions({ limit: 10 })).sessions;
      expect(only).toEqual({ ...then, startedAt: first.startedAt, expiresAt: first.expiresAt });
    });

    it("forgets an ended session, even if another isolate reports it later", async () => {
      const gathered = fresh();
      await gathered.report(reportOf({ alive: [sessionOf("a", now()), sessionOf("b", now())] }));
      await gathered.report(reportOf({ ended: ["a"], worker: "api" }));
      await gathered.report(reportOf({ alive: [sessionOf("a", now())] }));
      const { count, sessions } = await gathered.sessions({ limit: 10 });
      expect([count, sessions.map(({ sessionId }) => sessionId)]).toEqual([1, ["b"]]);
    });

    it("knows the sessions of one viewer under several hashes, and those that ended within the hour", async () => {
      const gathered = fresh();
      const seen = now();
      const [a, b, c] = [
        sessionOf("a", seen),
        sessionOf("b", unixSeconds(seen - 5), { subject: "OLD" }),
        sessionOf("c", seen),
      ];
      await gathered.report(reportOf({ alive: [a, b, c, sessionOf("d", seen, { subject: "OTHER" })] }));
      await gathered.report(reportOf({ ended: ["c", "unknown"], worker: "api" }));
      const { live, past } = await gathered.ofViewer(["HASH", "OLD"]);
      expect(live).toEqual([a, b]);
      expect(past).toEqual([{ ...c, endedAt: expect.any(Number) }]);
      expect(await gathered.ofViewer(["OTHER"])).toMatchObject({ live: [{ sessionId: "d" }], past: [] });
      expect(await gathered.ofViewer(["NOBODY"])).toEqual({ live: [], past: [] });
    });

    it("lists the refusals of an hour by minute and code, and the recent ones, newest first", async () => {
      const gathered = fresh();
      const time = now();
      const counts = [
        [refused("key_unknown"), 2],
        ['stagedoor_refused_total{worker="api",code="key_unknown"}', 1],
        [refused("origin_slow"), 4],
        [started, 9],
        ['stagedoor_served_total{what="segment",outcome="served"}', 30],
        ['stagedoor_served_total{what="key",outcome="served"}', 1],
        ['stagedoor_served_total{what="segment",outcome="renewed"}', 8],
        ['stagedoor_unserved_total{what="media",cause="ours",code="key_unknown"}', 2],
        ['stagedoor_unserved_total{what="media",cause="origin",code="origin_slow"}', 4],
        ['stagedoor_unserved_total{what="start",cause="ours",code="key_unknown"}', 1],
      ] as const;
      const refusals = [refusalOf("1", unixSeconds(time - 2)), refusalOf("2", unixSeconds(time - 1))];
      await gathered.report(reportOf({ counts, refusals }));
      const { minutes, recent } = await gathered.refusals();
      expect(recent.map(({ request }) => request)).toEqual(["2", "1"]);
      expect(recent[1]).toMatchObject(refusalOf("1", unixSeconds(time - 2)));
      expect(minutes).toHaveLength(60);
      expect(minutes.every(({ at }, place) => at === (minutes[0]?.at ?? 0) + 60 * place)).toBe(true);
      const all = minutes.flatMap(({ counts: ofMinute }) => Object.entries(ofMinute));
      expect(all).toEqual([
        ["key_unknown", 3],
        ["origin_slow", 4],
      ]);
      const served = minutes.flatMap(({ viewers }) => (viewers.start.accepted > 0 ? [viewers] : []));
      expect(served).toEqual([
        {
          start: { accepted: 9, refused: { key_unknown: 1 } },
          media: { accepted: 31, refused: { key_unknown: 2, origin_slow: 4 } },
        },
      ]);
    });
  });
}
