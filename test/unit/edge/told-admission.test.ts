import { beforeEach, describe, expect, it } from "vitest";
import { now } from "../signing/session.ts";
import { access, aMinuteAgo, ending, entry, isolate, sessionId } from "./admission-stage.ts";

let edge: ReturnType<typeof isolate>;
beforeEach(() => {
  edge = isolate();
});

describe("of a session it is told", () => {
  it("that it is alive, once for each time that its lease is asked about, and never with an address", async () => {
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

  it("that it was ended, whatever ended it", async () => {
    await edge.log.append([entry("asset", "film")], "operator");
    expect(await edge.code()).toBe("session_revoked");
    expect(edge.events).toEqual([{ event: "ended", sessionId }]);
  });

  it("that it was ended where its lease says so", async () => {
    await edge.streams.end(ending("taken"));
    expect(await edge.code()).toBe("stream_taken");
    expect(edge.events).toEqual([{ event: "ended", sessionId }]);
  });

  it("nothing where its key was revoked: who holds that could name another viewer's session", async () => {
    await edge.log.append([entry("key", access.grant.kid)], "operator");
    expect(await edge.code()).toBe("session_revoked");
    expect(edge.events).toEqual([]);
  });
});
