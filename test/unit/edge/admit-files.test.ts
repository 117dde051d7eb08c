import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { revocationKinds, signOutLeftOut } from "../../../src/sessions/revocation.ts";
import { in6Hours, now } from "../signing/session.ts";
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

  describe("while the log leaves sign-outs out", () => {
    const signOut = entry("login", login, { until: unixSeconds(in6Hours + 604_800) });
    const signedOut = { login, now, until: in6Hours };

    async function leavingOut(changes: Parameters<typeof isolate>[0] = {}) {
      const edge = isolate(changes);
      await edge.log.append([signOutLeftOut(signOut)], "viewer");
      return edge;
    }

    it("is refused within two seconds after its viewer signed out of its login", async () => {
      const { codeForFiles, streams, later } = await leavingOut();
      expect(await codeForFiles()).toBe("admitted");
      await streams.endLogin({ ...signedOut, login: "another" });
      later(2);
      expect(await codeForFiles()).toBe("admitted");
      await streams.endLogin(signedOut);
      later(2);
      expect(await codeForFiles()).toBe("session_revoked");
    });

    it("asks the viewer's object once in two seconds, and writes nothing there", async () => {
      const { codeForFiles, parts, later, streams } = await leavingOut();
      const asked: string[] = [];
      Object.assign(parts, {
        streams: () => ({ ...streams, isSignedOut: async (name: string) => void asked.push(name) }),
      });
      for (let i = 0; i < 50; i++) expect(await codeForFiles()).toBe("admitted");
      expect(asked).toEqual([login]);
      later(2);
      await codeForFiles();
      expect(asked).toHaveLength(2);
    });

    it.each([
      ["closed", "store_unavailable"],
      ["open", "admitted"],
    ] as const)("follows the setting if the object does not respond: %s", async (storeFailure, code) => {
      const { codeForFiles, parts, failures } = await leavingOut({ storeFailure });
      Object.assign(parts, { streams: () => ({ isSignedOut: async () => Promise.reject(new Error("down")) }) });
      expect(await codeForFiles()).toBe(code);
      expect(failures.map((failure) => failure.code)).toEqual(storeFailure === "open" ? ["store_unavailable"] : []);
    });
  });

  it("is refused while the revocation log does not respond", async () => {
    const { codeForFiles, state } = isolate();
    state.down = "log";
    expect(await codeForFiles()).toBe("store_unavailable");
  });
});
