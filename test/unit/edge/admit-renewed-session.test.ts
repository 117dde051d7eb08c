import { describe, expect, it } from "vitest";
import { rememberLeases } from "../../../src/sessions/lease-memory.ts";
import type { RevocationKind } from "../../../src/sessions/revocation.ts";
import { in6Hours, now } from "../signing/session.ts";
import { entry, isolate, login, sessionId } from "./admission-stage.ts";

describe("a session of a backend that another credential renewed", () => {
  const startedBy = { token: "the-first-credential", signer: "be-1" };
  const renewed = { sessionId, assetId: "film", login, startedBy, now, expiresAt: in6Hours, takeover: false } as const;

  it.each<[RevocationKind, string]>([
    ["token", startedBy.token],
    ["key", startedBy.signer],
  ])("ends for good with its next check once the %s that started it is revoked", async (kind, value) => {
    const edge = isolate();
    await edge.streams.claim({ ...renewed, limit: undefined, network: undefined });
    expect(await edge.code()).toBe("admitted");
    await edge.log.append([entry(kind, value)], "operator");
    edge.later(30);
    expect(await edge.code()).toBe("admitted");
    await edge.settled();
    expect(await edge.code()).toBe("session_revoked");
    expect((await edge.streams.show(sessionId, now))?.ended).toBe("revoked");
    await edge.log.lift(kind, value);
    edge.later(3);
    const other = { ...edge.parts, leases: rememberLeases({ capacity: 10 }) };
    expect(await edge.code(undefined, other)).toBe("session_revoked");
  });
});
