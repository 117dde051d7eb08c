import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { rememberGrants } from "../../../src/signing/grant.ts";
import type { SessionKeys } from "../../../src/signing/session-keys.ts";
import { grantOf, keyOf, now, preparedKeys, sessionKey } from "./session.ts";

/** Session keys that count their MACs of grants. */
async function countingKeys(window: { exp?: number } = {}) {
  const prepared = keyOf(await preparedKeys([sessionKey("2026-a", 1, window)]), "2026-a");
  let macs = 0;
  const key = {
    ...prepared,
    grant: (message: string | Uint8Array) => {
      macs++;
      return prepared.grant(message);
    },
  };
  const keys: SessionKeys = new Map([["2026-a", key]]);
  const grant = (id: number) => grantOf(prepared, { sessionId: encodeBase64url(new Uint8Array(16).fill(id)) });
  return { keys, grant, macs: () => macs };
}

describe("the cache of opened grants", () => {
  it("verifies a grant's MAC once", async () => {
    const { keys, grant, macs } = await countingKeys();
    const open = rememberGrants(10);
    const [first, second] = [open(grant(1), keys, now), open(grant(1), keys, now)];
    expect(second).toEqual(first);
    expect([first.ok, macs()]).toEqual([true, 1]);
  });

  it("never caches a forged grant", async () => {
    const { keys, grant, macs } = await countingKeys();
    const open = rememberGrants(2);
    open(grant(1), keys, now);
    const forged = grant(2).replace(/.{3}$/, "AAA");
    for (let i = 0; i < 5; i++) expect(open(forged, keys, now).ok).toBe(false);
    expect(macs()).toBe(6);
    open(grant(1), keys, now);
    expect(macs()).toBe(6);
  });

  it("evicts the oldest grant beyond its capacity", async () => {
    const { keys, grant, macs } = await countingKeys();
    const open = rememberGrants(2);
    for (const id of [1, 2, 3]) open(grant(id), keys, now);
    open(grant(3), keys, now);
    open(grant(2), keys, now);
    expect(macs()).toBe(3);
    open(grant(1), keys, now);
    expect(macs()).toBe(4);
  });

  it("refuses a cached grant whose key has expired, was removed, or was replaced under the same kid", async () => {
    const { keys, grant } = await countingKeys({ exp: now + 10 });
    const open = rememberGrants(10);
    expect(open(grant(1), keys, now).ok).toBe(true);
    const code = (ring: SessionKeys, at = now) => {
      const opened = open(grant(1), ring, at);
      return opened.ok ? "open" : opened.refusal.code;
    };
    expect(code(keys, timeAfter(now, seconds(10)))).toBe("key_unknown");
    expect(code(new Map())).toBe("key_unknown");
    expect(code(await preparedKeys([sessionKey("2026-a", 99)]))).toBe("grant_invalid");
    expect(code(keys)).toBe("open");
  });
});
