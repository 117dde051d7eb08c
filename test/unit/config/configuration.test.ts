import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { issuerSchema } from "../../../src/auth/issuer.ts";
import { readConfiguration, trustFaults } from "../../../src/config/configuration.ts";
import { leaseTtlOf } from "../../../src/config/settings.ts";
import { newBackendPair } from "../auth/backends.ts";
import { sessionKey } from "../signing/session.ts";

const backend = await newBackendPair();

const coordinate = "A".repeat(43);
const publicKey = { kty: "EC", crv: "P-256", x: coordinate, y: coordinate, kid: "k1" };
const issuer = {
  issuer: "https://id.example",
  audience: "stagedoor",
  algorithms: ["ES256"],
  jwks: { keys: [publicKey] },
};

const json = JSON.stringify;
const environment = {
  STAGEDOOR_KEYS: JSON.stringify({ keys: [sessionKey("2026-a", 1)] }),
  STAGEDOOR_MEDIA_URL: "https://media.example",
  STAGEDOOR_ISSUERS: JSON.stringify([issuer]),
};

function faultsOf(changes: Readonly<Record<string, unknown>>): readonly string[] {
  const read = readConfiguration({ ...environment, ...changes });
  return read.ok ? [] : read.refusal;
}

/** The setting of each fault: the fault begins with its name. */
const settingsOf = (faults: readonly string[]) => faults.map((fault) => /^STAGEDOOR_[A-Z_0-9]+/.exec(fault)?.[0]);

describe("the configuration", () => {
  it("needs only keys, a media URL and issuers, and has defaults for the rest", () => {
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

  it("reads 0 as no limit of streams and of networks", () => {
    const limits = (value: string) =>
      readConfiguration({ ...environment, STAGEDOOR_STREAM_LIMIT: value, STAGEDOOR_SHARED_NETWORKS: value });
    expect(limits("0")).toMatchObject({ value: { streamLimit: undefined, sharedNetworks: undefined } });
    expect(limits("1")).toMatchObject({ value: { streamLimit: 1, sharedNetworks: 1 } });
  });

  const ring = { keys: [] };

  it("requires no issuer if the ring has a backend's key", () => {
    const { key } = backend;
    expect(trustFaults({ issuers: [], apiUrl: undefined, ring: { keys: [key] } }, false)).toEqual([]);
  });

  it("maps a backend's viewers to one trusted issuer only, and reserves the backends' own names", () => {
    const of = (name: string, more: object = {}) =>
      settingsOf(faultsOf({ STAGEDOOR_BACKENDS: json({ web: { issuer: name } }), ...more }));
    expect(of("https://id.example")).toEqual([]);
    expect(of("backend:app")).toEqual([]);
    expect(of("https://api.example", { STAGEDOOR_API_URL: "https://api.example" })).toEqual([]);
    for (const wrong of ["https://id.exmaple", "stagedoor-operator", "stagedoor-backend", "backend:", "backend:a b"])
      expect(of(wrong)).toEqual(["STAGEDOOR_BACKENDS"]);
    expect(readConfiguration({ ...environment, STAGEDOOR_BACKENDS: '{"web":{"issuer":"backend:app"}}' })).toMatchObject(
      {
        value: { backendIssuers: new Map([["web", "backend:app"]]) },
      },
    );
    for (const reserved of ["stagedoor-backend", "backend:web"])
      expect(settingsOf(faultsOf({ STAGEDOOR_ISSUERS: json([{ ...issuer, issuer: reserved }]) }))).toEqual([
        "STAGEDOOR_ISSUERS",
      ]);
  });

  it("requires an issuer only for the API, and only without an identity worker", () => {
    expect(faultsOf({ STAGEDOOR_ISSUERS: undefined })).toEqual([]);
    const apiUrl = "https://api.example";
    const named = issuerSchema.parse(issuer);
    expect(settingsOf(trustFaults({ issuers: [], apiUrl, ring }, false))).toEqual(["STAGEDOOR_ISSUERS"]);
    expect(trustFaults({ issuers: [named], apiUrl: undefined, ring }, false)).toEqual([]);
    expect(trustFaults({ issuers: [], apiUrl, ring }, true)).toEqual([]);
    expect(settingsOf(trustFaults({ issuers: [], apiUrl: undefined, ring }, true))).toEqual(["STAGEDOOR_API_URL"]);
  });

  it("refuses an issuer with the identity worker's name, which could impersonate its users", () => {
    const namesake = issuerSchema.parse({ ...issuer, issuer: "https://api.example" });
    const faults = trustFaults({ issuers: [namesake], apiUrl: "https://api.example", ring }, true);
    expect(settingsOf(faults)).toEqual(["STAGEDOOR_ISSUERS"]);
  });

  const bad: readonly [setting: string, ...values: unknown[]][] = [
    [
      "STAGEDOOR_BACKENDS",
      "web",
      "[]",
      json({ web: "https://id.example" }),
      json({ web: {} }),
      json({ web: { issuer: "" } }),
    ],
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
  it.each(bad)("reports only %s if it is invalid (%j)", (setting, ...values) => {
    for (const value of values) {
      const faults = settingsOf(faultsOf({ [setting]: value }));
      expect([value, new Set(faults)]).toEqual([value, new Set([setting])]);
    }
  });

  it.each(["5", "3601", "many", ""])("refuses the lease %j in a Durable Object too", (text) => {
    expect(() => leaseTtlOf({ STAGEDOOR_LEASE_TTL: text })).toThrow(/^STAGEDOOR_LEASE_TTL: /);
    expect([leaseTtlOf({}), leaseTtlOf({ STAGEDOOR_LEASE_TTL: "6" })]).toEqual([90, 6]);
  });

  it("refuses an expiry step that is longer than the session", () => {
    const faults = faultsOf({ STAGEDOOR_EXPIRY_STEP: "60", STAGEDOOR_SESSION_TTL: "59" });
    expect(settingsOf(faults)).toEqual(["STAGEDOOR_EXPIRY_STEP"]);
  });

  it("names the stores of CloudFront's functions and an access key for them, and refuses a half of one", () => {
    const arn = "arn:aws:cloudfront::123456789012:key-value-store/01234567-89ab-cdef-0123-456789abcdef";
    const keys = [sessionKey("2026-a", 1), { ...sessionKey("cf", 2), purpose: "cloudfront-session" }];
    const id = { STAGEDOOR_AWS_KEY_ID: "AKIAIOSFODNN7EXAMPLE" };
    const secret = { STAGEDOOR_AWS_SECRET_KEY: "wJalrXUtnFEMI-EXAMPLE" };
    const stores = { STAGEDOOR_CLOUDFRONT_STORES: ` ${arn}\n${arn} `, STAGEDOOR_KEYS: json({ keys }) };
    const renewal = { STAGEDOOR_CLOUDFRONT_RENEWAL: "manifest" };
    expect(readConfiguration({ ...environment, ...stores })).toMatchObject({
      value: { cloudFrontRenewal: "function" },
    });
    expect(readConfiguration({ ...environment, ...stores, ...id, ...secret, ...renewal })).toMatchObject({
      value: {
        cloudFrontRenewal: "manifest",
        cloudFrontStores: [arn, arn],
        awsCredentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI-EXAMPLE" },
      },
    });
    expect(settingsOf(faultsOf({ ...stores, ...id }))).toEqual(["STAGEDOOR_AWS_SECRET_KEY"]);
    expect(settingsOf(faultsOf({ ...stores, ...secret }))).toEqual(["STAGEDOOR_AWS_KEY_ID"]);
    expect(faultsOf({ STAGEDOOR_CLOUDFRONT_STORES: arn })).toEqual([
      expect.stringMatching(/^STAGEDOOR_CLOUDFRONT_STORES: no key has the purpose cloudfront-session; make one /),
    ]);
    const faults = faultsOf({ STAGEDOOR_CLOUDFRONT_STORES: "films", STAGEDOOR_AWS_KEY_ID: "a secret?" });
    expect(faults.join()).not.toMatch(/films|a secret/);
  });

  it("reports a misspelt setting, and ignores other bindings", () => {
    expect(settingsOf(faultsOf({ STAGEDOOR_MANIFST_TTL: "60", MEDIA: {}, toString: 1 }))).toEqual([
      "STAGEDOOR_MANIFST_TTL",
    ]);
  });

  it("reports every fault at once", () => {
    const faults = faultsOf({
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
    expect(settingsOf(faults).sort()).toEqual([
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

  it("reports development-only values together with an invalid setting", () => {
    const dev = { STAGEDOOR_ISSUERS: json([{ ...issuer, issuer: "stagedoor-dev" }]), STAGEDOOR_MEDIA_URL: "http://m" };
    const faults = settingsOf(faultsOf({ ...dev, STAGEDOOR_RENEWAL: "yes" })).sort();
    expect(faults).toEqual(["STAGEDOOR_ISSUERS", "STAGEDOOR_MEDIA_URL", "STAGEDOOR_RENEWAL"]);
    expect(settingsOf(faultsOf({ ...dev, STAGEDOOR_ENV: "devel" }))).toEqual(["STAGEDOOR_ENV"]);
  });

  it("accepts development-only values only in development", () => {
    const dev = {
      STAGEDOOR_KEYS: json({ keys: [sessionKey("dev-a", 1)] }),
      STAGEDOOR_MEDIA_URL: "http://localhost:8788",
      STAGEDOOR_ISSUERS: json([
        { ...issuer, issuer: "stagedoor-dev", jwks: { keys: [{ ...publicKey, kid: "dev-1" }] } },
      ]),
    };
    expect(faultsOf({ ...dev, STAGEDOOR_ENV: "development" })).toEqual([]);
    for (const STAGEDOOR_ENV of ["staging", "production", undefined])
      expect(faultsOf({ ...dev, STAGEDOOR_ENV })).toHaveLength(4);
  });

  it.each(["token", "operator", "backend"])("refuses the private half of a key of the purpose %s", (purpose) => {
    const key = { ...publicKey, purpose, alg: "ES256" };
    const ring = (more: object) => ({ STAGEDOOR_KEYS: json({ keys: [sessionKey("a", 1), { ...key, ...more }] }) });
    expect(faultsOf(ring({}))).toEqual([]);
    expect(faultsOf(ring({ d: coordinate }))).toHaveLength(1);
  });

  it("refuses an issuer of viewers with the operators' name, and the setting `operators` of an issuer", () => {
    expect(settingsOf(faultsOf({ STAGEDOOR_ISSUERS: json([{ ...issuer, issuer: "stagedoor-operator" }]) }))).toEqual([
      "STAGEDOOR_ISSUERS",
    ]);
    expect(settingsOf(faultsOf({ STAGEDOOR_ISSUERS: json([{ ...issuer, operators: true }]) }))).toEqual([
      "STAGEDOOR_ISSUERS",
    ]);
  });

  it("requires the API URL for DPoP and for trusted origins, with https outside development", () => {
    const dpop = { STAGEDOOR_ISSUERS: json([{ ...issuer, dpop: "required" }]) };
    const origins = { STAGEDOOR_ORIGINS: "https://www.example.com" };
    for (const needing of [dpop, origins]) {
      expect(faultsOf(needing)).toHaveLength(1);
      expect(faultsOf({ ...needing, STAGEDOOR_API_URL: "https://api.example" })).toEqual([]);
      expect(settingsOf(faultsOf({ ...needing, STAGEDOOR_API_URL: "api.example" }))).toEqual(["STAGEDOOR_API_URL"]);
    }
    const STAGEDOOR_API_URL = "http://localhost:8787";
    expect(settingsOf(faultsOf({ STAGEDOOR_API_URL }))).toEqual(["STAGEDOOR_API_URL"]);
    expect(faultsOf({ STAGEDOOR_API_URL, STAGEDOOR_ENV: "development" })).toEqual([]);
  });

  it("refuses a development operator key outside development", () => {
    const key = { ...publicKey, purpose: "operator", alg: "ES256", kid: "dev-operator" };
    const STAGEDOOR_KEYS = json({ keys: [sessionKey("a", 1), key] });
    expect(faultsOf({ STAGEDOOR_KEYS, STAGEDOOR_ENV: "development" })).toEqual([]);
    expect(settingsOf(faultsOf({ STAGEDOOR_KEYS }))).toEqual(["STAGEDOOR_KEYS"]);
  });
});

describe("a fault quotes no value, which can be a secret,", () => {
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
      const faults = faultsOf({ [setting]: value });
      expect(faults.join("\n")).not.toContain(marked);
    }
  });

  it("for random values, and without an exception", () => {
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
        expect(faultsOf(changes).every((fault) => fault.startsWith("STAGEDOOR_"))).toBe(true);
      }),
    );
  });
});
