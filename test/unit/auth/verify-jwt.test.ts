import { SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { algorithms } from "../../../src/auth/issuer.ts";
import { verifyJwt } from "../../../src/auth/verify-jwt.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import {
  type Algorithm,
  audience,
  issuerName,
  judge,
  newPair,
  type Pair,
  rawToken,
  token,
  trusting,
  usualClaims,
} from "./tokens.ts";

const pairs = new Map<Algorithm, Pair>();
function pairOf(algorithm: Algorithm): Pair {
  const pair = pairs.get(algorithm);
  if (pair === undefined) throw new Error(`no pair for ${algorithm}`);
  return pair;
}

beforeAll(async () => {
  for (const algorithm of algorithms) pairs.set(algorithm, await newPair(algorithm));
});

describe.each(algorithms)("a token with algorithm %s", (algorithm) => {
  const trusted = () => [trusting([pairOf(algorithm).jwk], { algorithms: [algorithm] })];

  it("becomes a credential", async () => {
    expect(await verifyJwt(await token(pairOf(algorithm)), trusted(), now)).toEqual({
      ok: true,
      value: {
        credential: {
          issuer: issuerName,
          subject: "viewer-1",
          scopes: new Set(["openid", "stream:play"]),
          assets: new Set(["film"]),
          expiresAt: usualClaims.exp,
        },
        dpop: "optional",
      },
    });
  });

  it("is refused if another key with the same kid signed it, or if its claims or signature are changed", async () => {
    const stranger = await newPair(algorithm);
    expect(await judge(await token(stranger), trusted())).toBe("token_invalid");
    const good = await token(pairOf(algorithm));
    const [header = "", , signature = ""] = good.split(".");
    const claims = rawToken({}, { ...usualClaims, assets: "*" }, new Uint8Array(1)).split(".")[1] ?? "";
    expect(await judge(`${header}.${claims}.${signature}`, trusted())).toBe("token_invalid");
    expect(await judge(`${good.slice(0, -4)}AAAA`, trusted())).toBe("token_invalid");
    expect(await judge(`${header}.${good.split(".")[1]}.AAAA`, trusted())).toBe("token_invalid");
  });

  it("is accepted without a kid if the issuer has one key, and refused with an unknown kid", async () => {
    const { sign } = pairOf(algorithm);
    const nameless = await new SignJWT(usualClaims).setProtectedHeader({ alg: algorithm }).sign(sign);
    expect(await judge(nameless, trusted())).toBe("ok");
    expect(await judge(await token(pairOf(algorithm), {}, { kid: "k2" }), trusted())).toBe("token_invalid");
  });
});

describe("a token's claims", () => {
  const outcome = async (claims: Readonly<Record<string, unknown>>, settings = {}) =>
    judge(await token(pairOf("ES256"), claims), [trusting([pairOf("ES256").jwk], settings)]);

  it.each<[string, Record<string, unknown>]>([
    ["ok", {}],
    ["ok", { aud: ["x", audience] }],
    ["ok", { nbf: now }],
    ["ok", { iat: now + 60 }],
    ["token_invalid", { iat: now + 61 }],
    ["ok", { scope: undefined }],
    ["ok", { assets: undefined }],
    ["ok", { exp: now + 0.5 }],
    ["token_invalid", { aud: "other" }],
    ["token_invalid", { aud: `${audience}/` }],
    ["token_invalid", { aud: [] }],
    ["token_invalid", { aud: undefined }],
    ["token_invalid", { iss: "https://other.example" }],
    ["token_invalid", { iss: `${issuerName}/` }],
    ["token_invalid", { iss: [issuerName] }],
    ["token_invalid", { iss: undefined }],
    ["token_invalid", { exp: undefined }],
    ["token_invalid", { exp: String(now + 900) }],
    ["token_invalid", { exp: 1e300 }],
    ["token_invalid", { exp: 253_402_300_800 }],
    ["token_invalid", { sub: undefined }],
    ["token_invalid", { sub: "" }],
    ["token_invalid", { sub: 7 }],
    ["token_invalid", { nbf: "0" }],
    ["token_invalid", { nbf: now + 61 }],
    ["ok", { scope: ["stream:play"] }],
    ["token_invalid", { scope: ["stream:play", 7] }],
    ["token_invalid", { scope: null }],
    ["token_invalid", { scope: { "stream:play": true } }],
    ["ok", { assets: "film" }],
    ["token_invalid", { assets: 7 }],
    ["token_invalid", { assets: true }],
    ["token_invalid", { assets: { film: true } }],
    ["token_invalid", { assets: ["film", 1] }],
    ["token_invalid", { assets: null }],
    ["token_invalid", { streams: 0 }],
    ["token_invalid", { streams: -1 }],
    ["token_invalid", { streams: 1.5 }],
    ["ok", { streams: "2" }],
    ["token_invalid", { streams: ["2"] }],
    ["token_invalid", { streams: 2 ** 53 }],
    ["token_invalid", { streams: null }],
    ["token_invalid", { jti: 7 }],
    ["token_invalid", { jti: "" }],
    ["token_expired", { exp: now - 60 }],
    ["token_expired", { exp: 0 }],
    ["token_expired", { exp: -1 }],
  ])("get the outcome %s for %o", async (code, claims) => {
    expect(await outcome(claims)).toBe(code);
  });

  it("are accepted within the clock tolerance and not beyond it", async () => {
    expect([await outcome({ exp: now - 59 }), await outcome({ exp: now - 60 })]).toEqual(["ok", "token_expired"]);
    expect([await outcome({ nbf: now + 60 }), await outcome({ nbf: now + 61 })]).toEqual(["ok", "token_invalid"]);
    const none = { clockTolerance: 0 };
    expect([await outcome({ exp: now + 1 }, none), await outcome({ exp: now }, none)]).toEqual(["ok", "token_expired"]);
  });

  const credential = async (claims: Readonly<Record<string, unknown>>, settings = {}) => {
    const verified = await verifyJwt(
      await token(pairOf("ES256"), claims),
      [trusting([pairOf("ES256").jwk], settings)],
      now,
    );
    if (!verified.ok) throw new Error(verified.refusal.code);
    return verified.value.credential;
  };

  it.each([
    [{ assets: "*" }, {}, "*"],
    [{ assets: ["*"] }, {}, new Set(["*"])],
    [{ assets: [] }, {}, new Set()],
    [{ assets: "film" }, {}, new Set(["film"])],
    [{ assets: "film,other film" }, {}, new Set(["film,other film"])],
    [{ assets: "" }, { assetsDefault: "all" }, new Set([""])],
    [{ assets: undefined }, {}, new Set()],
    [{ assets: undefined }, { assetsDefault: "all" }, "*"],
    [{ assets: [] }, { assetsDefault: "all" }, new Set()],
    [{ films: ["a"], assets: "*" }, { assetsClaim: "films" }, new Set(["a"])],
    [{ assets: "*" }, { assetsClaim: "films" }, new Set()],
  ])("%o under the settings %o allow the assets %o", async (claims, settings, assets) => {
    expect((await credential(claims, settings)).assets).toEqual(assets);
  });

  it.each([
    [{}, {}, { streams: undefined, tokenId: undefined, issuedAt: undefined }],
    [{ streams: 2, jti: "t-1", iat: now }, {}, { streams: 2, tokenId: "t-1", issuedAt: now }],
    [{ iat: now + 0.9 }, {}, { issuedAt: now }],
    [{ iat: -1 }, {}, { issuedAt: undefined }],
    [{ devices: 4, streams: 0 }, { streamsClaim: "devices" }, { streams: 4 }],
  ])("%o under the settings %o yield %o", async (claims, settings, expected) => {
    expect(await credential(claims, settings)).toMatchObject(expected);
  });

  it("list scopes separated by spaces (RFC 8693 §4.2)", async () => {
    expect((await credential({ scope: " a  b:c " })).scopes).toEqual(new Set(["a", "b:c"]));
    expect((await credential({ scope: "" })).scopes).toEqual(new Set());
  });

  it("are never read from a `__proto__` member", async () => {
    const { sign } = pairOf("ES256");
    const claims = JSON.parse(
      `{"__proto__": {"scope": "stream:play", "assets": "*"}, "iss": "${issuerName}", "aud": "${audience}", "sub": "x", "exp": ${now + 9}}`,
    );
    const text = await signUnchecked(claims, sign);
    const verified = await verifyJwt(text, [trusting([pairOf("ES256").jwk])], now);
    expect(verified).toMatchObject({ ok: true, value: { credential: { scopes: new Set(), assets: new Set() } } });
  });

  async function signUnchecked(claims: unknown, key: CryptoKey | Uint8Array): Promise<string> {
    if (key instanceof Uint8Array) throw new Error("expected an EC key");
    const unsigned = rawToken({ alg: "ES256", kid: "k1" }, claims, new Uint8Array()).slice(0, -1);
    const algorithm = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(unsigned));
    return `${unsigned}.${encodeBase64url(new Uint8Array(signature))}`;
  }
});

it("each issuer's keys verify only tokens that name that issuer", async () => {
  const [one, two] = [await newPair("ES256"), await newPair("EdDSA")];
  const issuers = [trusting([one.jwk]), trusting([two.jwk], { issuer: "https://two.example", algorithms: ["EdDSA"] })];
  expect(await judge(await token(one), issuers)).toBe("ok");
  expect(await judge(await token(two, { iss: "https://two.example" }), issuers)).toBe("ok");
  expect(await judge(await token(one, { iss: "https://two.example" }), issuers)).toBe("token_invalid");
  expect(await judge(await token(two), issuers)).toBe("token_invalid");
});

it("a token expires by the given clock, not by the machine's", async () => {
  const pair = pairOf("ES256");
  const issuers = [trusting([pair.jwk])];
  const text = await token(pair);
  expect(await judge(text, issuers, timeAfter(now, seconds(900 + 60)))).toBe("token_expired");
  expect(await judge(text, issuers, timeAfter(now, seconds(900 + 59)))).toBe("ok");
});
