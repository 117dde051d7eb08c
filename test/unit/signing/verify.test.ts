import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { importCloudFrontPublicKey } from "../../../src/signing/cloudfront/public-key.ts";
import { verifyCloudFront } from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import {
  baseUrl,
  expires,
  type KeyPair,
  keyPair,
  keyPairId,
  ourSigner,
  requestFor,
  unwrap,
  verdict,
  verify,
  withCanned,
  withPolicy,
} from "./samples.ts";

const file = `${baseUrl}/film/v1/1.ts`;

let rsa: KeyPair;
let ec: KeyPair;
let canned: string;
let custom: string;
beforeAll(async () => {
  [rsa, ec] = await Promise.all([keyPair("RSA"), keyPair("EC")]);
  const signer = ourSigner(ec, "SHA256");
  canned = unwrap(signer.file("/film/v1/1.ts", "", { expires }));
  custom = unwrap(unwrap(signer.directory("/film/v1/", { expires }))("/film/v1/1.ts", ""));
});

const parameter = (url: string, name: string) => new RegExp(`[?&](${name}=[^&]*)`).exec(url)?.[1] ?? "";
const without = (url: string, name: string) => url.replace(`${parameter(url, name)}&`, "");

describe("a CloudFront URL", () => {
  test.each(["Expires", "Key-Pair-Id", "Signature"])("without %s has no signature", async (name) => {
    expect(verdict(await verify(ec, without(canned, name)))).toBe("signature_missing");
  });

  test("without any parameter of CloudFront has no signature", async () => {
    for (const url of [file, `${file}?`, `${file}?x=1`])
      expect(verdict(await verify(ec, url))).toBe("signature_missing");
  });

  test.each(["Expires", "Key-Pair-Id", "Signature", "Hash-Algorithm"])(
    "with two %s parameters is refused",
    async (name) => {
      expect(verdict(await verify(ec, `${canned}&${parameter(canned, name)}`))).toBe("signature_invalid");
    },
  );

  test("with both a canned and a custom policy is refused, whichever was signed", async () => {
    expect(verdict(await verify(ec, `${canned}&${parameter(custom, "Policy")}`))).toBe("signature_invalid");
    expect(verdict(await verify(ec, `${custom}&Expires=${expires}`))).toBe("signature_invalid");
  });

  test("with a parameter name in another case or with an escape is treated as unsigned", async () => {
    expect(verdict(await verify(ec, canned.replace("Expires=", "expires=")))).toBe("signature_missing");
    expect(verdict(await verify(ec, canned.replace("Signature=", "%53ignature=")))).toBe("signature_missing");
  });

  test.each(["0", "01795000000", "+1795000000", "1795000000.0", "1.795e9", " 1795000000", "-1", "", "2147483648"])(
    "with Expires=%s is refused",
    async (text) => {
      expect(verdict(await verify(ec, canned.replace(`=${expires}`, `=${text}`)))).toBe("signature_invalid");
    },
  );

  test.each(["SHA512", "sha256", "SHA-256", ""])("with Hash-Algorithm=%s is refused", async (text) => {
    expect(verdict(await verify(ec, canned.replace("SHA256", text)))).toBe("signature_invalid");
  });

  test("can name SHA-1 explicitly", async () => {
    const url = unwrap(ourSigner(ec, "SHA1").file("/film/v1/1.ts", "", { expires }));
    expect(verdict(await verify(ec, `${url}&Hash-Algorithm=SHA1`))).toBe("accepted");
  });

  test("with a signature in standard base64, with other padding or with escapes is refused", async () => {
    const url = unwrap(ourSigner(rsa, "SHA256").file("/film/v1/1.ts", "", { expires }));
    for (const other of [
      url.replace("__&Hash", "&Hash"),
      url.replace("__&Hash", "==&Hash"),
      url.replace("__&Hash", "__A&Hash"),
      url.replace("__&Hash", "%5F%5F&Hash"),
    ]) {
      expect(other).not.toBe(url);
      expect(verdict(await verify(rsa, other))).toBe("signature_invalid");
    }
  });
});

describe("a canned policy", () => {
  test.each(["", "&", "&&x=1"])("does not cover an appended query %j", async (added) => {
    expect(verdict(await verify(ec, `${canned}&${added}`))).toBe("signature_invalid");
  });

  test("covers only the exact order and spelling of the query", async () => {
    const url = unwrap(ourSigner(ec, "SHA256").file("/film/v1/1.ts", "a=1&b=%2A", { expires }));
    expect(verdict(await verify(ec, url))).toBe("accepted");
    for (const other of ["b=%2A&a=1", "a=1&b=*", "a=1&b=%2a", "a=1", "A=1&b=%2A"])
      expect(verdict(await verify(ec, url.replace("a=1&b=%2A", other)))).toBe("signature_invalid");
  });
});

describe("the verifier's reconstruction of a canned policy", () => {
  test("escapes JSON characters, so that a query cannot inject a condition", async () => {
    const resource = `${file}?x="},{"`;
    expect(verdict(await verify(ec, withCanned(ec, resource, expires)))).toBe("accepted");
  });

  test("refuses an expiry beyond 32 bits, even if it is signed", async () => {
    expect(verdict(await verify(ec, withCanned(ec, `${file}?x`, 2_147_483_647)))).toBe("accepted");
    expect(verdict(await verify(ec, withCanned(ec, `${file}?x`, 2_147_483_648)))).toBe("signature_invalid");
  });
});

describe("the path of a CloudFront URL", () => {
  test.each([
    "/film/v1/../v1/1.ts",
    "/film/v1/./1.ts",
    "/film/v1/%2e%2e/v2/1.ts",
    "/film//v1/1.ts",
    "/film/v1\\1.ts",
    "/film/v1%2F1.ts",
    "/film/v1/1.ts;a",
    "/film/v1/%31.ts",
    "/film/v1/1.ts%00",
    "/film/v1/%252e",
    "film/v1/1.ts",
    "",
  ])("is refused before any other check: %j", async (path) => {
    expect(verdict(await verify(ec, custom, { path }))).toBe("path_invalid");
  });

  test("has a signed spelling for CloudFront and a canonical one for the origin", async () => {
    const url = unwrap(ourSigner(ec, "SHA256").file("/film/v1/a=1.ts", "", { expires }));
    expect(url).toContain("/film/v1/a%3D1.ts?");
    expect(unwrap(await verify(ec, url)).path).toBe("/film/v1/a=1.ts");
    expect(verdict(await verify(ec, url, { path: "/film/v1/a=1.ts" }))).toBe("signature_invalid");
    expect(unwrap(await verify(ec, custom, { path: "/film/v1/a=1.ts" })).path).toBe("/film/v1/a=1.ts");
  });
});

describe("a custom policy", () => {
  const until = { DateLessThan: { "AWS:EpochTime": expires } };
  const statement = { Resource: file, Condition: until };
  const json = (value: unknown) => JSON.stringify(value);

  test.each([
    ["in another order", json({ Statement: [{ Condition: until, Resource: file }] })],
    ["with white space", JSON.stringify({ Statement: [statement] }, null, "\r\n  ")],
    ["for every URL of the key", json({ Statement: [{ Condition: until }] })],
    ["for a pattern", json({ Statement: [{ ...statement, Resource: "http*://*.cloudfront.net/film/v?/*" }] })],
  ])("%s is accepted", async (_, policy) => {
    expect(verdict(await verify(ec, withPolicy(ec, file, policy)))).toBe("accepted");
  });

  test.each([
    ["two statements", { Statement: [statement, statement] }],
    ["no statement", { Statement: [] }],
    ["a statement without its list", { Statement: statement }],
    ["a version", { Version: "2012-10-17", Statement: [statement] }],
    ["an unknown member", { Statement: [{ ...statement, Effect: "Deny" }] }],
    ["a member in another letter case", { Statement: [{ resource: file, Condition: until }] }],
    ["an unknown condition", { Statement: [{ ...statement, Condition: { ...until, Country: {} } }] }],
    ["no condition", { Statement: [{ Resource: file }] }],
    ["no expiry", { Statement: [{ Resource: file, Condition: {} }] }],
    [
      "an expiry in quotation marks",
      { Statement: [{ ...statement, Condition: { DateLessThan: { "AWS:EpochTime": `${expires}` } } }] },
    ],
    [
      "an expiry in milliseconds",
      { Statement: [{ ...statement, Condition: { DateLessThan: { "AWS:EpochTime": expires * 1000 } } }] },
    ],
    [
      "an expiry beyond 32 bits",
      { Statement: [{ ...statement, Condition: { DateLessThan: { "AWS:EpochTime": 2_147_483_648 } } }] },
    ],
    [
      "an expiry with a fraction",
      { Statement: [{ ...statement, Condition: { DateLessThan: { "AWS:EpochTime": expires + 0.5 } } }] },
    ],
    [
      "two times in its expiry",
      { Statement: [{ ...statement, Condition: { DateLessThan: { "AWS:EpochTime": expires, x: 1 } } }] },
    ],
    ["a start that is null", { Statement: [{ ...statement, Condition: { ...until, DateGreaterThan: null } }] }],
    ["two resources", { Statement: [{ ...statement, Resource: [file, file] }] }],
    ["a resource that is null", { Statement: [{ ...statement, Resource: null }] }],
    [
      "an IPv6 address",
      { Statement: [{ ...statement, Condition: { ...until, IpAddress: { "AWS:SourceIp": "2001:db8::/32" } } }] },
    ],
    [
      "an address without a mask",
      { Statement: [{ ...statement, Condition: { ...until, IpAddress: { "AWS:SourceIp": "192.0.2.10" } } }] },
    ],
    [
      "a list of addresses",
      { Statement: [{ ...statement, Condition: { ...until, IpAddress: { "AWS:SourceIp": ["192.0.2.0/24"] } } }] },
    ],
    ["an address that is null", { Statement: [{ ...statement, Condition: { ...until, IpAddress: null } }] }],
  ])("with %s is refused even if it is correctly signed", async (_, policy) => {
    const result = await verify(ec, withPolicy(ec, file, json(policy)), { address: "192.0.2.10" });
    expect(verdict(result)).toBe("signature_invalid");
  });

  test("in invalid UTF-8 or after a byte order mark is refused", async () => {
    const valid = new TextEncoder().encode(json({ Statement: [statement] }));
    const broken = valid.with(json({ Statement: [statement] }).indexOf("film"), 0xff);
    for (const policy of [broken, Uint8Array.of(0xef, 0xbb, 0xbf, ...valid)])
      expect(verdict(await verify(ec, withPolicy(ec, file, policy)))).toBe("signature_invalid");
  });

  test("is checked for its resource first, then its time, then its address", async () => {
    const condition = { DateLessThan: { "AWS:EpochTime": expires }, IpAddress: { "AWS:SourceIp": "192.0.2.0/24" } };
    const url = withPolicy(ec, file, json({ Statement: [{ Resource: file, Condition: condition }] }));
    const late = { now: unixSeconds(expires + 1), address: "198.51.100.1" };
    expect(verdict(await verify(ec, url, { ...late, path: "/film/v2/1.ts" }))).toBe("path_not_covered");
    expect(verdict(await verify(ec, url, late))).toBe("signature_expired");
    expect(verdict(await verify(ec, url, { address: late.address }))).toBe("address_not_covered");
  });
});

describe("a CloudFront public key", () => {
  test("is imported from SubjectPublicKeyInfo or a JWK, whose private half and alg are ignored", async () => {
    for (const pair of [rsa, ec]) {
      const url = unwrap(ourSigner(pair, "SHA1").file("/film/v1/1.ts", "", { expires }));
      for (const form of [
        pair.publicJwk,
        pair.privateJwk,
        { ...pair.publicJwk, alg: "other", use: "enc" },
        pair.spki,
      ]) {
        const key = unwrap(await importCloudFrontPublicKey(form));
        expect(verdict(await verifyCloudFront(requestFor(url), (id) => (id === keyPairId ? key : undefined)))).toBe(
          "accepted",
        );
      }
    }
  });

  test("is refused if CloudFront does not support it", async () => {
    const algorithm = {
      name: "RSASSA-PKCS1-v1_5",
      modulusLength: 3072,
      publicExponent: Uint8Array.of(1, 0, 1),
      hash: "SHA-256",
    };
    const large = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const p384 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"]);
    if (!("publicKey" in large) || !("publicKey" in p384)) throw new Error("WebCrypto returned no key pair");
    for (const key of [
      await crypto.subtle.exportKey("jwk", large.publicKey),
      new Uint8Array(await crypto.subtle.exportKey("spki", large.publicKey)),
      await crypto.subtle.exportKey("jwk", p384.publicKey),
      new Uint8Array(await crypto.subtle.exportKey("spki", p384.publicKey)),
      { kty: "oct", k: "AAAA" },
      { kty: "EC", crv: "P-256", x: "AAAA", y: "AAAA" },
      new Uint8Array(10),
      {},
    ])
      expect((await importCloudFrontPublicKey(key)).ok).toBe(false);
  });
});
