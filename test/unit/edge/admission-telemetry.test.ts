import { beforeEach, describe, expect, it } from "vitest";
import { now } from "../signing/session.ts";
import { access, aMinuteAgo, ending, entry, isolate, sessionId } from "./admission-stage.ts";

let edge: ReturnType<typeof isolate>;
beforeEach(() => {
  edge = isolate();
});

describe("the telemetry of a session", () => {
  it("has an alive event per lease check, without an address", async () => {
    await edge.code("192.0.2.1");
    await edge.code("192.0.2.1");
    const { expiresAt } = access.grant;
    expect(edge.events).toEqual([
      {
        event: "alive",
        sessionId,
        assetId: "film",
        subject: access.grant.subject,
        country: "DE",
        startedAt: aMinuteAgo,
        seenAt: now,
        expiresAt,
      },
    ]);
  });

  it("has an ended event, whatever ended the session", async () => {
    await edge.log.append([entry("asset", "film")], "operator");
    expect(await edge.code()).toBe("session_revoked");
    expect(edge.events).toEqual([{ event: "ended", sessionId, why: "revoked" }]);
  });

  it("has an ended event if the lease says that it was ended", async () => {
    await edge.streams.end(ending("taken"));
    expect(await edge.code()).toBe("stream_taken");
    expect(edge.events).toEqual([{ event: "ended", sessionId, why: "taken" }]);
  });

  it("has no event if its key was revoked, because a holder of the key could name another viewer's session", async () => {
    await edge.log.append([entry("key", access.grant.kid)], "operator");
    expect(await edge.code()).toBe("session_revoked");
    expect(edge.events).toEqual([]);
  });
});
