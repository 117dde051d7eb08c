import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readClaims } from "../../../src/credential/claims.ts";
import { type Issuer, issuerSchema } from "../../../src/credential/issuer.ts";
import { now } from "../signing/session.ts";
import { newPair, usualClaims } from "./tokens.ts";

const pair = await newPair("ES256");
const thumbprint = `${"A".repeat(42)}E`;

function settings(changes: Readonly<Record<string, unknown>> = {}): Issuer {
  const usual = {
    issuer: usualClaims.iss,
    audience: usualClaims.aud,
    algorithms: ["ES256"],
    jwks: { keys: [pair.jwk] },
  };
  return issuerSchema.parse({ ...usual, ...changes });
}

function credential(claims: Readonly<Record<string, unknown>>, changes: Readonly<Record<string, unknown>> = {}) {
  const read = readClaims({ ...usualClaims, ...claims }, settings(changes), now);
  return read.ok ? read.value.credential : read.refusal.code;
}

describe("an issuer's own names for claims", () => {
  it.each<[string, object, object, object]>([
    ["subject", { uid: "u-7", sub: "s" }, { subjectClaim: "uid" }, { subject: "u-7" }],
    ["login", { sid: "l-1" }, {}, { loginId: "l-1" }],
    ["no login", {}, {}, { loginId: undefined }],
    ["streams under a name that every object has", {}, { streamsClaim: "constructor" }, { streams: undefined }],
    ["login under another name", { session: "l-2", sid: 7 }, { loginClaim: "session" }, { loginId: "l-2" }],
    [
      "scopes as a list",
      { scp: ["stream:play", "a b"] },
      { scopeClaim: "scp" },
      { scopes: new Set(["stream:play", "a b"]) },
    ],
    [
      "scopes as words",
      { scp: "a stream:play", scope: "admin" },
      { scopeClaim: "scp" },
      { scopes: new Set(["a", "stream:play"]) },
    ],
    ["scp that is not named", { scp: ["stream:play"], scope: undefined }, {}, { scopes: new Set() }],
    [
      "assets behind an address",
      { "https://x/films": ["f"] },
      { assetsClaim: "https://x/films" },
      { assets: new Set(["f"]) },
    ],
    ["streams", { "max-streams": 3 }, { streamsClaim: "max-streams" }, { streams: 3 }],
  ])("%s", (_, claims, changes, expected) => {
    expect(credential({ ...claims }, { ...changes })).toMatchObject(expected);
  });

  it.each<[string, object, object]>([
    ["a subject that is missing", {}, { subjectClaim: "uid" }],
    ["a subject that every object has", {}, { subjectClaim: "constructor" }],
    ["a subject of 513 characters", { sub: "x".repeat(513) }, {}],
    ["a login that is a number", { sid: 7 }, {}],
    ["an empty login", { sid: "" }, {}],
    ["a login that is null", { sid: null }, {}],
    ["scopes with a number among them", { scp: ["a", 1] }, { scopeClaim: "scp" }],
    ["scopes in an object", { scp: { a: true } }, { scopeClaim: "scp" }],
  ])("refuse %s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toBe("token_invalid");
  });
});

describe("a provider's scopes", () => {
  const scopes = { "media.watch": "stream:play", gold: "stream:play premium", constructor: "x" };

  it.each([
    ["openid media.watch", ["stream:play"]],
    ["media.watch gold", ["stream:play", "premium"]],
    ["stream:play", []],
    ["toString __proto__ hasOwnProperty", []],
    ["constructor", ["x"]],
    ["", []],
  ])("%j stand for %j, and those that are not named for nothing", (scope, expected) => {
    expect(credential({ scope }, { scopes })).toMatchObject({ scopes: new Set(expected) });
  });
});

describe("what a token is bound to", () => {
  const bound = (cnf: unknown) => {
    const read = readClaims({ ...usualClaims, cnf }, settings({ dpop: "required" }), now);
    return read.ok ? read.value : read.refusal.code;
  };

  it("is a key's thumbprint, or nothing", () => {
    expect(bound({ jkt: thumbprint })).toMatchObject({ jkt: thumbprint, dpop: "required" });
    expect(bound(undefined)).toMatchObject({ jkt: undefined });
  });

  it.each([
    null,
    "x",
    [],
    [thumbprint],
    {},
    { jkt: "" },
    { jkt: thumbprint.slice(1) },
    { jkt: `${thumbprint}=` },
    { jkt: `${"A".repeat(42)}F` },
    { jkt: [thumbprint] },
    { jwk: { kty: "EC" } },
    { "x5t#S256": thumbprint },
    { jkt: thumbprint, "x5t#S256": thumbprint },
  ])("is refused where it cannot be checked: %j", (cnf) => {
    expect(bound(cnf)).toBe("token_invalid");
  });
});

it("whatever claims hold, they are read or refused, and no reason quotes them", () => {
  const names = ["sub", "exp", "iat", "jti", "scope", "assets", "streams", "sid", "cnf"];
  const claims = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.constant("MARKEDVALUE")));
  fc.assert(
    fc.property(claims, (given) => {
      const read = readClaims({ ...usualClaims, ...given }, settings(), now);
      if (!read.ok)
        expect([read.refusal.code, read.refusal.reason.includes("MARKED")]).toEqual(["token_invalid", false]);
      else expect(read.value.credential.subject).not.toBe("");
    }),
  );
});
