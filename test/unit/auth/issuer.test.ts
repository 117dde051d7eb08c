import { describe, expect, it } from "vitest";
import { faultsAmong, issuerSchema } from "../../../src/auth/issuer.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { newPair } from "./tokens.ts";

const jwksUri = "https://id.example/jwks.json";
const pair = await newPair("ES256");
const long = "A".repeat(43);
/** A secret of zero bytes, in base64url. */
const secret = (bytes: number, more: object = {}) => ({
  kty: "oct",
  k: encodeBase64url(new Uint8Array(bytes)),
  ...more,
});
const introspection = { url: "https://id.example/introspect", clientId: "stagedoor", clientSecret: "s" };

/** The settings of an issuer with one public key, with changes; undefined removes a setting. */
function settings(changes: Readonly<Record<string, unknown>>, keys: readonly object[] = [pair.jwk]): unknown {
  const usual = { issuer: "https://id.example", audience: "https://stagedoor.example", algorithms: ["ES256"] };
  const keySource = changes.jwksUri === undefined && changes.introspection === undefined ? { jwks: { keys } } : {};
  return { ...usual, ...keySource, ...changes };
}

const introspecting = { algorithms: undefined, introspection };
const introspectingWith = (changes: object) => ({ ...introspecting, introspection: { ...introspection, ...changes } });

describe("the settings of an issuer", () => {
  it.each<[boolean, string, Record<string, unknown>, object[]]>([
    [true, "a public key", {}, [pair.jwk]],
    [true, "a secret of 32 bytes", { algorithms: ["HS256"] }, [{ kty: "oct", k: long }]],
    [false, "a secret of 31 bytes, which is too short", { algorithms: ["HS256"] }, [{ kty: "oct", k: "A".repeat(42) }]],
    [false, "a secret in another spelling", { algorithms: ["HS256"] }, [{ kty: "oct", k: `${long}=` }]],
    [false, "an empty secret", { algorithms: ["HS256"] }, [{ kty: "oct", k: "" }]],
    [false, "no secret", { algorithms: ["HS256"] }, [{ kty: "oct" }]],
    [false, "a public key as a secret", { algorithms: ["HS256"] }, [pair.jwk]],
    [false, "a secret among public keys", {}, [pair.jwk, { kty: "oct", k: long }]],
    [false, "both HS256 and RS256", { algorithms: ["RS256", "HS256"] }, [{ kty: "oct", k: long }]],
    [false, "a secret behind a JWK Set URL", { algorithms: ["HS256"], jwksUri }, []],
    [false, "alg none", { algorithms: ["none"] }, [pair.jwk]],
    [false, "no algorithm", { algorithms: [] }, [pair.jwk]],
    [false, "a private key", {}, [{ ...pair.jwk, d: long }]],
    [false, "RSA of 1024 bits", { algorithms: ["RS256"] }, [{ kty: "RSA", n: "A".repeat(171), e: "AQAB" }]],
    [false, "no key", {}, []],
    [false, "both keys and a JWK Set URL", { jwks: { keys: [pair.jwk] }, jwksUri }, []],
    [false, "a JWK Set URL without TLS", { jwksUri: "http://id.example/jwks.json" }, []],
    [true, "a JWK Set URL on this machine", { jwksUri: "http://localhost:8080/jwks.json" }, []],
    [false, "a JWK Set URL that only looks local", { jwksUri: "http://localhost.evil.example/jwks.json" }, []],
    [false, "a file URL", { jwksUri: "file:///etc/keys.json" }, []],
    [false, "a misspelt setting", { audiences: ["x"] }, [pair.jwk]],
    [false, "a JWK Set URL with a password", { jwksUri: "https://me:secret@id.example/jwks.json" }, []],
    [true, "several audiences", { audience: ["a", "b"] }, [pair.jwk]],
    [false, "no audience", { audience: [] }, [pair.jwk]],
    [true, "another audience claim", { audienceClaim: "client_id" }, [pair.jwk]],
    [false, "an empty audience claim", { audienceClaim: "" }, [pair.jwk]],
    [true, "introspection answers without aud", introspectingWith({ withoutAudience: "take" }), []],
    [
      false,
      "introspection answers without aud, if another audience claim is required",
      { ...introspectingWith({ withoutAudience: "take" }), audienceClaim: "client_id" },
      [],
    ],
    [true, "introspection instead of keys", introspecting, []],
    [false, "introspection with algorithms", { introspection }, []],
    [false, "both introspection and keys", { ...introspecting, jwks: { keys: [pair.jwk] } }, []],
    [false, "both introspection and a JWK Set URL", { ...introspecting, jwksUri }, []],
    [false, "keys without algorithms", { algorithms: undefined }, [pair.jwk]],
    [false, "introspection without TLS", introspectingWith({ url: "http://id.example/introspect" }), []],
    [true, "introspection on this machine", introspectingWith({ url: "http://localhost:9000/introspect" }), []],
    [false, "introspection without a client", introspectingWith({ clientId: undefined }), []],
    [false, "introspection without a secret", introspectingWith({ clientSecret: "" }), []],
    [true, "answers that are not cached", introspectingWith({ cache: 0 }), []],
    [false, "answers that are cached for six seconds", introspectingWith({ cache: 6 }), []],
    [true, "a prefix for opaque tokens", { ...introspecting, tokenPrefix: "ory_at_" }, []],
    [false, "an empty prefix", { ...introspecting, tokenPrefix: "" }, []],
    [false, "a token prefix without introspection", { tokenPrefix: "ory_at_" }, [pair.jwk]],
    [true, "a pinned typ", { typ: "at+jwt" }, [pair.jwk]],
    [true, "a pinned typ in full", { typ: "application/at+jwt" }, [pair.jwk]],
    [false, "an empty typ", { typ: "" }, [pair.jwk]],
    [true, "a path to a nested claim", { scopeClaim: ["realm_access", "roles"] }, [pair.jwk]],
    [true, "a claim whose name has dots", { assetsClaim: "https://x.example/a.b" }, [pair.jwk]],
    [false, "a claim without a name", { scopeClaim: "" }, [pair.jwk]],
    [false, "an empty path to a claim", { subjectClaim: [] }, [pair.jwk]],
    [false, "a path with an empty name", { loginClaim: ["a", ""] }, [pair.jwk]],
    [false, "a path with a number", { streamsClaim: ["a", 0] }, [pair.jwk]],
    [false, "a path of nine names", { assetsClaim: [..."abcdefghi"] }, [pair.jwk]],
    [true, "a map of scopes", { scopes: { "media.watch": "stream:play premium" } }, [pair.jwk]],
    [false, "a map to an empty scope", { scopes: { "media.watch": "" } }, [pair.jwk]],
    [true, "DPoP required", { dpop: "required" }, [pair.jwk]],
    [false, "an unknown DPoP mode", { dpop: "off" }, [pair.jwk]],
    [false, "a clock tolerance of an hour", { clockTolerance: 3600 }, [pair.jwk]],
  ])("are accepted (%s) with %s", (accepted, _, changes, keys) => {
    expect(issuerSchema.safeParse(settings(changes, keys)).success).toBe(accepted);
  });
});

describe.each([
  ["HS256", 32, "HS512"],
  ["HS384", 48, "HS256"],
  ["HS512", 64, "HS384"],
])("the keys of an issuer with %s", (algorithm, bytes, other) => {
  it.each<[boolean, string, Record<string, unknown>, object[]]>([
    [true, "a secret as long as the hash", {}, [secret(bytes)]],
    [true, "two secrets", {}, [secret(bytes, { kid: "a" }), secret(bytes, { kid: "b" })]],
    [
      true,
      "a secret marked for this use",
      {},
      [secret(bytes, { alg: algorithm, use: "sig", key_ops: ["sign", "verify"] })],
    ],
    [false, "a secret that is shorter than the hash", {}, [secret(bytes - 1)]],
    [false, "a short secret after a long one", {}, [secret(bytes), secret(bytes - 1)]],
    [false, "a secret with padding", {}, [{ kty: "oct", k: `${secret(bytes).k}=` }]],
    [false, "a key without a secret", {}, [{ kty: "oct" }]],
    [false, "a public key", {}, [pair.jwk]],
    [false, "a secret and a public key", {}, [secret(bytes), pair.jwk]],
    [false, "a secret for another HMAC", {}, [secret(64, { alg: other })]],
    [false, "a secret for an asymmetric algorithm", {}, [secret(bytes, { alg: "RS256" })]],
    [false, "a secret for encryption", {}, [secret(bytes, { use: "enc" })]],
    [false, "a secret that only signs", {}, [secret(bytes, { key_ops: ["sign"] })]],
    [false, "a secret whose key_ops is not a list", {}, [secret(bytes, { key_ops: "verify" })]],
    [false, "a secret for another HMAC as well", { algorithms: [algorithm, other] }, [secret(64)]],
    [false, "a secret for an asymmetric algorithm as well", { algorithms: ["PS512", algorithm] }, [secret(64)]],
    [false, "a secret for the algorithm, listed twice,", { algorithms: [algorithm, algorithm] }, [secret(64)]],
    [false, "a secret at a JWK Set URL", { jwksUri }, []],
  ])("are accepted (%s) if they are %s", (accepted, _, changes, keys) => {
    expect(issuerSchema.safeParse(settings({ algorithms: [algorithm], ...changes }, keys)).success).toBe(accepted);
  });
});

describe("a configuration of several issuers", () => {
  const issuers = (...changes: readonly Record<string, unknown>[]) =>
    changes.map((change) => issuerSchema.parse(settings(change)));
  const one = { issuer: "https://one.example", ...introspecting };
  const two = { issuer: "https://two.example", ...introspecting };

  it.each([
    ["one with introspection and one with keys", 0, issuers(one, {})],
    [
      "two with introspection and different prefixes",
      0,
      issuers({ ...one, tokenPrefix: "a_" }, { ...two, tokenPrefix: "b_" }),
    ],
    ["two with introspection and no prefix", 1, issuers(one, two)],
    ["two with introspection and only one prefix", 1, issuers(one, { ...two, tokenPrefix: "b_" })],
    ["two with the same prefix", 1, issuers({ ...one, tokenPrefix: "a_" }, { ...two, tokenPrefix: "a_" })],
    [
      "two prefixes, one of which begins the other",
      1,
      issuers({ ...one, tokenPrefix: "a_b" }, { ...two, tokenPrefix: "a_" }),
    ],
    ["the same issuer twice", 1, issuers({}, {})],
  ])("with %s has %i faults", (_, count, several) => {
    expect(faultsAmong(several)).toHaveLength(count);
  });
});

it("every setting of an issuer has a description", () => {
  const missing = Object.entries(issuerSchema.shape).filter(([, { description }]) => description === undefined);
  expect(missing.map(([name]) => name)).toEqual([]);
});
