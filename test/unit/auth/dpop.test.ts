import fc from "fast-check";
import { calculateJwkThumbprint, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { proofAlgorithms, verifyProof } from "../../../src/auth/dpop.ts";
import { now } from "../signing/session.ts";
import { type Holder, hashOf, newHolder, proofOf } from "./proofs.ts";
import { apiUrl } from "./sources.ts";
import { rawToken } from "./tokens.ts";

const token = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";

let holder: Holder;
beforeAll(async () => {
  holder = await newHolder();
});

async function outcomeOf(proof: string, changes: Partial<Parameters<typeof verifyProof>[0]> = {}): Promise<string> {
  const usual = { proof, token, method: "POST", uri: `${apiUrl}/stream/start`, now };
  const verified = await verifyProof({ ...usual, ...changes });
  if (verified.ok) return "ok";
  expect(verified.refusal.code).toBe("dpop_proof_invalid");
  return verified.refusal.reason;
}

describe("a DPoP proof (RFC 9449 §4.3)", () => {
  it.each(proofAlgorithms)(
    "is valid with %s, and yields its key's thumbprint, its id and its expiry",
    async (algorithm) => {
      const client = await newHolder(algorithm);
      const proof = await proofOf(client, token, { jti: "id-1" });
      expect(await verifyProof({ proof, token, method: "POST", uri: `${apiUrl}/stream/start`, now })).toEqual({
        ok: true,
        value: { jkt: await calculateJwkThumbprint(client.jwk), jti: "id-1", until: now + 120 },
      });
    },
  );

  it.each<[reason: RegExp, claims: Record<string, unknown>]>([
    [/htm/, { htm: "GET" }],
    [/htm/, { htm: "post" }],
    [/htm/, { htm: undefined }],
    [/htm/, { htm: ["POST"] }],
    [/iat/, { iat: now - 61 }],
    [/iat/, { iat: now + 6 }],
    [/iat/, { iat: undefined }],
    [/refused/, { iat: String(now) }],
    [/iat/, { iat: 1e300 }],
    [/iat/, { iat: -1 }],
    [/jti/, { jti: undefined }],
    [/jti/, { jti: "" }],
    [/jti/, { jti: 7 }],
    [/jti/, { jti: "a".repeat(257) }],
    [/ath/, { ath: undefined }],
    [/ath/, { ath: "" }],
    [/ath/, { ath: token }],
    [/refused: ERR_JWT_EXPIRED/, { exp: now - 6 }],
    [/refused/, { nbf: now + 6 }],
  ])("is refused with the reason %s for the claims %o", async (reason, claims) => {
    expect(await outcomeOf(await proofOf(holder, token, claims))).toMatch(reason);
  });

  it.each([
    `${apiUrl}/stream/renew`,
    `${apiUrl}/stream/start/`,
    `${apiUrl}/Stream/start`,
    `${apiUrl}/stream%2Fstart`,
    `${apiUrl}:8443/stream/start`,
    "http://api.example/stream/start",
    "https://evil.example/stream/start",
    "https://user@api.example/stream/start",
    "https://:x@api.example/stream/start",
    "/stream/start",
    "",
    7,
    undefined,
  ])("is refused with the htu %j", async (htu) => {
    expect(await outcomeOf(await proofOf(holder, token, { htu }))).toMatch(/htu/);
  });

  it.each<[reason: RegExp, header: Record<string, unknown>]>([
    [/refused: ERR_JWT_CLAIM/, { typ: undefined }],
    [/refused: ERR_JWT_CLAIM/, { typ: "JWT" }],
    [/refused: ERR_JWT_CLAIM/, { typ: "dpop" }],
    [/refused: ERR_JWT_CLAIM/, { typ: "at+jwt" }],
    [/refused: ERR_JWS_INVALID/, { jwk: undefined }],
    [/refused: ERR_JWS_INVALID/, { jwk: "x" }],
    [/refused/, { jwk: {} }],
    [/refused/, { jwk: { kty: "oct", k: "AAAA" } }],
    [/refused/, { jwk: undefined, kid: "k1", jku: `${apiUrl}/jwks` }],
    [/refused/, { jwk: undefined, x5u: `${apiUrl}/x5u` }],
  ])("is refused with the reason %s for the header %o", async (reason, header) => {
    expect(await outcomeOf(await proofOf(holder, token, {}, header))).toMatch(reason);
  });

  it("is refused with a critical extension", async () => {
    const good = await proofOf(holder, token);
    const claims = JSON.parse(atob(good.split(".")[1] ?? ""));
    const header = { alg: "ES256", typ: "dpop+jwt", jwk: holder.jwk };
    for (const more of [
      { crit: ["x"], x: 1 },
      { crit: ["b64"], b64: false },
    ])
      expect(await outcomeOf(rawToken({ ...header, ...more }, claims, new Uint8Array(64)))).toMatch(/refused/);
  });

  it("is refused if its header contains a private key or part of one", async () => {
    expect(await outcomeOf(await proofOf(holder, token, {}, { jwk: holder.privateJwk }))).toMatch(/refused|public/);
    const rsa = await newHolder("RS256");
    expect(await outcomeOf(await proofOf(rsa, token, {}, { jwk: rsa.privateJwk }))).toMatch(/refused|public/);
    for (const name of ["p", "q", "dp", "dq", "qi", "oth", "k"])
      expect(await outcomeOf(await proofOf(rsa, token, {}, { jwk: { ...rsa.jwk, [name]: "AAAA" } }))).toMatch(
        /refused|public/,
      );
  });

  it("is refused with an unlisted algorithm, such as HS256 or none", async () => {
    const other = await newHolder("ES384");
    expect(await outcomeOf(await proofOf(other, token))).toBe("the proof was refused: ERR_JOSE_ALG_NOT_ALLOWED");
    const claims = { htm: "POST", htu: `${apiUrl}/stream/start`, iat: now, jti: "x", ath: await hashOf(token) };
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const header = { alg: "HS256", typ: "dpop+jwt", jwk: { kty: "oct", k: "AAAA" } };
    expect(await outcomeOf(await new SignJWT(claims).setProtectedHeader(header).sign(secret))).toMatch(
      /ALG_NOT_ALLOWED/,
    );
    for (const alg of ["none", "None", "", undefined])
      expect(await outcomeOf(rawToken({ alg, typ: "dpop+jwt", jwk: holder.jwk }, claims, new Uint8Array(1)))).toMatch(
        /refused/,
      );
  });

  it("is refused if its signature is not by the key in its header, or is for other claims", async () => {
    const stranger = await newHolder();
    const forged = await proofOf(stranger, token, {}, { jwk: holder.jwk });
    expect(await outcomeOf(forged)).toBe("the proof was refused: ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
    const [header, , signature] = (await proofOf(holder, token)).split(".");
    const other = (await proofOf(holder, token, { jti: "other" })).split(".")[1];
    expect(await outcomeOf(`${header}.${other}.${signature}`)).toMatch(/SIGNATURE/);
  });

  it("is valid for one token, one method and one URL, from 5 s before to 60 s after its iat", async () => {
    const proof = await proofOf(holder, token);
    expect(await outcomeOf(proof)).toBe("ok");
    expect(await outcomeOf(proof, { token: `${token.slice(0, -1)}B` })).toMatch(/ath/);
    expect(await outcomeOf(proof, { method: "DELETE" })).toMatch(/htm/);
    expect(await outcomeOf(proof, { uri: `${apiUrl}/stream/x` })).toMatch(/htu/);
    expect(await outcomeOf(await proofOf(holder, token, { iat: now - 60 }))).toBe("ok");
    expect(await outcomeOf(await proofOf(holder, token, { iat: now + 5 }))).toBe("ok");
  });

  it.each([
    `${apiUrl}/stream/start?a=1#b`,
    "HTTPS://API.EXAMPLE/stream/start",
    `${apiUrl}:443/stream/start`,
    `${apiUrl}/stream/../stream/./start`,
    `${apiUrl}/%73tream/start`,
  ])("is valid with an equivalent spelling of the URL: %s (RFC 3986 §6.2)", async (htu) => {
    expect(await outcomeOf(await proofOf(holder, token, { htu }))).toBe("ok");
  });

  it("is valid if its htu differs only in the letter case of percent-escapes", async () => {
    const uri = `${apiUrl}/stream/%c3%a9`;
    expect(await outcomeOf(await proofOf(holder, token, { htu: `${apiUrl}/stream/%C3%A9` }), { uri })).toBe("ok");
  });

  it("is refused for random content, without an exception, and the reason never quotes it", async () => {
    const value = fc.oneof(fc.constant("MARKED"), fc.jsonValue());
    const names = fc.constantFrom("typ", "alg", "jwk", "crit", "kid", "htm", "htu", "iat", "jti", "ath", "exp");
    const json = fc.oneof(fc.jsonValue(), fc.dictionary(names, value));
    await fc.assert(
      fc.asyncProperty(json, json, fc.uint8Array({ minLength: 1 }), async (header, claims, signature) => {
        const usual = { alg: "ES256", typ: "dpop+jwt", jwk: holder.jwk };
        const forged = rawToken({ ...usual, ...Object(header) }, claims, signature);
        const reason = await outcomeOf(forged);
        expect(reason).not.toBe("ok");
        expect(reason).not.toContain("MARKED");
      }),
    );
  });
});
