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
import type { KeyRing } from "../../../src/keys/ring.ts";
import { now, sessionKey } from "../signing/session.ts";
import { newOperatorPair, operatorToken } from "./operators.ts";
import { audience, issuerName, judge, newPair, token, trusting } from "./tokens.ts";

const own = await newOperatorPair();
const operators = operatorIssuers({ keys: [sessionKey("s1", 1), own.key] }, () => now);

/** A request that presents this, and whose viewer's credential nobody may ask for. */
function presenting(presented: Presented): RequestCredential {
  const never = () => {
    throw new Error("an operator is not looked for among the viewers");
  };
  return { read: () => ({ ok: true, value: presented }), validate: never, invalidate: never };
}

async function verdict(text: string, scope: OperatorScope = "operator:revoke", trusted = operators): Promise<string> {
  const verified = await verifyOperator(presenting({ is: "bearer", token: text, form: "jws" }), scope, trusted, now);
  return verified.ok ? "ok" : verified.refusal.code;
}

describe("an operator's credential", () => {
  it("names him, and what he may do", async () => {
    const text = await operatorToken(own, { scope: "operator:read operator:keys" });
    const asked = presenting({ is: "bearer", token: text, form: "jws" });
    expect(await verifyOperator(asked, "operator:keys", operators, now)).toMatchObject({
      ok: true,
      value: { credential: { issuer: operatorIssuer, subject: "ann", tokenId: "o-1" }, kid: own.key.kid },
    });
    expect(await verdict(text, "operator:read")).toBe("ok");
    expect(await verdict(text, "operator:revoke")).toBe("scope_insufficient");
  });

  it("opens no asset, and starts no stream", async () => {
    const text = await operatorToken(own, { scope: "operator:revoke stream:play", assets: "*" });
    const viewers = await newPair("ES256");
    expect(await judge(text, [trusting([viewers.jwk])])).toBe("token_invalid");
    // Not where its key stands among a viewers' issuer's either: issuer and audience are others.
    expect(await judge(text, [trusting([own.pair.jwk])])).toBe("token_invalid");
    expect(await judge(text, [trusting([own.pair.jwk], { issuer: operatorIssuer })])).toBe("token_invalid");
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["has ended", { exp: now - 61 }, "token_expired"],
    ["never ends", { exp: undefined }, "token_invalid"],
    ["is of a viewers' issuer", { iss: issuerName }, "token_invalid"],
    ["is for the viewers' API", { aud: audience }, "token_invalid"],
    ["is for nobody", { aud: undefined }, "token_invalid"],
    ["names nobody", { sub: undefined }, "token_invalid"],
    ["was issued in the future", { iat: now + 3600 }, "token_invalid"],
    ["is bound to a key that nobody proves", { cnf: { jkt: "A".repeat(43) } }, "token_invalid"],
    ["has no scope", { scope: undefined }, "scope_insufficient"],
    ["has a scope that begins alike", { scope: "operator:revoke-all operator" }, "scope_insufficient"],
  ])("is refused where it %s", async (_, claims, code) => {
    expect(await verdict(await operatorToken(own))).toBe("ok");
    expect(await verdict(await operatorToken(own, claims))).toBe(code);
  });
});

describe("who vouches for operators", () => {
  it("is no issuer of viewers, whatever scope it writes and whatever it calls itself", async () => {
    const viewers = await newPair("ES256", own.key.kid);
    expect(await verdict(await token(viewers, { scope: "operator:revoke" }))).toBe("token_invalid");
    const claims = { iss: operatorIssuer, aud: operatorIssuer, scope: "operator:revoke" };
    expect(await verdict(await token(viewers, claims))).toBe("token_invalid");
  });

  it("is staging's key in staging, and not in production", async () => {
    const staging = await newOperatorPair("op-staging");
    const text = await operatorToken(staging);
    expect(
      await verdict(
        text,
        "operator:revoke",
        operatorIssuers({ keys: [staging.key] }, () => now),
      ),
    ).toBe("ok");
    expect(await verdict(text)).toBe("token_invalid");
    // Nor under the name of production's key.
    expect(await verdict(await operatorToken(staging, {}, { kid: own.key.kid }))).toBe("token_invalid");
  });

  it("is a key that the token names, and none that it brings", async () => {
    const unnamed = new SignJWT(decodeJwt(await operatorToken(own))).setProtectedHeader({ alg: "ES256" });
    expect(await verdict(await unnamed.sign(own.pair.sign))).toBe("token_invalid");
    const mine = await newOperatorPair("mine");
    expect(await verdict(await operatorToken(mine, {}, { jwk: mine.pair.jwk }))).toBe("token_invalid");
  });

  it("is a key until it ends, and one that is to come", async () => {
    const at = async (window: { nbf?: number; exp?: number }) => {
      const pair = await newOperatorPair("op-2", window);
      return verdict(
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

  it("is nobody where the ring has no operator key: not the session key, nor CloudFront's", async () => {
    const ring: KeyRing = { keys: [sessionKey("s1", 1), { ...own.key, purpose: "cloudfront" }] };
    expect(operatorIssuers(ring, () => now)).toEqual([]);
    expect(await verdict(await operatorToken(own), "operator:revoke", [])).toBe("token_invalid");
  });
});

describe("how an operator presents himself", () => {
  it.each<[string, (text: string) => Presented, string]>([
    ["a cookie", (text) => ({ is: "cookie", cookie: `__Host-stagedoor.session_token=${text}` }), "token_missing"],
    ["a DPoP token", (text) => ({ is: "dpop", token: text, form: "jws", proof: "x" }), "token_missing"],
    ["an opaque token", () => ({ is: "bearer", token: "A".repeat(32), form: "opaque" }), "token_invalid"],
  ])("is not with %s", async (_, presented, code) => {
    const asked = presenting(presented(await operatorToken(own)));
    const verified = await verifyOperator(asked, "operator:revoke", operators, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code } });
  });
});
