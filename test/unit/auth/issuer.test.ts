import { describe, expect, it } from "vitest";
import { faultsAmong, issuerSchema } from "../../../src/auth/issuer.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { newPair } from "./tokens.ts";

const jwksUri = "https://id.example/jwks.json";
const pair = await newPair("ES256");
const long = "A".repeat(43);
/** A secret in base64url: bytes of zero. */
const secret = (bytes: number, more: object = {}) => ({
  kty: "oct",
  k: encodeBase64url(new Uint8Array(bytes)),
  ...more,
});
const introspection = { url: "https://id.example/introspect", clientId: "stagedoor", clientSecret: "s" };

/** The settings of an issuer with one public key, changed as told; undefined takes a setting out. */
function settings(changes: Readonly<Record<string, unknown>>, keys: readonly object[] = [pair.jwk]): unknown {
  const usual = { issuer: "https://id.example", audience: "https://stagedoor.example", algorithms: ["ES256"] };
  const given = changes.jwksUri === undefined && changes.introspection === undefined ? { jwks: { keys } } : {};
  return { ...usual, ...given, ...changes };
}

const asked = { algorithms: undefined, introspection };
const askedWith = (changes: object) => ({ ...asked, introspection: { ...introspection, ...changes } });

describe("the settings of an issuer", () => {
  it.each<[boolean, string, Record<string, unknown>, object[]]>([
    [true, "a public key", {}, [pair.jwk]],
    [true, "a secret of 32 bytes", { algorithms: ["HS256"] }, [{ kty: "oct", k: long }]],
    [
      false,
      "a secret of 31 bytes, which can be guessed at",
      { algorithms: ["HS256"] },
      [{ kty: "oct", k: "A".repeat(42) }],
    ],
    [false, "a secret in another spelling", { algorithms: ["HS256"] }, [{ kty: "oct", k: `${long}=` }]],
    [false, "an empty secret", { algorithms: ["HS256"] }, [{ kty: "oct", k: "" }]],
    [false, "no secret", { algorithms: ["HS256"] }, [{ kty: "oct" }]],
    [false, "a public key as a secret", { algorithms: ["HS256"] }, [pair.jwk]],
    [false, "a secret among public keys", {}, [pair.jwk, { kty: "oct", k: long }]],
    [false, "HS256 beside RS256", { algorithms: ["RS256", "HS256"] }, [{ kty: "oct", k: long }]],
    [false, "a secret behind an address", { algorithms: ["HS256"], jwksUri }, []],
    [false, "alg none", { algorithms: ["none"] }, [pair.jwk]],
    [false, "no algorithm", { algorithms: [] }, [pair.jwk]],
    [false, "a private key", {}, [{ ...pair.jwk, d: long }]],
    [false, "RSA of 1024 bits", { algorithms: ["RS256"] }, [{ kty: "RSA", n: "A".repeat(171), e: "AQAB" }]],
    [false, "no key", {}, []],
    [false, "keys and an address", { jwks: { keys: [pair.jwk] }, jwksUri }, []],
    [false, "an address without TLS", { jwksUri: "http://id.example/jwks.json" }, []],
    [true, "an address on this machine", { jwksUri: "http://localhost:8080/jwks.json" }, []],
    [false, "an address that only looks local", { jwksUri: "http://localhost.evil.example/jwks.json" }, []],
    [false, "a file", { jwksUri: "file:///etc/keys.json" }, []],
    [false, "a misspelt setting", { audiences: ["x"] }, [pair.jwk]],
    [false, "an address with a password", { jwksUri: "https://me:secret@id.example/jwks.json" }, []],
    [true, "several audiences", { audience: ["a", "b"] }, [pair.jwk]],
    [false, "no audience", { audience: [] }, [pair.jwk]],
    [true, "the audience in another claim", { audienceClaim: "client_id" }, [pair.jwk]],
    [false, "the audience in no claim", { audienceClaim: "" }, [pair.jwk]],
    [true, "answers without aud", askedWith({ withoutAudience: "take" }), []],
    [
      false,
      "answers without aud, where another claim has to be there",
      { ...askedWith({ withoutAudience: "take" }), audienceClaim: "client_id" },
      [],
    ],
    [true, "introspection in place of keys", asked, []],
    [false, "introspection with algorithms", { introspection }, []],
    [false, "introspection beside keys", { ...asked, jwks: { keys: [pair.jwk] } }, []],
    [false, "introspection beside an address of keys", { ...asked, jwksUri }, []],
    [false, "keys without algorithms", { algorithms: undefined }, [pair.jwk]],
    [false, "introspection without TLS", askedWith({ url: "http://id.example/introspect" }), []],
    [true, "introspection on this machine", askedWith({ url: "http://localhost:9000/introspect" }), []],
    [false, "introspection without a client", askedWith({ clientId: undefined }), []],
    [false, "introspection without a secret", askedWith({ clientSecret: "" }), []],
    [true, "answers that are not kept", askedWith({ cache: 0 }), []],
    [false, "answers that are kept for six seconds", askedWith({ cache: 6 }), []],
    [true, "a prefix of opaque tokens", { ...asked, tokenPrefix: "ory_at_" }, []],
    [false, "an empty prefix", { ...asked, tokenPrefix: "" }, []],
    [false, "a prefix of tokens that are none", { tokenPrefix: "ory_at_" }, [pair.jwk]],
    [true, "a pinned typ", { typ: "at+jwt" }, [pair.jwk]],
    [true, "a pinned typ in full", { typ: "application/at+jwt" }, [pair.jwk]],
    [false, "an empty typ", { typ: "" }, [pair.jwk]],
    [true, "a claim that a list of names leads to", { scopeClaim: ["realm_access", "roles"] }, [pair.jwk]],
    [true, "a claim whose name has dots", { assetsClaim: "https://x.example/a.b" }, [pair.jwk]],
    [false, "a claim without a name", { scopeClaim: "" }, [pair.jwk]],
    [false, "a claim of no names", { subjectClaim: [] }, [pair.jwk]],
    [false, "a list with an empty name", { loginClaim: ["a", ""] }, [pair.jwk]],
    [false, "a list with a number", { streamsClaim: ["a", 0] }, [pair.jwk]],
    [false, "a list of nine names", { assetsClaim: [..."abcdefghi"] }, [pair.jwk]],
    [true, "a map of scopes", { scopes: { "media.watch": "stream:play premium" } }, [pair.jwk]],
    [false, "a map to nothing", { scopes: { "media.watch": "" } }, [pair.jwk]],
    [true, "DPoP required", { dpop: "required" }, [pair.jwk]],
    [false, "DPoP ignored", { dpop: "off" }, [pair.jwk]],
    [false, "an hour of tolerance", { clockTolerance: 3600 }, [pair.jwk]],
  ])("%s: %s", (accepted, _, changes, keys) => {
    expect(issuerSchema.safeParse(settings(changes, keys)).success).toBe(accepted);
  });
});

describe.each([
  ["HS256", 32, "HS512"],
  ["HS384", 48, "HS256"],
  ["HS512", 64, "HS384"],
])("an issuer with %s", (algorithm, bytes, other) => {
  it.each<[boolean, string, Record<string, unknown>, object[]]>([
    [true, "a secret as long as the hash", {}, [secret(bytes)]],
    [true, "two secrets", {}, [secret(bytes, { kid: "a" }), secret(bytes, { kid: "b" })]],
    [true, "a secret for this use", {}, [secret(bytes, { alg: algorithm, use: "sig", key_ops: ["sign", "verify"] })]],
    [false, "a secret that is shorter than the hash", {}, [secret(bytes - 1)]],
    [false, "a short secret after a long one", {}, [secret(bytes), secret(bytes - 1)]],
    [false, "a secret with padding", {}, [{ kty: "oct", k: `${secret(bytes).k}=` }]],
    [false, "a key without a secret", {}, [{ kty: "oct" }]],
    [false, "a public key", {}, [pair.jwk]],
    [false, "a secret and a public key", {}, [secret(bytes), pair.jwk]],
    [false, "a secret for another HMAC", {}, [secret(64, { alg: other })]],
    [false, "a secret for an asymmetric algorithm", {}, [secret(bytes, { alg: "RS256" })]],
    [false, "a secret to encrypt with", {}, [secret(bytes, { use: "enc" })]],
    [false, "a secret that only signs", {}, [secret(bytes, { key_ops: ["sign"] })]],
    [false, "a secret whose operations are no list", {}, [secret(bytes, { key_ops: "verify" })]],
    [false, "another HMAC as well", { algorithms: [algorithm, other] }, [secret(64)]],
    [false, "an asymmetric algorithm as well", { algorithms: ["PS512", algorithm] }, [secret(64)]],
    [false, "the algorithm twice", { algorithms: [algorithm, algorithm] }, [secret(64)]],
    [false, "a secret at an address", { jwksUri }, []],
  ])("%s: %s", (accepted, _, changes, keys) => {
    expect(issuerSchema.safeParse(settings({ algorithms: [algorithm], ...changes }, keys)).success).toBe(accepted);
  });
});

describe("issuers beside one another", () => {
  const issuers = (...changes: readonly Record<string, unknown>[]) =>
    changes.map((change) => issuerSchema.parse(settings(change)));
  const one = { issuer: "https://one.example", ...asked };
  const two = { issuer: "https://two.example", ...asked };

  it.each([
    ["one with introspection, and one with keys", 0, issuers(one, {})],
    [
      "two with introspection, each with its prefix",
      0,
      issuers({ ...one, tokenPrefix: "a_" }, { ...two, tokenPrefix: "b_" }),
    ],
    ["two with introspection, and no prefix", 1, issuers(one, two)],
    ["two with introspection, and one prefix", 1, issuers(one, { ...two, tokenPrefix: "b_" })],
    ["two with the same prefix", 1, issuers({ ...one, tokenPrefix: "a_" }, { ...two, tokenPrefix: "a_" })],
    ["a prefix that begins another", 1, issuers({ ...one, tokenPrefix: "a_b" }, { ...two, tokenPrefix: "a_" })],
    ["an issuer twice", 1, issuers({}, {})],
  ])("%s: %i faults", (_, count, several) => {
    expect(faultsAmong(several)).toHaveLength(count);
  });
});

it("every setting of an issuer is described", () => {
  const missing = Object.entries(issuerSchema.shape).filter(([, { description }]) => description === undefined);
  expect(missing.map(([name]) => name)).toEqual([]);
});
