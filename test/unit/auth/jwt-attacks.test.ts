import fc from "fast-check";
import { exportJWK, exportSPKI, generateKeyPair, importJWK, SignJWT } from "jose";
import { beforeAll, describe, expect, it } from "vitest";
import { verifyJwt } from "../../../src/auth/verify-jwt.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { now } from "../signing/session.ts";
import {
  type Algorithm,
  judge,
  newPair,
  noFetch,
  type Pair,
  rawToken,
  token,
  trusting,
  usualClaims,
} from "./tokens.ts";

let rsa: Pair;
let ec: Pair;
let attacker: Pair;
beforeAll(async () => {
  [rsa, ec, attacker] = [await newPair("RS256"), await newPair("ES256"), await newPair("ES256")];
});

const utf8 = (text: string) => new TextEncoder().encode(text);

/** A token with an HMAC under a secret of the attacker's choice, of the hash that `alg` names. */
async function hmacToken(secret: Uint8Array, header: Record<string, unknown>): Promise<string> {
  const bits = /^HS(384|512)$/.exec(String(header.alg))?.[1] ?? "256";
  const algorithm = { name: "HMAC", hash: `SHA-${bits}` };
  const key = await crypto.subtle.importKey("raw", new Uint8Array(secret), algorithm, false, ["sign"]);
  const unsigned = rawToken(header, usualClaims, new Uint8Array()).slice(0, -1);
  return `${unsigned}.${encodeBase64url(new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(unsigned))))}`;
}

describe("the token verifier", () => {
  it.each(["none", "None", "NONE", "nOnE", "", undefined, null, ["ES256"], { alg: "ES256" }])(
    "refuses a token with alg %j",
    async (alg) => {
      const issuers = [trusting([ec.jwk])];
      for (const signature of [new Uint8Array(), new Uint8Array(64)])
        expect(await judge(rawToken({ alg, kid: "k1" }, usualClaims, signature), issuers)).toBe("token_invalid");
    },
  );

  it("refuses an HMAC that uses the RSA public key, in any encoding, as its secret", async () => {
    const issuers = [trusting([rsa.jwk], { algorithms: ["RS256", "ES256"] })];
    const key = await importJWK(rsa.jwk, "RS256", { extractable: true });
    if (key instanceof Uint8Array) throw new Error("the public key is a secret");
    const pem = await exportSPKI(key);
    const secrets = [pem, pem.trim(), pem.replaceAll("\n", "\r\n"), rsa.jwk.n ?? "", JSON.stringify(rsa.jwk)].map(utf8);
    for (const alg of ["HS256", "HS384", "HS512", "RS256"])
      for (const secret of secrets)
        expect(await judge(await hmacToken(secret, { alg, kid: "k1" }), issuers)).toBe("token_invalid");
  });

  it("refuses an HMAC whose secret is a zero byte or the base64url text of the issuer's secret", async () => {
    const secret = await newPair("HS256");
    const issuers = [trusting([secret.jwk], { algorithms: ["HS256"] })];
    expect(await judge(await hmacToken(new Uint8Array(1), { alg: "HS256", kid: "k1" }), issuers)).toBe("token_invalid");
    expect(await judge(await hmacToken(utf8(secret.jwk.k ?? ""), { alg: "HS256", kid: "k1" }), issuers)).toBe(
      "token_invalid",
    );
  });

  it("refuses an algorithm that is not configured, even with a matching key", async () => {
    const { privateKey, publicKey } = await generateKeyPair("PS256", { extractable: true });
    const { kty = "", n, e } = await exportJWK(publicKey);
    const text = await new SignJWT(usualClaims).setProtectedHeader({ alg: "PS256", kid: "k1" }).sign(privateKey);
    const issuers = [trusting([{ kty, n: n ?? "", e: e ?? "", kid: "k1" }], { algorithms: ["RS256"] })];
    expect(await judge(text, issuers)).toBe("token_invalid");
  });

  it.each<[Algorithm, Algorithm[]]>([
    ["HS256", ["HS384", "HS512"]],
    ["HS384", ["HS256", "HS512"]],
    ["HS512", ["HS256", "HS384"]],
  ])("refuses an HMAC of the right secret with another hash than that of %s", async (algorithm, others) => {
    const long = new Uint8Array(64).fill(7);
    const jwk = { kty: "oct", kid: "k1", k: encodeBase64url(long) };
    const issuers = [trusting([jwk], { algorithms: [algorithm] })];
    expect(await judge(await hmacToken(long, { alg: algorithm, kid: "k1" }), issuers)).toBe("ok");
    for (const alg of others)
      expect(await judge(await hmacToken(long, { alg, kid: "k1" }), issuers)).toBe("token_invalid");
  });

  it.each<[Algorithm, Algorithm[]]>([
    ["ES256", ["ES384", "ES512"]],
    ["ES384", ["ES256", "ES512"]],
    ["ES512", ["ES256", "ES384"]],
    ["RS256", ["RS384", "RS512", "PS256"]],
    ["PS512", ["PS256", "RS512"]],
  ])("refuses a token signed with %s whose header names another algorithm", async (algorithm, others) => {
    const pair = await newPair(algorithm);
    const issuers = [trusting([pair.jwk], { algorithms: [algorithm, ...others] })];
    const good = await token(pair);
    expect(await judge(good, issuers)).toBe("ok");
    const [, claims, signature] = good.split(".");
    for (const alg of others) {
      const header = encodeBase64url(utf8(JSON.stringify({ alg, kid: "k1" })));
      expect(await judge(`${header}.${claims}.${signature}`, issuers)).toBe("token_invalid");
    }
  });

  it.each<[string, Algorithm, object]>([
    ["another hash", "RS256", { alg: "RS512" }],
    ["another padding", "RS512", { alg: "PS512" }],
    ["the older name of the curve's algorithm", "Ed25519", { alg: "EdDSA" }],
    ["encryption", "ES512", { use: "enc" }],
    ["signing only", "PS384", { key_ops: ["sign"] }],
  ])("refuses a token whose key is reserved for %s by its JWK", async (_, algorithm, changes) => {
    const pair = await newPair(algorithm);
    const settings = { algorithms: [algorithm] };
    const text = await token(pair);
    expect(await judge(text, [trusting([{ ...pair.jwk, alg: algorithm, use: "sig" }], settings)])).toBe("ok");
    expect(await judge(text, [trusting([{ ...pair.jwk, ...changes }], settings)])).toBe("token_invalid");
  });

  it.each<[string, unknown]>([
    ["a path", "../../../dev/null"],
    ["SQL", "k1' OR '1'='1"],
    ["a NUL", "k1\0"],
    ["a number", 1],
    ["an object", { toString: "k1" }],
    ["a list", ["k1"]],
    ["a JavaScript property name", "__proto__"],
    ["a URL", "https://evil.example/jwks.json"],
  ])("refuses a token whose kid is %s", async (_, kid) => {
    const header = { alg: "ES256", kid };
    expect(await judge(await signedBy(attacker, header), [trusting([ec.jwk])])).toBe("token_invalid");
  });

  it("refuses a token with a key or a key's URL in its header, and does not fetch the URL", async () => {
    const fetched: unknown[] = [];
    const recording: typeof fetch = async (input) => {
      fetched.push(input);
      return Response.json({ keys: [attacker.jwk] });
    };
    const url = "https://evil.example/jwks.json";
    const issuers = [trusting([ec.jwk], {}, recording)];
    for (const more of [
      { jku: url },
      { x5u: url },
      { jwk: attacker.jwk },
      { x5c: ["AAAA"] },
      { jku: url, jwk: attacker.jwk },
    ]) {
      for (const kid of ["k1", "k2"])
        expect(await judge(await signedBy(attacker, { alg: "ES256", kid, ...more }), issuers)).toBe("token_invalid");
    }
    expect(fetched).toEqual([]);
    const jwksUri = "https://id.example/jwks.json";
    const remote = [
      trusting([], { jwksUri }, async (input) => {
        fetched.push(String(input));
        return Response.json({ keys: [ec.jwk] });
      }),
    ];
    expect(await judge(await signedBy(attacker, { alg: "ES256", kid: "k1", jku: url, x5u: url }), remote)).toBe(
      "token_invalid",
    );
    expect(fetched).toEqual([jwksUri]);
  });

  it.each([
    { crit: ["exp"], exp: now + 9 },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { crit: ["x"], x: 1 },
    { crit: "x", x: 1 },
  ])("refuses a correctly signed token with the critical header %j", async (more) => {
    expect(await judge(await signedBy(ec, { alg: "ES256", kid: "k1", ...more }), [trusting([ec.jwk])])).toBe(
      "token_invalid",
    );
  });

  it("refuses a token with any value of b64", async () => {
    for (const b64 of [true, false, null])
      expect(await judge(await signedBy(ec, { alg: "ES256", kid: "k1", b64 }), [trusting([ec.jwk])])).toBe(
        "token_invalid",
      );
  });

  it.each<[string, unknown]>([
    ["a number", 1],
    ["null", null],
    ["a list", ["k1"]],
    ["zero characters", ""],
    ["257 characters", "k".repeat(257)],
    ["a line break", "k1\r\nHost: evil.example"],
    ["a NUL", "k1\0"],
  ])("refuses a token with a kid of %s without fetching keys", async (_, kid) => {
    const issuers = [trusting([], { jwksUri: "https://id.example/jwks.json" }, noFetch)];
    expect(await judge(await signedBy(attacker, { alg: "ES256", kid }), issuers)).toBe("token_invalid");
  });

  it("refuses a correctly signed token with a duplicate member in its header or claims", async () => {
    const [header, claims] = ['{"alg":"ES256","kid":"k1"}', JSON.stringify(usualClaims)];
    const issuers = [trusting([ec.jwk])];
    expect(await judge(await signedText(ec, header, claims), issuers)).toBe("ok");
    for (const duplicate of ['{"alg":"none","kid":"k1","alg":"ES256"}', '{"alg":"ES256","kid":"k2","\\u006bid":"k1"}'])
      expect(await judge(await signedText(ec, duplicate, claims), issuers)).toBe("token_invalid");
    for (const duplicate of ['"sub":"x"', '"a":{"b":1,"b":2}'])
      expect(await judge(await signedText(ec, header, `${claims.slice(0, -1)},${duplicate}}`), issuers)).toBe(
        "token_invalid",
      );
  });

  it("refuses a token that exceeds the maximum size, in total or in its header", async () => {
    const issuers = [trusting([ec.jwk])];
    const padded = (header: number, claims: number) =>
      signedText(
        ec,
        JSON.stringify({ alg: "ES256", kid: "k1", x5c: ["A".repeat(header)] }),
        JSON.stringify({ ...usualClaims, more: "A".repeat(claims) }),
      );
    expect(await judge(await padded(2900, 1500), issuers)).toBe("ok");
    expect(await judge(await padded(3100, 0), issuers)).toBe("token_invalid");
    expect(await judge(await padded(0, 6200), issuers)).toBe("token_invalid");
  });

  it("refuses a token whose parts are not UTF-8 or begin with a byte order mark", async () => {
    const issuers = [trusting([ec.jwk])];
    const claims = JSON.stringify(usualClaims);
    expect(await judge(await signedText(ec, '\ufeff{"alg":"ES256","kid":"k1"}', claims), issuers)).toBe(
      "token_invalid",
    );
    const broken = new Uint8Array([...utf8(claims.slice(0, -1)), ...utf8(',"x":"'), 0xff, ...utf8('"}')]);
    expect(await judge(await signedText(ec, '{"alg":"ES256","kid":"k1"}', broken), issuers)).toBe("token_invalid");
  });

  it("refuses another base64url spelling of a valid token", async () => {
    const good = await token(ec);
    const [header = "", claims = "", signature = ""] = good.split(".");
    const spellings = [
      `${header}=.${claims}.${signature}`,
      `${header}.${claims}.${signature}==`,
      `${header}.${claims}.${signature.slice(0, -1)}${nextLetter(signature.slice(-1))}`,
      `${header}.${claims}. ${signature}`,
      `${header}\n.${claims}.${signature}`,
      `${good}.`,
      `.${good}`,
    ];
    const issuers = [trusting([ec.jwk])];
    expect(await judge(good, issuers)).toBe("ok");
    for (const text of spellings) expect([text, await judge(text, issuers)]).toEqual([text, "token_invalid"]);
  });

  it("refuses a token of random JSON, and the reason never quotes it", async () => {
    const issuers = [trusting([ec.jwk])];
    const marked = fc.constantFrom("MARKEDVALUE", usualClaims.iss, usualClaims.aud);
    const json = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom("iss", "aud", "exp", "kid", "alg", "crit", "__proto__"),
        fc.oneof(marked, fc.jsonValue()),
      ),
    );
    await fc.assert(
      fc.asyncProperty(json, json, fc.uint8Array({ minLength: 1 }), async (header, claims, signature) => {
        const forged = rawToken(
          { alg: "ES256", ...asObject(header) },
          { ...usualClaims, ...asObject(claims) },
          signature,
        );
        const verified = await verifyJwt(forged, issuers, now);
        expect(verified.ok).toBe(false);
        if (verified.ok) return;
        expect(verified.refusal.code).toMatch(/^token_(invalid|expired)$/);
        expect(verified.refusal.reason).not.toContain("MARKEDVALUE");
      }),
    );
  });

  it("refuses a token whose parts are not JSON", async () => {
    const bytes = fc.uint8Array({ minLength: 1 }).map(encodeBase64url);
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, async (a, b, c) => {
        expect(await judge(`${a}.${b}.${c}`, [trusting([ec.jwk], {}, noFetch)])).toBe("token_invalid");
      }),
    );
  });
});

/** A token with a valid signature and any header. */
function signedBy(pair: Pair, header: Record<string, unknown>): Promise<string> {
  return signedText(pair, JSON.stringify(header), JSON.stringify(usualClaims));
}

/** A token with a valid signature over exactly these bytes. */
async function signedText({ sign }: Pair, header: string, claims: string | Uint8Array): Promise<string> {
  if (sign instanceof Uint8Array) throw new Error("expected an EC key");
  const bytes = typeof claims === "string" ? utf8(claims) : claims;
  const unsigned = `${encodeBase64url(utf8(header))}.${encodeBase64url(bytes)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, sign, utf8(unsigned));
  return `${unsigned}.${encodeBase64url(new Uint8Array(signature))}`;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

/** The next letter of the alphabet: it decodes to the same bytes if the bits that differ are unused. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet.charAt((alphabet.indexOf(letter) + 1) % 64);
}
