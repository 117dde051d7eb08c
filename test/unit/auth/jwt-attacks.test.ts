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

describe("an attacker's token is refused", () => {
  it.each(["none", "None", "NONE", "nOnE", "", undefined, null, ["ES256"], { alg: "ES256" }])(
    "with alg %j",
    async (alg) => {
      const issuers = [trusting([ec.jwk])];
      for (const signature of [new Uint8Array(), new Uint8Array(64)])
        expect(await judge(rawToken({ alg, kid: "k1" }, usualClaims, signature), issuers)).toBe("token_invalid");
    },
  );

  it("with an HMAC under the RSA public key, in whichever form that is taken for a secret", async () => {
    const issuers = [trusting([rsa.jwk], { algorithms: ["RS256", "ES256"] })];
    const key = await importJWK(rsa.jwk, "RS256", { extractable: true });
    if (key instanceof Uint8Array) throw new Error("the public key is a secret");
    const pem = await exportSPKI(key);
    const secrets = [pem, pem.trim(), pem.replaceAll("\n", "\r\n"), rsa.jwk.n ?? "", JSON.stringify(rsa.jwk)].map(utf8);
    for (const alg of ["HS256", "HS384", "HS512", "RS256"])
      for (const secret of secrets)
        expect(await judge(await hmacToken(secret, { alg, kid: "k1" }), issuers)).toBe("token_invalid");
  });

  it("with an HMAC of nothing under an issuer of secrets", async () => {
    const secret = await newPair("HS256");
    const issuers = [trusting([secret.jwk], { algorithms: ["HS256"] })];
    expect(await judge(await hmacToken(new Uint8Array(1), { alg: "HS256", kid: "k1" }), issuers)).toBe("token_invalid");
    expect(await judge(await hmacToken(utf8(secret.jwk.k ?? ""), { alg: "HS256", kid: "k1" }), issuers)).toBe(
      "token_invalid",
    );
  });

  it("with another algorithm than those that are pinned, though the key fits", async () => {
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
  ])("with another hash of the secret than %s", async (algorithm, others) => {
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
  ])("that names the algorithm of another key than its own, %s", async (algorithm, others) => {
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
    ["signing alone", "PS384", { key_ops: ["sign"] }],
  ])("under a key that its JWK keeps for %s", async (_, algorithm, changes) => {
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
    ["a name of JavaScript's", "__proto__"],
    ["an address", "https://evil.example/jwks.json"],
  ])("with %s for a kid", async (_, kid) => {
    const header = { alg: "ES256", kid };
    expect(await judge(await signedBy(attacker, header), [trusting([ec.jwk])])).toBe("token_invalid");
  });

  it("with a key, or the address of one, in its header, which is not even fetched", async () => {
    const fetched: unknown[] = [];
    const recording: typeof fetch = async (input) => {
      fetched.push(input);
      return Response.json({ keys: [attacker.jwk] });
    };
    const url = "https://evil.example/jwks.json";
    const given = [trusting([ec.jwk], {}, recording)];
    for (const more of [
      { jku: url },
      { x5u: url },
      { jwk: attacker.jwk },
      { x5c: ["AAAA"] },
      { jku: url, jwk: attacker.jwk },
    ]) {
      for (const kid of ["k1", "k2"])
        expect(await judge(await signedBy(attacker, { alg: "ES256", kid, ...more }), given)).toBe("token_invalid");
    }
    expect(fetched).toEqual([]);
    const own = "https://id.example/jwks.json";
    const remote = [
      trusting([], { jwksUri: own }, async (input) => {
        fetched.push(String(input));
        return Response.json({ keys: [ec.jwk] });
      }),
    ];
    expect(await judge(await signedBy(attacker, { alg: "ES256", kid: "k1", jku: url, x5u: url }), remote)).toBe(
      "token_invalid",
    );
    expect(fetched).toEqual([own]);
  });

  it.each([
    { crit: ["exp"], exp: now + 9 },
    { crit: ["b64"], b64: false },
    { crit: [] },
    { crit: ["x"], x: 1 },
    { crit: "x", x: 1 },
  ])("with the critical header %j, though its signature holds", async (more) => {
    expect(await judge(await signedBy(ec, { alg: "ES256", kid: "k1", ...more }), [trusting([ec.jwk])])).toBe(
      "token_invalid",
    );
  });

  it("with b64, whatever it says, and with or without crit", async () => {
    for (const b64 of [true, false, null])
      expect(await judge(await signedBy(ec, { alg: "ES256", kid: "k1", b64 }), [trusting([ec.jwk])])).toBe(
        "token_invalid",
      );
  });

  it.each<[string, unknown]>([
    ["a number", 1],
    ["null", null],
    ["a list", ["k1"]],
    ["nothing in it", ""],
    ["257 characters", "k".repeat(257)],
    ["a line break", "k1\r\nHost: evil.example"],
    ["a NUL", "k1\0"],
  ])("with a kid of %s, and nothing is fetched for it", async (_, kid) => {
    const issuers = [trusting([], { jwksUri: "https://id.example/jwks.json" }, noFetch)];
    expect(await judge(await signedBy(attacker, { alg: "ES256", kid }), issuers)).toBe("token_invalid");
  });

  it("with a member that stands twice, in header or claims, though its signature holds", async () => {
    const [header, claims] = ['{"alg":"ES256","kid":"k1"}', JSON.stringify(usualClaims)];
    const issuers = [trusting([ec.jwk])];
    expect(await judge(await signedText(ec, header, claims), issuers)).toBe("ok");
    for (const twice of ['{"alg":"none","kid":"k1","alg":"ES256"}', '{"alg":"ES256","kid":"k2","\\u006bid":"k1"}'])
      expect(await judge(await signedText(ec, twice, claims), issuers)).toBe("token_invalid");
    for (const twice of ['"sub":"x"', '"a":{"b":1,"b":2}'])
      expect(await judge(await signedText(ec, header, `${claims.slice(0, -1)},${twice}}`), issuers)).toBe(
        "token_invalid",
      );
  });

  it("larger than anybody needs, in whole or in its header", async () => {
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

  it("whose parts are no UTF-8, or begin with a byte order mark", async () => {
    const issuers = [trusting([ec.jwk])];
    const claims = JSON.stringify(usualClaims);
    expect(await judge(await signedText(ec, '\ufeff{"alg":"ES256","kid":"k1"}', claims), issuers)).toBe(
      "token_invalid",
    );
    const broken = new Uint8Array([...utf8(claims.slice(0, -1)), ...utf8(',"x":"'), 0xff, ...utf8('"}')]);
    expect(await judge(await signedText(ec, '{"alg":"ES256","kid":"k1"}', broken), issuers)).toBe("token_invalid");
  });

  it("in another spelling of a good one", async () => {
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

  it("whatever JSON its parts hold, and no reason quotes it", async () => {
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

  it("made of bytes that are no JSON", async () => {
    const bytes = fc.uint8Array({ minLength: 1 }).map(encodeBase64url);
    await fc.assert(
      fc.asyncProperty(bytes, bytes, bytes, async (a, b, c) => {
        expect(await judge(`${a}.${b}.${c}`, [trusting([ec.jwk], {}, noFetch)])).toBe("token_invalid");
      }),
    );
  });
});

/** Signed for real, under whatever header. */
function signedBy(pair: Pair, header: Record<string, unknown>): Promise<string> {
  return signedText(pair, JSON.stringify(header), JSON.stringify(usualClaims));
}

/** Signed for real, byte for byte as it is given. */
async function signedText({ sign }: Pair, header: string, claims: string | Uint8Array): Promise<string> {
  if (sign instanceof Uint8Array) throw new Error("an EC key is wanted");
  const bytes = typeof claims === "string" ? utf8(claims) : claims;
  const unsigned = `${encodeBase64url(utf8(header))}.${encodeBase64url(bytes)}`;
  const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, sign, utf8(unsigned));
  return `${unsigned}.${encodeBase64url(new Uint8Array(signature))}`;
}

function asObject(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

/** The next letter of the alphabet: it stands for the same bytes where the bits that differ are not used. */
function nextLetter(letter: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet.charAt((alphabet.indexOf(letter) + 1) % 64);
}
