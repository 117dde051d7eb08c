import { describe, expect, it } from "vitest";
import { after, seconds, unixSeconds } from "../../../src/base/time.ts";
import type { LiveSession, SessionsAsked } from "../../../src/metrics/gathered.ts";
import { LiveSessions } from "../../../src/metrics/live-sessions.ts";
import { sessionsAskedSchema } from "../../../src/metrics/report-schemas.ts";
import { now } from "../signing/session.ts";

function stage() {
  const live = new LiveSessions(() => now, seconds(90));
  const see = (sessionId: string, began: number, seen: number, changes: Partial<LiveSession> = {}) =>
    live.see({
      ...{ sessionId, assetId: "film", subject: "v1", country: "DE" },
      ...{ startedAt: unixSeconds(now - began), seenAt: unixSeconds(now - seen), expiresAt: after(now, seconds(3600)) },
      ...changes,
    });
  const ids = (query: Omit<SessionsAsked, "limit">, limit = 100) => {
    const parsed = sessionsAskedSchema.parse({ ...query, limit });
    return live.list(parsed).sessions.map(({ sessionId }) => sessionId);
  };
  return { see, ids };
}

describe("the list of live sessions", () => {
  it("keeps its order over time if it is sorted by start", () => {
    const { see, ids } = stage();
    see("a", 30, 3);
    see("b", 20, 2);
    see("c", 20, 9);
    see("d", 40, 1);
    expect(ids({ order: "begun" })).toEqual(["b", "c", "a", "d"]);
    see("d", 40, 0);
    see("c", 20, 0);
    expect(ids({ order: "begun" })).toEqual(["b", "c", "a", "d"]);
    expect(ids({ order: "begun" }, 2)).toEqual(["b", "c"]);
    expect(ids({})).not.toEqual(["b", "c", "a", "d"]);
  });

  it("can be searched by viewer, or by any identifier at once", () => {
    const { see, ids } = stage();
    see("x", 1, 1);
    see("b", 2, 2, { assetId: "x" });
    see("c", 3, 3, { subject: "x" });
    see("d", 4, 4);
    expect(ids({ subject: "x" })).toEqual(["c"]);
    expect(ids({ name: "x" })).toEqual(["x", "b", "c"]);
    expect(ids({ name: "x", subject: "v1" })).toEqual(["x", "b"]);
  });
});

describe("the sessions of the last hour", () => {
  it("include those that fell silent, until an hour after their last request, and none that is seen again", () => {
    const state = { now };
    const live = new LiveSessions(() => state.now, seconds(90));
    const session = { sessionId: "a", assetId: "film", subject: "v1", country: "DE", startedAt: now, seenAt: now };
    const expiresAt = unixSeconds(now + 20_000);
    live.see({ ...session, expiresAt });
    state.now = unixSeconds(now + 90);
    expect(live.ofViewer(["v1"])).toEqual({ live: [], past: [{ ...session, expiresAt }] });
    live.see({ ...session, seenAt: state.now, expiresAt });
    expect(live.ofViewer(["v1"])).toMatchObject({ live: [{ sessionId: "a" }], past: [] });
    state.now = unixSeconds(now + 90 + 3_599);
    expect(live.ofViewer(["v1"]).past).toHaveLength(1);
    state.now = unixSeconds(now + 90 + 3_600);
    expect(live.ofViewer(["v1"])).toEqual({ live: [], past: [] });
  });

  it("are bounded: the ones that ended first are forgotten", () => {
    const live = new LiveSessions(() => now, seconds(90));
    const fields = {
      assetId: "film",
      country: "DE",
      startedAt: now,
      seenAt: now,
      expiresAt: unixSeconds(now + 3600),
    };
    for (let n = 0; n < 5_001; n++) {
      live.see({ sessionId: `s${n}`, subject: n === 0 ? "first" : "v1", ...fields });
      live.end(`s${n}`, now);
    }
    expect(live.ofViewer(["first"]).past).toEqual([]);
    expect(live.kept().past).toHaveLength(5_000);
  });
});
