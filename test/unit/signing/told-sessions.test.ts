import { beforeEach, describe, expect, it } from "vitest";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { issuerName } from "../auth/tokens.ts";
import { opened, sessionStage } from "../sessions/session-stage.ts";
import { keyOf, now, preparedKeys } from "./session.ts";

let stage: Awaited<ReturnType<typeof sessionStage>>;
beforeEach(async () => {
  stage = await sessionStage();
});

const told = (...events: readonly string[]) => stage.counted.filter(({ event }) => events.includes(event));

describe("of sessions it is told", () => {
  it("that one is alive, from its start on: its viewer by the hash of its grant", async () => {
    const { sessionId } = opened(await stage.start({ asset: "film" }, { sub: "ann" }));
    const subject = subjectHash(keyOf(await preparedKeys(), "2026-a"), issuerName, "ann");
    const times = { startedAt: now, seenAt: now, expiresAt: now + 21_600 };
    expect(told("alive")).toEqual([{ event: "alive", sessionId, assetId: "film", subject, country: "XX", ...times }]);
  });

  it("where it is renewed from, as the request says", async () => {
    const session = opened(await stage.start());
    opened(await stage.renew(session, {}, { country: "FR" }));
    expect(told("alive")).toMatchObject([{ country: "XX" }, { country: "FR", sessionId: session.sessionId }]);
  });

  it("that its viewer ended it", async () => {
    const session = opened(await stage.start());
    opened(await stage.end(session));
    expect(told("ended")).toEqual([{ event: "ended", sessionId: session.sessionId }]);
  });

  it("that another device took its place", async () => {
    const session = opened(await stage.start({ asset: "film" }, { streams: 1 }));
    opened(await stage.start({ asset: "film", takeover: true }, { streams: 1 }));
    expect(told("ended")).toEqual([{ event: "ended", sessionId: session.sessionId }]);
  });

  it("that an operator ended it, and nothing if they lift that", async () => {
    const { sessionId } = opened(await stage.start());
    opened(await stage.revoke({ session: sessionId }));
    opened(await stage.revoke({ session: sessionId, lift: true }));
    opened(await stage.revoke({ asset: "film" }));
    expect(told("ended")).toEqual([{ event: "ended", sessionId }]);
  });

  it("nothing of one that was refused its place", async () => {
    opened(await stage.start({ asset: "film" }, { streams: 1 }));
    await stage.start({ asset: "film" }, { streams: 1 });
    expect(told("alive")).toHaveLength(1);
    expect(told("ended")).toEqual([]);
  });
});
