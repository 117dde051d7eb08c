import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { issuerSchema } from "../../../src/auth/issuer.ts";
import { readConfiguration, trustFaults } from "../../../src/config/configuration.ts";
import { sessionKey } from "../signing/session.ts";

const coordinate = "A".repeat(43);
const publicKey = { kty: "EC", crv: "P-256", x: coordinate, y: coordinate, kid: "k1" };
const issuer = {
  issuer: "https://id.example",
  audience: "stagedoor",
  algorithms: ["ES256"],
  jwks: { keys: [publicKey] },
};

const environment = {
  STAGEDOOR_KEYS: JSON.stringify({ keys: [sessionKey("2026-a", 1)] }),
  STAGEDOOR_MEDIA_URL: "https://media.example",
  STAGEDOOR_ISSUERS: JSON.stringify([issuer]),
};

function faults(changes: Readonly<Record<string, unknown>>): readonly string[] {
  const read = readConfiguration({ ...environment, ...changes });
  return read.ok ? [] : read.refusal;
}

/** The faults' beginnings: which setting each is of. */
const settingsOf = (found: readonly string[]) => found.map((fault) => /^STAGEDOOR_[A-Z_0-9]+/.exec(fault)?.[0]);

describe("readConfiguration", () => {
  it("takes three settings and fills in the rest", () => {
    const read = readConfiguration(environment);
    expect(read).toMatchObject({
      ok: true,
      value: {
        development: false,
        grantIssuer: "stagedoor",
        mediaUrl: "https://media.example",
        basePath: "/",
        manifestTtl: 300,
        sessionTtl: 21_600,
        pauseAllowance: 300,
        expiryStep: 30,
        renewal: "redirect",
        streamLimit: undefined,
        sharedNetworks: 3,
        leaseTtl: 90,
        revocationMaxAge: 2,
        storeFailure: "closed",
      },
    });
  });

  it("takes 0 for any number of streams and of networks", () => {
    const limits = (value: string) =>
      readConfiguration({ ...environment, STAGEDOOR_STREAM_LIMIT: value, STAGEDOOR_SHARED_NETWORKS: value });
    expect(limits("0")).toMatchObject({ value: { streamLimit: undefined, sharedNetworks: undefined } });
    expect(limits("1")).toMatchObject({ value: { streamLimit: 1, sharedNetworks: 1 } });
  });

  it("asks for no issuer, which the API alone needs, and only where there is no identity worker", () => {
    expect(faults({ STAGEDOOR_ISSUERS: undefined })).toEqual([]);
    const apiUrl = "https://api.example";
    const named = issuerSchema.parse(issuer);
    expect(settingsOf(trustFaults({ issuers: [], apiUrl }, false))).toEqual(["STAGEDOOR_ISSUERS"]);
    expect(trustFaults({ issuers: [named], apiUrl: undefined }, false)).toEqual([]);
    expect(trustFaults({ issuers: [], apiUrl }, true)).toEqual([]);
    expect(settingsOf(trustFaults({ issuers: [], apiUrl: undefined }, true))).toEqual(["STAGEDOOR_API_URL"]);
  });

  it("takes nobody beside the identity worker under its name: it would vouch for its users with other keys", () => {
    const own = issuerSchema.parse({ ...issuer, issuer: "https://api.example" });
    const found = trustFaults({ issuers: [own], apiUrl: "https://api.example" }, true);
    expect(settingsOf(found)).toEqual(["STAGEDOOR_ISSUERS"]);
  });

  const json = JSON.stringify;
  const bad: readonly [setting: string, ...values: unknown[]][] = [
    ["STAGEDOOR_ENV", "dev", "Development", ""],
    ["STAGEDOOR_KEYS", undefined, "", "{", "null", "[]", '{"keys":{}}', '{"keys":[]}', '{"keys":[{}]}', {}],
    ["STAGEDOOR_KEYS", json({ keys: [{ ...sessionKey("a", 1), k: "A".repeat(42) }] })],
    ["STAGEDOOR_KEYS", json({ keys: [sessionKey("a", 1), sessionKey("a", 2)] })],
    ["STAGEDOOR_KEYS", json({ keys: [sessionKey("a", 1, { nbf: 5, exp: 5 })] })],
    ["STAGEDOOR_KEYS", json({ keys: [sessionKey("dev-a", 1)] })],
    ["STAGEDOOR_MEDIA_URL", undefined, "media.example", "https://media.example/", "https://Media.example", "ftp://m"],
    ["STAGEDOOR_MEDIA_URL", "https://u:p@m", "https://m/x", "https://m?x", "https://m\n", "http://m", "javascript:0"],
    ["STAGEDOOR_ISSUERS", "", "{}", "[]", "[1]", json([{ ...issuer, algorithms: ["none"] }]), json([issuer, issuer])],
    ["STAGEDOOR_ISSUERS", json([{ ...issuer, issuer: "stagedoor-dev" }])],
    ["STAGEDOOR_ISSUERS", json([{ ...issuer, jwks: { keys: [{ ...publicKey, kid: "dev-1" }] } }])],
    ["STAGEDOOR_GRANT_ISSUER", "", "x".repeat(65)],
    ["STAGEDOOR_BASE_PATH", "/console", "/console/api", "/metrics", "/health", "/ready/x", "/openapi.json"],
    ["STAGEDOOR_BASE_PATH", "/api/auth", "/api/auth/v1", "", "api", "/api/", "//", "/a b", "/:id", "/*", "/api\n"],
    ["STAGEDOOR_MANIFEST_TTL", "59", "601", "-60", "6e1", "60.5", " 60", "", "0x40", 300, "60s"],
    ["STAGEDOOR_SESSION_TTL", "4", "604801", "1e3"],
    ["STAGEDOOR_PAUSE_ALLOWANCE", "-1", "86401"],
    ["STAGEDOOR_EXPIRY_STEP", "0", "3601"],
    ["STAGEDOOR_STREAM_LIMIT", "-1", "1001", "1.5", "many", ""],
    ["STAGEDOOR_SHARED_NETWORKS", "-1", "17", "all"],
    ["STAGEDOOR_LEASE_TTL", "5", "3601", "0"],
    ["STAGEDOOR_REVOCATION_MAX_AGE", "0", "3601", "0.5"],
    ["STAGEDOOR_STORE_FAILURE", "Open", "fail", ""],
    ["STAGEDOOR_RENEWAL", "on", "true", ""],
  ];
  it.each(bad)("names %s where it is wrong, and only that", (setting, ...values) => {
    for (const value of values) {
      const found = settingsOf(faults({ [setting]: value }));
      expect([value, new Set(found)]).toEqual([value, new Set([setting])]);
    }
  });

  it("compares settings with each other", () => {
    const found = faults({ STAGEDOOR_EXPIRY_STEP: "60", STAGEDOOR_SESSION_TTL: "59" });
    expect(settingsOf(found)).toEqual(["STAGEDOOR_EXPIRY_STEP"]);
  });

  it("names a misspelt setting, and leaves what is not its own alone", () => {
    expect(settingsOf(faults({ STAGEDOOR_MANIFST_TTL: "60", MEDIA: {}, toString: 1 }))).toEqual([
      "STAGEDOOR_MANIFST_TTL",
    ]);
  });

  it("names every fault at once", () => {
    const found = faults({
      STAGEDOOR_KEYS: json({ keys: [{ kid: "a" }, sessionKey("dev-b", 1), { ...sessionKey("c", 1), k: "AA" }] }),
      STAGEDOOR_MEDIA_URL: "media.example",
      STAGEDOOR_ISSUERS: json([
        { ...issuer, audience: "" },
        { ...issuer, clockTolerance: 9999 },
      ]),
      STAGEDOOR_MANIFEST_TTL: "1",
      STAGEDOOR_RENEWAL: "yes",
      STAGEDOOR_TYPO: "1",
    });
    expect(settingsOf(found).sort()).toEqual([
      "STAGEDOOR_ISSUERS",
      "STAGEDOOR_ISSUERS",
      "STAGEDOOR_KEYS",
      "STAGEDOOR_KEYS",
      "STAGEDOOR_MANIFEST_TTL",
      "STAGEDOOR_MEDIA_URL",
      "STAGEDOOR_RENEWAL",
      "STAGEDOOR_TYPO",
    ]);
  });

  it("names what is for development alone beside a setting that is wrong by itself", () => {
    const dev = { STAGEDOOR_ISSUERS: json([{ ...issuer, issuer: "stagedoor-dev" }]), STAGEDOOR_MEDIA_URL: "http://m" };
    const found = settingsOf(faults({ ...dev, STAGEDOOR_RENEWAL: "yes" })).sort();
    expect(found).toEqual(["STAGEDOOR_ISSUERS", "STAGEDOOR_MEDIA_URL", "STAGEDOOR_RENEWAL"]);
    expect(settingsOf(faults({ ...dev, STAGEDOOR_ENV: "devel" }))).toEqual(["STAGEDOOR_ENV"]);
  });

  it("takes what is for development there, and nowhere else", () => {
    const dev = {
      STAGEDOOR_KEYS: json({ keys: [sessionKey("dev-a", 1)] }),
      STAGEDOOR_MEDIA_URL: "http://localhost:8788",
      STAGEDOOR_ISSUERS: json([
        { ...issuer, issuer: "stagedoor-dev", jwks: { keys: [{ ...publicKey, kid: "dev-1" }] } },
      ]),
    };
    expect(faults({ ...dev, STAGEDOOR_ENV: "development" })).toEqual([]);
    for (const STAGEDOOR_ENV of ["staging", "production", undefined])
      expect(faults({ ...dev, STAGEDOOR_ENV })).toHaveLength(4);
  });

  it.each(["token", "operator"])("refuses the private half of a key of the purpose %s", (purpose) => {
    const key = { ...publicKey, purpose, alg: "ES256" };
    const ring = (more: object) => ({ STAGEDOOR_KEYS: json({ keys: [sessionKey("a", 1), { ...key, ...more }] }) });
    expect(faults(ring({}))).toEqual([]);
    expect(faults(ring({ d: coordinate }))).toHaveLength(1);
  });

  it("refuses an issuer of viewers that takes the operators' name, and says that it vouches for some", () => {
    expect(settingsOf(faults({ STAGEDOOR_ISSUERS: json([{ ...issuer, issuer: "stagedoor-operator" }]) }))).toEqual([
      "STAGEDOOR_ISSUERS",
    ]);
    expect(settingsOf(faults({ STAGEDOOR_ISSUERS: json([{ ...issuer, operators: true }]) }))).toEqual([
      "STAGEDOOR_ISSUERS",
    ]);
  });

  it("asks for the API's address where DPoP is required or other sites are trusted, and for https outside development", () => {
    const dpop = { STAGEDOOR_ISSUERS: json([{ ...issuer, dpop: "required" }]) };
    const origins = { STAGEDOOR_ORIGINS: "https://www.example.com" };
    for (const needing of [dpop, origins]) {
      expect(faults(needing)).toHaveLength(1);
      expect(faults({ ...needing, STAGEDOOR_API_URL: "https://api.example" })).toEqual([]);
      expect(settingsOf(faults({ ...needing, STAGEDOOR_API_URL: "api.example" }))).toEqual(["STAGEDOOR_API_URL"]);
    }
    const STAGEDOOR_API_URL = "http://localhost:8787";
    expect(settingsOf(faults({ STAGEDOOR_API_URL }))).toEqual(["STAGEDOOR_API_URL"]);
    expect(faults({ STAGEDOOR_API_URL, STAGEDOOR_ENV: "development" })).toEqual([]);
  });

  it("refuses a development operator elsewhere", () => {
    const key = { ...publicKey, purpose: "operator", alg: "ES256", kid: "dev-operator" };
    const STAGEDOOR_KEYS = json({ keys: [sessionKey("a", 1), key] });
    expect(faults({ STAGEDOOR_KEYS, STAGEDOOR_ENV: "development" })).toEqual([]);
    expect(settingsOf(faults({ STAGEDOOR_KEYS }))).toEqual(["STAGEDOOR_KEYS"]);
  });
});

describe("a fault quotes no value, which may be a secret", () => {
  const marked = "MARKEDSECRET";
  const documents = [
    marked,
    { keys: marked },
    { keys: [marked] },
    { keys: [{ ...sessionKey("a", 1), k: marked }] },
    { keys: [{ ...sessionKey("a", 1), alg: marked, kty: marked }] },
    { keys: [{ ...sessionKey("a", 1), nbf: marked, exp: marked }] },
    { keys: [{ purpose: marked, k: marked }] },
    { keys: [{ purpose: "cloudfront", kty: marked, d: marked, n: marked }] },
    { keys: [{ purpose: "token", kty: "EC", d: marked, x: marked, crv: marked }] },
    [{ ...issuer, algorithms: [marked], jwksUri: marked }],
    [{ ...issuer, clockTolerance: marked, assetsDefault: marked }],
    [{ ...issuer, algorithms: ["HS256"], jwks: { keys: [{ kty: "oct", k: marked }] } }],
    [{ ...issuer, jwks: { keys: [{ ...publicKey, d: marked }] } }],
    [{ ...issuer, jwksUri: `https://u:${marked}@id.example` }],
  ].flatMap((document) => [JSON.stringify(document), JSON.stringify(document).slice(0, -1)]);

  it.each(
    Object.keys(environment).concat(
      "STAGEDOOR_ENV",
      "STAGEDOOR_BASE_PATH",
      "STAGEDOOR_MANIFEST_TTL",
      "STAGEDOOR_RENEWAL",
    ),
  )("of %s", (setting) => {
    for (const value of [marked, ...documents]) {
      const found = faults({ [setting]: value });
      expect(found.join("\n")).not.toContain(marked);
    }
  });

  it("whatever stands there, and without an exception", () => {
    const value = fc.oneof(
      fc.string(),
      fc.json(),
      fc.json().map((text) => `{"keys":[${text}]}`),
      fc.json().map((text) => `[${text}]`),
      fc.anything(),
    );
    const settings = fc.dictionary(
      fc.constantFrom(...Object.keys(environment), "STAGEDOOR_ENV", "STAGEDOOR_EXPIRY_STEP"),
      value,
      { minKeys: 1 },
    );
    fc.assert(
      fc.property(settings, (changes) => {
        expect(faults(changes).every((fault) => fault.startsWith("STAGEDOOR_"))).toBe(true);
      }),
    );
  });
});
