import { describe, expect, it } from "vitest";
import { revocationKinds } from "../../../src/sessions/revocation.ts";
import { access, ending, entry, isolate, login, sessionId, subject, tokenHash } from "./admission-stage.ts";

const names = { session: sessionId, subject, asset: "film", token: tokenHash, login, key: access.grant.kid } as const;

describe("a session of POST /files", () => {
  it("is admitted without a lease, and never asks the viewer's object", async () => {
    const { codeForFiles, touches, streams, later, events } = isolate();
    expect(await codeForFiles()).toBe("admitted");
    await streams.end(ending("taken"));
    later(3000);
    expect(await codeForFiles()).toBe("admitted");
    expect([touches(), events]).toEqual([0, [expect.objectContaining({ event: "snapshot" })].slice(0, 0)]);
  });

  it.each(revocationKinds)("is refused within two seconds after a revocation of its %s", async (kind) => {
    const { codeForFiles, log, later } = isolate();
    expect(await codeForFiles()).toBe("admitted");
    log.append([entry(kind, names[kind])], "operator");
    later(3);
    expect(await codeForFiles()).toBe("session_revoked");
  });

  it("is refused while the revocation log does not respond", async () => {
    const { codeForFiles, state } = isolate();
    state.down = "log";
    expect(await codeForFiles()).toBe("store_unavailable");
  });
});
