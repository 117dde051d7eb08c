import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readClaims } from "../../../src/auth/claims.ts";
import { type Issuer, issuerSchema } from "../../../src/auth/issuer.ts";
import { now } from "../signing/session.ts";
import { newPair, usualClaims } from "./tokens.ts";

const pair = await newPair("ES256");
/** The assets are in `app.films`. */
const films = { assetsClaim: ["app", "films"] };
const thumbprint = `${"A".repeat(42)}E`;

function issuerWith(changes: Readonly<Record<string, unknown>> = {}): Issuer {
  const usual = {
    issuer: usualClaims.iss,
    audience: usualClaims.aud,
    algorithms: ["ES256"],
    jwks: { keys: [pair.jwk] },
  };
  return issuerSchema.parse({ ...usual, ...changes });
}

function credential(claims: Readonly<Record<string, unknown>>, changes: Readonly<Record<string, unknown>> = {}) {
  const read = readClaims({ ...usualClaims, ...claims }, issuerWith(changes), now);
  return read.ok ? read.value.credential : read.refusal.code;
}

describe("the claim names of an issuer", () => {
  it.each<[string, object, object, object]>([
    ["a subject under another name", { uid: "u-7", sub: "s" }, { subjectClaim: "uid" }, { subject: "u-7" }],
    ["a login from sid", { sid: "l-1" }, {}, { loginId: "l-1" }],
    ["no login if there is no claim", {}, {}, { loginId: undefined }],
    ["no streams for a name that every object inherits", {}, { streamsClaim: "constructor" }, { streams: undefined }],
    ["a login under another name", { session: "l-2", sid: 7 }, { loginClaim: "session" }, { loginId: "l-2" }],
    [
      "scopes from a list",
      { scp: ["stream:play", "a b"] },
      { scopeClaim: "scp" },
      { scopes: new Set(["stream:play", "a b"]) },
    ],
    [
      "scopes from a string",
      { scp: "a stream:play", scope: "admin" },
      { scopeClaim: "scp" },
      { scopes: new Set(["a", "stream:play"]) },
    ],
    [
      "no scopes from an scp that is not configured",
      { scp: ["stream:play"], scope: undefined },
      {},
      { scopes: new Set() },
    ],
    [
      "assets from a claim whose name is a URL",
      { "https://x/films": ["f"] },
      { assetsClaim: "https://x/films" },
      { assets: new Set(["f"]) },
    ],
    [
      "scopes from a nested object",
      { realm_access: { roles: ["stream:play", "offline_access"] } },
      { scopeClaim: ["realm_access", "roles"] },
      { scopes: new Set(["stream:play", "offline_access"]) },
    ],
    [
      "all values from nested objects",
      { app: { user: { id: "u-7", films: "*", devices: 4 }, login: "l-1" } },
      {
        subjectClaim: ["app", "user", "id"],
        assetsClaim: ["app", "user", "films"],
        streamsClaim: ["app", "user", "devices"],
        loginClaim: ["app", "login"],
      },
      { subject: "u-7", assets: "*", streams: 4, loginId: "l-1" },
    ],
    ["a subject from a path of one name", { "a.b": "u-7" }, { subjectClaim: ["a.b"] }, { subject: "u-7" }],
    [
      "a subject from a name with dots, which is not a path",
      { "https://x.example/u.id": "u-7", "https://x": { "example/u": { id: "other" } } },
      { subjectClaim: "https://x.example/u.id" },
      { subject: "u-7" },
    ],
    [
      "a subject from a name with dots inside an object",
      { "https://x.example/app": { "user.id": "u-7", user: { id: "other" } } },
      { subjectClaim: ["https://x.example/app", "user.id"] },
      { subject: "u-7" },
    ],
    ["no login if the object has none", { app: {} }, { loginClaim: ["app", "login"] }, { loginId: undefined }],
    ["no login if there is no object", {}, { loginClaim: ["app", "login"] }, { loginId: undefined }],
    [
      "the default assets if the object has no such member",
      { app: { x: 1 }, assets: undefined },
      { assetsClaim: ["app", "films"], assetsDefault: "all" },
      { assets: "*" },
    ],
    ["a subject from a number", { uid: 42 }, { subjectClaim: "uid" }, { subject: "42" }],
    ["the same subject from the number's digits", { uid: "42" }, { subjectClaim: "uid" }, { subject: "42" }],
    ["a subject from 0", { uid: 0 }, { subjectClaim: "uid" }, { subject: "0" }],
    ["the subject 0 from -0", JSON.parse('{"uid": -0}'), { subjectClaim: "uid" }, { subject: "0" }],
    ["a subject from a negative number", { uid: -7 }, { subjectClaim: "uid" }, { subject: "-7" }],
    [
      "a subject from the largest safe integer",
      { uid: 9_007_199_254_740_991 },
      { subjectClaim: "uid" },
      { subject: "9007199254740991" },
    ],
    [
      "a subject from a number inside an object",
      { user: { id: 42 } },
      { subjectClaim: ["user", "id"] },
      { subject: "42" },
    ],
    ["streams from digits", { streams: "2" }, {}, { streams: 2 }],
    ["streams from 15 digits", { streams: "999999999999999" }, {}, { streams: 999_999_999_999_999 }],
    ["one asset from a string", { assets: "film" }, {}, { assets: new Set(["film"]) }],
    ["streams under another name", { "max-streams": 3 }, { streamsClaim: "max-streams" }, { streams: 3 }],
  ])("yield %s", (_, claims, changes, expected) => {
    expect(credential({ ...claims }, { ...changes })).toMatchObject(expected);
  });

  it.each<[string, object, object]>([
    ["a subject that is missing", {}, { subjectClaim: "uid" }],
    ["a subject claim that every object inherits", {}, { subjectClaim: "constructor" }],
    ["a subject of 513 characters", { sub: "x".repeat(513) }, {}],
    ["a sub that is a number", { sub: 42 }, {}],
    ["a sub that is a number, even if subjectClaim names it", { sub: 42 }, { subjectClaim: "sub" }],
    ...[2 ** 53, -(2 ** 53), 1e300, 4.2, true, null, ["42"], [42], {}, ""].map((uid): [string, object, object] => [
      `a subject that is ${JSON.stringify(uid)}`,
      { uid },
      { subjectClaim: "uid" },
    ]),
    ["a subject that JSON rounds", JSON.parse('{"uid": 9007199254740993}'), { subjectClaim: "uid" }],
    ...["", "0", "00", "02", "+2", "-2", " 2", "2 ", "2\n", "2.0", "2e0", "1e3", "0x2", "2n", "٢", "２", "two"].map(
      (streams): [string, object, object] => [`streams of ${JSON.stringify(streams)}`, { streams }, {}],
    ),
    ["streams of 16 digits", { streams: "1000000000000000" }, {}],
    ["a login that is a number", { sid: 7 }, {}],
    ["an empty login", { sid: "" }, {}],
    ["a login that is null", { sid: null }, {}],
    ["scopes with a number among them", { scp: ["a", 1] }, { scopeClaim: "scp" }],
    [
      "a subject claim with dots in its name, if it exists only as a path",
      { a: { b: "u-7" } },
      { subjectClaim: "a.b" },
    ],
    ["a path to the subject, if it exists only as a name with dots", { "a.b": "u-7" }, { subjectClaim: ["a", "b"] }],
    ["a nested subject claim that every object inherits", {}, { subjectClaim: ["constructor", "name"] }],
    ["a subject claim inside __proto__", {}, { subjectClaim: ["__proto__", "sub"] }],
    ["the length of a string as the subject", { app: "u-7" }, { subjectClaim: ["app", "length"] }],
    ["a subject at an index of a list", { groups: ["u-7"] }, { subjectClaim: ["groups", "0"] }],
    ["the length of a list as streams", { groups: ["a", "b"] }, { streamsClaim: ["groups", "length"] }],
    ["an object as the subject", { app: { id: "u-7" } }, { subjectClaim: "app" }],
    ...["film", 7, null, true, ["film"]].flatMap((app): [string, object, object][] => [
      [`assets inside ${JSON.stringify(app)}, whatever the default`, { app }, { ...films, assetsDefault: "all" }],
      [`a login inside ${JSON.stringify(app)}`, { app }, { loginClaim: ["app", "login"] }],
      [`scopes inside ${JSON.stringify(app)}`, { app }, { scopeClaim: ["app", "scopes"] }],
    ]),
    ["scopes in an object", { scp: { a: true } }, { scopeClaim: "scp" }],
  ])("do not accept %s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toBe("token_invalid");
  });
});

describe("the audience check", () => {
  const ours = String(usualClaims.aud);
  const client = { audienceClaim: "client_id" };
  const inObject = { audienceClaim: ["app", "for"] };

  it.each<[string, object, object]>([
    ["in the configured claim instead of aud", { aud: undefined, client_id: ours }, client],
    ["in both that claim and aud", { aud: ["other", ours], client_id: ours }, client],
    ["if one of several names matches", { aud: undefined, azp: "b" }, { audienceClaim: "azp", audience: ["a", "b"] }],
    [
      "if claim and aud match different names of several",
      { aud: "account", azp: "web" },
      { audienceClaim: "azp", audience: ["web", "account"] },
    ],
    ["if one name of a list matches", { aud: undefined, client_id: ["other", ours] }, client],
    ["in a nested claim", { aud: undefined, app: { for: ours } }, inObject],
    ["in aud, and ignores a client_id that is not configured", { client_id: "other" }, {}],
    ["in aud, configured as a path of one name", {}, { audienceClaim: ["aud"] }],
  ])("accepts this service's name %s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toMatchObject({ subject: "viewer-1" });
  });

  it.each<[string, object, object]>([
    ["the claim is missing, even if aud matches", {}, client],
    ["both the claim and aud are missing", { aud: undefined }, client],
    ["the claim names another service", { aud: undefined, client_id: "other" }, client],
    ["the claim names another service, even if aud matches", { client_id: "other" }, client],
    ["aud names another service, even if the claim matches", { aud: "other", client_id: ours }, client],
    ["aud is null, even if the claim matches", { aud: null, client_id: ours }, client],
    ["aud is an empty list, even if the claim matches", { aud: [], client_id: ours }, client],
    ["the claim is empty", { aud: undefined, azp: "" }, { audienceClaim: "azp" }],
    ["the claim is an empty list", { aud: undefined, azp: [] }, { audienceClaim: "azp" }],
    ["the claim is null", { aud: undefined, azp: null }, { audienceClaim: "azp" }],
    ["the claim only begins with the name", { aud: undefined, client_id: `${ours}x` }, client],
    ["the claim is a string that contains the name", { aud: undefined, client_id: `${ours} other` }, client],
    ["the claim differs in letter case", { aud: undefined, client_id: ours.toUpperCase() }, client],
    ["the claim is a list with a number", { aud: undefined, client_id: [ours, 7] }, client],
    ["the claim is an object", { aud: undefined, client_id: { [ours]: true } }, client],
    ["the claim is one that every object inherits", { aud: undefined }, { audienceClaim: "constructor" }],
    ["the nested claim is missing", { aud: undefined, app: {} }, inObject],
    ["the object is a string", { aud: undefined, app: ours }, inObject],
    ["a name with dots matches only as a path", { aud: undefined, app: { for: ours } }, { audienceClaim: "app.for" }],
  ])("refuses a token if %s", (_, claims, changes) => {
    expect(credential({ ...claims }, { ...changes })).toBe("token_invalid");
  });
});

describe("the scope map of an issuer", () => {
  const scopes = { "media.watch": "stream:play", gold: "stream:play premium", constructor: "x" };

  it.each([
    ["openid media.watch", ["stream:play"]],
    ["media.watch gold", ["stream:play", "premium"]],
    ["stream:play", []],
    ["toString __proto__ hasOwnProperty", []],
    ["constructor", ["x"]],
    ["", []],
  ])("maps %j to %j and drops all other scopes", (scope, expected) => {
    expect(credential({ scope }, { scopes })).toMatchObject({ scopes: new Set(expected) });
  });
});

describe("the cnf claim", () => {
  const bound = (cnf: unknown) => {
    const read = readClaims({ ...usualClaims, cnf }, issuerWith({ dpop: "required" }), now);
    return read.ok ? read.value : read.refusal.code;
  };

  it("binds the token to a key's thumbprint, and is optional", () => {
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
  ])("is refused if it cannot be verified: %j", (cnf) => {
    expect(bound(cnf)).toBe("token_invalid");
  });
});

it("a `__proto__` member of a token is read as an ordinary claim and is not inherited by other objects", () => {
  const claims = JSON.parse('{"__proto__": {"sub": "u-7"}, "app": {"__proto__": {"films": "*"}}}');
  const read = (changes: object) => credential(claims, { ...changes });
  expect(read({ ...films, assetsDefault: "none" })).toMatchObject({ assets: new Set() });
  expect(read({ subjectClaim: ["app", "sub"] })).toBe("token_invalid");
  expect(read({ subjectClaim: ["app", "__proto__", "sub"] })).toBe("token_invalid");
  expect(read({ assetsClaim: ["app", "__proto__", "films"] })).toMatchObject({ assets: "*" });
});

it("random claims are accepted or refused without an exception, and no refusal quotes them", () => {
  const names = ["sub", "exp", "iat", "jti", "scope", "assets", "streams", "sid", "cnf"];
  const claims = fc.dictionary(fc.constantFrom(...names), fc.oneof(fc.jsonValue(), fc.constant("MARKEDVALUE")));
  fc.assert(
    fc.property(claims, (random) => {
      const read = readClaims({ ...usualClaims, ...random }, issuerWith(), now);
      if (!read.ok)
        expect([read.refusal.code, read.refusal.reason.includes("MARKED")]).toEqual(["token_invalid", false]);
      else expect(read.value.credential.subject).not.toBe("");
    }),
  );
});
