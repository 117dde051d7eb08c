import { decodeJwt, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import type { Presented } from "../../../src/auth/credential.ts";
import {
  type OperatorScope,
  operatorIssuer,
  operatorIssuers,
  verifyOperator,
} from "../../../src/auth/operator-token.ts";
import type { RequestCredential } from "../../../src/auth/request-credential.ts";
import { refusal } from "../../../src/base/result.ts";
import type { KeyRing } from "../../../src/keys/ring.ts";
import { now, sessionKey } from "../signing/session.ts";
import { newOperatorPair, operatorToken } from "./operators.ts";
import { audience, issuerName, judge, newPair, token, trusting } from "./tokens.ts";

const operatorPair = await newOperatorPair();
const operators = operatorIssuers({ keys: [sessionKey("s1", 1), operatorPair.key] }, () => now);

/** A request with this credential, which must not be validated as a viewer's. */
function presenting(presented: Presented): RequestCredential {
  const never = () => {
    throw new Error("an operator's credential is not validated as a viewer's");
  };
  return { read: () => ({ ok: true, value: presented }), validate: never, invalidate: never };
}

async function outcome(text: string, scope: OperatorScope = "operator:revoke", trusted = operators): Promise<string> {
  const verified = await verifyOperator(presenting({ kind: "bearer", token: text, form: "jws" }), scope, trusted, now);
  return verified.ok ? "ok" : verified.refusal.code;
}

describe("an operator's credential", () => {
  it("names the operator and is limited to its scopes", async () => {
    const text = await operatorToken(operatorPair, { scope: "operator:read operator:keys" });
    const request = presenting({ kind: "bearer", token: text, form: "jws" });
    expect(await verifyOperator(request, "operator:keys", operators, now)).toMatchObject({
      ok: true,
      value: { credential: { issuer: operatorIssuer, subject: "ann", tokenId: "o-1" }, kid: operatorPair.key.kid },
    });
    expect(await outcome(text, "operator:read")).toBe("ok");
    expect(await outcome(text, "operator:revoke")).toBe("scope_insufficient");
  });

  it("is refused as a viewer's token", async () => {
    const text = await operatorToken(operatorPair, { scope: "operator:revoke stream:play", assets: "*" });
    const viewers = await newPair("ES256");
    expect(await judge(text, [trusting([viewers.jwk])])).toBe("token_invalid");
    // It is also refused if a viewers' issuer has its key: issuer and audience differ.
    expect(await judge(text, [trusting([operatorPair.pair.jwk])])).toBe("token_invalid");
    expect(await judge(text, [trusting([operatorPair.pair.jwk], { issuer: operatorIssuer })])).toBe("token_invalid");
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["has expired", { exp: now - 61 }, "token_expired"],
    ["has no expiry", { exp: undefined }, "token_invalid"],
    ["names a viewers' issuer", { iss: issuerName }, "token_invalid"],
    ["is for the viewers' API", { aud: audience }, "token_invalid"],
    ["has no audience", { aud: undefined }, "token_invalid"],
    ["has no subject", { sub: undefined }, "token_invalid"],
    ["was issued in the future", { iat: now + 3600 }, "token_invalid"],
    ["is bound to a key without a proof", { cnf: { jkt: "A".repeat(43) } }, "token_invalid"],
    ["has no scope", { scope: undefined }, "scope_insufficient"],
    [
      "has a scope that only begins like the required one",
      { scope: "operator:revoke-all operator" },
      "scope_insufficient",
    ],
  ])("is refused if it %s", async (_, claims, code) => {
    expect(await outcome(await operatorToken(operatorPair))).toBe("ok");
    expect(await outcome(await operatorToken(operatorPair, claims))).toBe(code);
  });
});

describe("the signing key of an operator's credential", () => {
  it("is never a viewers' issuer's key, whatever scope and issuer the token names", async () => {
    const viewers = await newPair("ES256", operatorPair.key.kid);
    expect(await outcome(await token(viewers, { scope: "operator:revoke" }))).toBe("token_invalid");
    const claims = { iss: operatorIssuer, aud: operatorIssuer, scope: "operator:revoke" };
    expect(await outcome(await token(viewers, claims))).toBe("token_invalid");
  });

  it("is accepted in staging only if it is staging's, and in production only if it is production's", async () => {
    const staging = await newOperatorPair("op-staging");
    const text = await operatorToken(staging);
    expect(
      await outcome(
        text,
        "operator:revoke",
        operatorIssuers({ keys: [staging.key] }, () => now),
      ),
    ).toBe("ok");
    expect(await outcome(text)).toBe("token_invalid");
    // It is also refused under the kid of production's key.
    expect(await outcome(await operatorToken(staging, {}, { kid: operatorPair.key.kid }))).toBe("token_invalid");
  });

  it("is chosen by the token's kid and never read from the token", async () => {
    const unnamed = new SignJWT(decodeJwt(await operatorToken(operatorPair))).setProtectedHeader({ alg: "ES256" });
    expect(await outcome(await unnamed.sign(operatorPair.pair.sign))).toBe("token_invalid");
    const unknown = await newOperatorPair("unknown");
    expect(await outcome(await operatorToken(unknown, {}, { jwk: unknown.pair.jwk }))).toBe("token_invalid");
  });

  it("is accepted before its window starts and until its window ends", async () => {
    const at = async (window: { nbf?: number; exp?: number }) => {
      const pair = await newOperatorPair("op-2", window);
      return outcome(
        await operatorToken(pair),
        "operator:revoke",
        operatorIssuers({ keys: [pair.key] }, () => now),
      );
    };
    expect([await at({ exp: now + 1 }), await at({ exp: now }), await at({ nbf: now + 3600 })]).toEqual([
      "ok",
      "token_invalid",
      "ok",
    ]);
  });

  it("is never a session or CloudFront key, even if the ring has no operator key", async () => {
    const ring: KeyRing = { keys: [sessionKey("s1", 1), { ...operatorPair.key, purpose: "cloudfront" }] };
    expect(operatorIssuers(ring, () => now)).toEqual([]);
    expect(await outcome(await operatorToken(operatorPair), "operator:revoke", [])).toBe("token_invalid");
  });
});

describe("an operator's request", () => {
  it.each<[string, (text: string) => Presented, string]>([
    ["a cookie", (text) => ({ kind: "cookie", cookie: `__Host-stagedoor.session_token=${text}` }), "token_missing"],
    ["a DPoP token", (text) => ({ kind: "dpop", token: text, form: "jws", proof: "x" }), "token_missing"],
    ["an opaque token", () => ({ kind: "bearer", token: "A".repeat(32), form: "opaque" }), "token_invalid"],
  ])("is refused with %s", async (_, presented, code) => {
    const request = presenting(presented(await operatorToken(operatorPair)));
    const verified = await verifyOperator(request, "operator:revoke", operators, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code } });
  });
});

describe("a refused operator's request names the credential to send", () => {
  const faultsOf = async (presented: Presented) => {
    const verified = await verifyOperator(presenting(presented), "operator:revoke", operators, now);
    return verified.ok || !("faults" in verified.refusal) ? undefined : verified.refusal.faults;
  };
  const bearer = (text: string): Presented => ({ kind: "bearer", token: text, form: "jws" });
  const operatorNeeded = [expect.stringMatching(/^Authorization: Send an operator's credential .*operator new/)];

  it("with a viewer's token, an opaque token or a cookie", async () => {
    const viewer = await token(await newPair("ES256", "viewer"));
    expect(await faultsOf(bearer(viewer))).toEqual(operatorNeeded);
    expect(await faultsOf({ kind: "bearer", token: "A".repeat(32), form: "opaque" })).toEqual(operatorNeeded);
    expect(await faultsOf({ kind: "cookie", cookie: "x=y" })).toEqual(operatorNeeded);
  });

  it("without a credential", async () => {
    const request = { read: () => refusal("token_missing", "no credential came") };
    const verified = await verifyOperator(request, "operator:revoke", operators, now);
    expect(verified).toMatchObject({ refusal: { code: "token_missing", faults: operatorNeeded } });
  });

  it("with a credential of another deployment, whether or not the kid is the same", async () => {
    const otherDeployment = [expect.stringMatching(/^Authorization: Send a credential of this deployment\./)];
    for (const kid of ["op-1", "op-9"]) {
      const other = await newOperatorPair(kid);
      expect(await faultsOf(bearer(await operatorToken(other, {}, { jwk: other.pair.jwk })))).toEqual(otherDeployment);
    }
  });

  it("but not with an expired credential of this deployment", async () => {
    expect(await faultsOf(bearer(await operatorToken(operatorPair, { exp: now - 3600 })))).toBeUndefined();
  });
});
