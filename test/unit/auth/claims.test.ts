import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readClaims } from "../../../src/auth/claims.ts";
import { type Issuer, issuerSchema } from "../../../src/auth/issuer.ts";
import { now } from "../signing/session.ts";
import { newPair, usualClaims } from "./tokens.ts";

const pair = await newPair("ES256");
/** Assets in a claim of the claim `app`. */
const films = { assetsClaim: ["app", "films"] };
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
    [
      "scopes in an object in an object",
      { realm_access: { roles: ["stream:play", "offline_access"] } },
      { scopeClaim: ["realm_access", "roles"] },
      { scopes: new Set(["stream:play", "offline_access"]) },
    ],
    [
      "everything in objects",
      { app: { user: { id: "u-7", films: "*", devices: 4 }, login: "l-1" } },
      {
        subjectClaim: ["app", "user", "id"],
        assetsClaim: ["app", "user", "films"],
        streamsClaim: ["app", "user", "devices"],
        loginClaim: ["app", "login"],
      },
      { subject: "u-7", assets: "*", streams: 4, loginId: "l-1" },
    ],
    ["a list of one name, which is that name", { "a.b": "u-7" }, { subjectClaim: ["a.b"] }, { subject: "u-7" }],
    [
      "one name with dots, and not what its parts lead to",
      { "https://x.example/u.id": "u-7", "https://x": { "example/u": { id: "other" } } },
      { subjectClaim: "https://x.example/u.id" },
      { subject: "u-7" },
    ],
    [
      "a name with dots inside an object",
      { "https://x.example/app": { "user.id": "u-7", user: { id: "other" } } },
      { subjectClaim: ["https://x.example/app", "user.id"] },
      { subject: "u-7" },
    ],
    ["no login where the object has none", { app: {} }, { loginClaim: ["app", "login"] }, { loginId: undefined }],
    ["no login where there is no object", {}, { loginClaim: ["app", "login"] }, { loginId: undefined }],
    [
      "the default where the object has no such member",
      { app: { x: 1 }, assets: undefined },
      { assetsClaim: ["app", "films"], assetsDefault: "all" },
      { assets: "*" },
    ],
    ["a subject that is a number", { uid: 42 }, { subjectClaim: "uid" }, { subject: "42" }],
    ["a subject that is its digits, the same viewer", { uid: "42" }, { subjectClaim: "uid" }, { subject: "42" }],
    ["a subject that is 0", { uid: 0 }, { subjectClaim: "uid" }, { subject: "0" }],
    ["a subject that is -0, as 0", JSON.parse('{"uid": -0}'), { subjectClaim: "uid" }, { subject: "0" }],
    ["a subject that is negative", { uid: -7 }, { subjectClaim: "uid" }, { subject: "-7" }],
    [
      "the greatest number that is exact",
      { uid: 9_007_199_254_740_991 },
      { subjectClaim: "uid" },
      { subject: "9007199254740991" },
    ],
    ["a number inside an object", { user: { id: 42 } }, { subjectClaim: ["user", "id"] }, { subject: "42" }],
    ["streams in digits", { streams: "2" }, {}, { streams: 2 }],
    ["streams in many digits", { streams: "999999999999999" }, {}, { streams: 999_999_999_999_999 }],
    ["one asset", { assets: "film" }, {}, { assets: new Set(["film"]) }],
    ["streams", { "max-streams": 3 }, { streamsClaim: "max-streams" }, { streams: 3 }],
  ])("%s", (_, claims, changes, expected) => {
    expect(credential({ ...claims }, { ...changes })).toMatchObject(expected);
  });

  it.each<[string, object, object]>([
    ["a subject that is missing", {}, { subjectClaim: "uid" }],
    ["a subject that every object has", {}, { subjectClaim: "constructor" }],
    ["a subject of 513 characters", { sub: "x".repeat(513) }, {}],
    ["a sub that is a number", { sub: 42 }, {}],
    ["a sub that is a number, where it is named", { sub: 42 }, { subjectClaim: "sub" }],
    ...[2 ** 53, -(2 ** 53), 1e300, 4.2, true, null, ["42"], [42], {}, ""].map((uid): [string, object, object] => [
      `a subject that is ${JSON.stringify(uid)}`,
      { uid },
      { subjectClaim: "uid" },
    ]),
    ["a number that JSON has rounded", JSON.parse('{"uid": 9007199254740993}'), { subjectClaim: "uid" }],
    ...["", "0", "00", "02", "+2", "-2", " 2", "2 ", "2\n", "2.0", "2e0", "1e3", "0x2", "2n", "٢", "２", "two"].map(
      (streams): [string, object, object] => [`streams of ${JSON.stringify(streams)}`, { streams }, {}],
    ),
    ["streams of more digits than are exact", { streams: "1000000000000000" }, {}],
    ["a login that is a number", { sid: 7 }, {}],
    ["an empty login", { sid: "" }, {}],
    ["a login that is null", { sid: null }, {}],
    ["scopes with a number among them", { scp: ["a", 1] }, { scopeClaim: "scp" }],
    ["a subject whose name has dots, where only its parts are there", { a: { b: "u-7" } }, { subjectClaim: "a.b" }],
    ["a subject in parts, where only a name with dots is there", { "a.b": "u-7" }, { subjectClaim: ["a", "b"] }],
    ["a subject that every object has", {}, { subjectClaim: ["constructor", "name"] }],
    ["a subject that every object inherits", {}, { subjectClaim: ["__proto__", "sub"] }],
    ["a subject inside a claim that every string has", { app: "u-7" }, { subjectClaim: ["app", "length"] }],
    ["a subject by its place in a list", { groups: ["u-7"] }, { subjectClaim: ["groups", "0"] }],
    ["the length of a list as streams", { groups: ["a", "b"] }, { streamsClaim: ["groups", "length"] }],
    ["an object as the subject", { app: { id: "u-7" } }, { subjectClaim: "app" }],
    ...["film", 7, null, true, ["film"]].flatMap((app): [string, object, object][] => [
      [`assets inside ${JSON.stringify(app)}, whatever the default`, { app }, { ...films, assetsDefault: "all" }],
      [`a login inside ${JSON.stringify(app)}`, { app }, { loginClaim: ["app", "login"] }],
      [`scopes inside ${JSON.stringify(app)}`, { app }, { scopeClaim: ["app", "scopes"] }],
    ]),
    ["scopes in an object", { scp: { a: true } }, { scopeClaim: "scp" }],
  ])("refuse %s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toBe("token_invalid");
  });
});

describe("a token is for this service", () => {
  const ours = String(usualClaims.aud);
  const client = { audienceClaim: "client_id" };
  const inObject = { audienceClaim: ["app", "for"] };

  it.each<[string, object, object]>([
    ["by another claim than aud", { aud: undefined, client_id: ours }, client],
    ["by that claim and aud", { aud: ["other", ours], client_id: ours }, client],
    ["by one of several names", { aud: undefined, azp: "b" }, { audienceClaim: "azp", audience: ["a", "b"] }],
    ["by two of several names", { aud: "account", azp: "web" }, { audienceClaim: "azp", audience: ["web", "account"] }],
    ["by one of a list", { aud: undefined, client_id: ["other", ours] }, client],
    ["by a claim inside an object", { aud: undefined, app: { for: ours } }, inObject],
    ["by aud, whatever client_id says", { client_id: "other" }, {}],
    ["by aud in a list of one name", {}, { audienceClaim: ["aud"] }],
  ])("%s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toMatchObject({ subject: "viewer-1" });
  });

  it.each<[string, object, object]>([
    ["the claim is missing, though aud is right", {}, client],
    ["the claim is missing, and aud too", { aud: undefined }, client],
    ["the claim names another", { aud: undefined, client_id: "other" }, client],
    ["the claim names another, though aud is right", { client_id: "other" }, client],
    ["aud names another, though the claim is right", { aud: "other", client_id: ours }, client],
    ["aud is null, though the claim is right", { aud: null, client_id: ours }, client],
    ["aud is an empty list, though the claim is right", { aud: [], client_id: ours }, client],
    ["the claim is empty", { aud: undefined, azp: "" }, { audienceClaim: "azp" }],
    ["the claim is an empty list", { aud: undefined, azp: [] }, { audienceClaim: "azp" }],
    ["the claim is null", { aud: undefined, azp: null }, { audienceClaim: "azp" }],
    ["the claim begins with the name", { aud: undefined, client_id: `${ours}x` }, client],
    ["the claim has the name among others", { aud: undefined, client_id: `${ours} other` }, client],
    ["the claim is in another case", { aud: undefined, client_id: ours.toUpperCase() }, client],
    ["the list has more than texts in it", { aud: undefined, client_id: [ours, 7] }, client],
    ["the claim is an object", { aud: undefined, client_id: { [ours]: true } }, client],
    ["the claim is one that every object has", { aud: undefined }, { audienceClaim: "constructor" }],
    ["the object has no such member", { aud: undefined, app: {} }, inObject],
    ["the object is a text", { aud: undefined, app: ours }, inObject],
    ["the name with dots is there in parts", { aud: undefined, app: { for: ours } }, { audienceClaim: "app.for" }],
  ])("and is refused where %s", (_, claims, changes) => {
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

it("a member that JSON calls __proto__ is the token's own, and no other object gets it", () => {
  const claims = JSON.parse('{"__proto__": {"sub": "u-7"}, "app": {"__proto__": {"films": "*"}}}');
  const read = (changes: object) => credential(claims, { ...changes });
  expect(read({ ...films, assetsDefault: "none" })).toMatchObject({ assets: new Set() });
  expect(read({ subjectClaim: ["app", "sub"] })).toBe("token_invalid");
  expect(read({ subjectClaim: ["app", "__proto__", "sub"] })).toBe("token_invalid");
  expect(read({ assetsClaim: ["app", "__proto__", "films"] })).toMatchObject({ assets: "*" });
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
