import { describe, expect, it } from "vitest";
import { after, seconds, unixSeconds } from "../../../src/base/time.ts";
import type { LiveSession, SessionsAsked } from "../../../src/metrics/gathered.ts";
import { sessionsAskedSchema } from "../../../src/metrics/gathering.ts";
import { LiveSessions } from "../../../src/metrics/live-sessions.ts";
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
