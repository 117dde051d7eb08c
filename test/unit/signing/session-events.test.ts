import { beforeEach, describe, expect, it } from "vitest";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { issuerName } from "../auth/tokens.ts";
import { opened, sessionService } from "../sessions/session-service.ts";
import { keyOf, now, preparedKeys } from "./session.ts";

let service: Awaited<ReturnType<typeof sessionService>>;
beforeEach(async () => {
  service = await sessionService();
});

const counted = (...events: readonly string[]) => service.counted.filter(({ event }) => events.includes(event));

describe("the events of a session", () => {
  it("include `alive` at its start, with the viewer's hash", async () => {
    const { sessionId } = opened(await service.start({ asset: "film" }, { sub: "ann" }));
    const subject = subjectHash(keyOf(await preparedKeys(), "2026-a"), issuerName, "ann");
    const times = { startedAt: now, seenAt: now, expiresAt: now + 21_600 };
    expect(counted("alive")).toEqual([
      { event: "alive", sessionId, assetId: "film", subject, country: "XX", ...times },
    ]);
  });

  it("include `alive` at a renewal, with the country of the request", async () => {
    const session = opened(await service.start());
    opened(await service.renew(session, {}, { country: "FR" }));
    expect(counted("alive")).toMatchObject([{ country: "XX" }, { country: "FR", sessionId: session.sessionId }]);
  });

  it("include `ended` when its viewer ends it", async () => {
    const session = opened(await service.start());
    opened(await service.end(session));
    expect(counted("ended")).toEqual([{ event: "ended", sessionId: session.sessionId, why: "left" }]);
  });

  it("include `ended` when another device takes over", async () => {
    const session = opened(await service.start({ asset: "film" }, { streams: 1 }));
    opened(await service.start({ asset: "film", takeover: true }, { streams: 1 }));
    expect(counted("ended")).toEqual([{ event: "ended", sessionId: session.sessionId, why: "taken" }]);
  });

  it("include one `ended` when an operator revokes it, and none for a lift or a revoked asset", async () => {
    const { sessionId } = opened(await service.start());
    opened(await service.revoke({ session: sessionId }));
    opened(await service.revoke({ session: sessionId, lift: true }));
    opened(await service.revoke({ asset: "film" }));
    expect(counted("ended")).toEqual([{ event: "ended", sessionId, why: "revoked" }]);
  });

  it("are absent if its start was refused", async () => {
    opened(await service.start({ asset: "film" }, { streams: 1 }));
    await service.start({ asset: "film" }, { streams: 1 });
    expect(counted("alive")).toHaveLength(1);
    expect(counted("ended")).toEqual([]);
  });
});
