import { describe, expect, it } from "vitest";
import { operatorIssuers, operatorScopes, verifyOperator } from "../../../src/auth/operator-token.ts";
import type { RequestCredential } from "../../../src/auth/request-credential.ts";
import { ok } from "../../../src/base/result.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { keysFor, signingKey } from "../../../src/keys/ring.ts";
import { revocationCauses, revocationKinds } from "../../../src/sessions/revocation.ts";
import { readPage, writePage } from "../../../src/sessions/revocation-store.ts";
import { catalog, now, ring, v1 } from "./version-1.ts";

describe("a value that version 1 stored", () => {
  it("is a key ring whose keys have time windows instead of states", () => {
    const states = ring.keys.map((key) => `${key.kid} ${keyStateOf(key, ring.keys, now)}`);
    expect(states).toEqual([
      "golden retiring",
      "golden-old active",
      "GOLDENRSA active",
      "GOLDENEC active",
      "golden-operator active",
    ]);
    expect(signingKey(keysFor(ring, "session"), now)?.kid).toBe("golden-old");
    expect(signingKey(keysFor(ring, "session"), unixSeconds(1_796_000_000))?.kid).toBe("golden");
  });

  it("is a catalog whose every member is still read", () => {
    expect(catalog.assets().map(({ id }) => id)).toEqual(["film", "premiere", "archive"]);
    const premiere = catalog.asset("premiere");
    expect(premiere).toMatchObject({
      segmentSignature: "session",
      session: 86_400,
      streams: 2,
      scope: "stream:premiere",
    });
    expect(premiere).toMatchObject({
      binding: { network: "prefix", userAgent: true },
      countries: { only: ["DE", "AT"] },
    });
    expect(catalog.asset("archive")?.cloudfront).toMatchObject({
      policy: "custom",
      hash: "SHA256",
      keyPairId: "GOLDENRSA",
    });
    expect(catalog.asset("film")).toMatchObject({ segmentSignature: "shared", cdn: "edge", scope: "stream:play" });
  });

  it("is a page of the revocation log with every kind and cause", () => {
    const page = readPage(v1.revocations);
    if (page === undefined) throw new Error("the golden page cannot be read");
    expect(writePage(page)).toBe(v1.revocations);
    expect(new Set(page.entries.map(({ kind }) => kind))).toEqual(new Set(revocationKinds));
    expect(new Set(page.entries.map(({ cause }) => cause))).toEqual(new Set(revocationCauses));
  });

  it("is an operator's credential that is valid for its own scopes only", async () => {
    const credential: RequestCredential = {
      read: () => ok({ kind: "bearer", token: v1.operatorToken, form: "jws" }),
      validate: () => Promise.reject(new Error("an operator is no viewer")),
      invalidate: () => undefined,
    };
    const granted = ["operator:read", "operator:revoke", "operator:keys"];
    for (const scope of operatorScopes) {
      const operator = await verifyOperator(
        credential,
        scope,
        operatorIssuers(ring, () => now),
        now,
      );
      expect({ scope, ok: operator.ok }).toEqual({ scope, ok: granted.includes(scope) });
    }
  });
});
