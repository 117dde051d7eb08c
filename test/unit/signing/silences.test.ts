import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { type CloudFrontWire, distributionFaults } from "../../../src/signing/cloudfront/wire-format.ts";
import { baseUrl, distribution, expires, type KeyPair, keyPair, keyPairId, ourSigner, sdkSigner } from "./samples.ts";

let pair: KeyPair;
let signers: readonly CloudFrontSigner[];
beforeAll(async () => {
  pair = await keyPair("EC");
  signers = [ourSigner(pair, "SHA256"), sdkSigner(pair, "SHA256")];
});

const code = (result: ReturnType<CloudFrontSigner["file"]>) => (result.ok ? "signed" : result.refusal.code);
const sdk = (about: { url?: string; dateGreaterThan?: string | number; ipAddress?: string; dateLessThan?: number }) =>
  getSignedUrl({ url: `${baseUrl}/1.ts`, keyPairId, privateKey: pair.pem, dateLessThan: expires * 1000, ...about });

describe("the AWS SDK, without an error,", () => {
  test("drops a start in another format and signs a canned policy", () => {
    for (const dateGreaterThan of ["1794000000", 0]) expect(sdk({ dateGreaterThan })).not.toContain("Policy=");
  });
  test("reads seconds as milliseconds", () => {
    expect(sdk({ dateLessThan: expires })).toContain("Expires=1795000&");
  });
  test("signs a wildcard with a canned policy", () => {
    expect(sdk({ url: `${baseUrl}/film/*` })).toMatch(/\/film\/\*\?Expires=/);
  });
  test("decodes escaped dot segments and signs them", () => {
    expect(sdk({ url: `${baseUrl}/film/%2E%2E/1.ts` })).toContain("/film/../1.ts?");
  });
  test("escapes bytes that are not UTF-8 twice", () => {
    expect(sdk({ url: `${baseUrl}/%FF.ts` })).toContain("/%25FF.ts?");
  });
  test("accepts invalid IP addresses", () => {
    for (const ipAddress of ["1.2.3.", "0x7f.0.0.1", "1.2.3.4/8/9"]) expect(sdk({ ipAddress })).toContain("Policy=");
  });
});

describe("before either signer is called, our code", () => {
  test.each([
    ["a wildcard", "/film/*"],
    ["a wildcard within a name", "/film/v1/seg-*.ts"],
    ["dot segments", "/film/../1.ts"],
    ["encoded dot segments", "/film/%2E%2E/1.ts"],
    ["an encoded slash", "/film%2F1.ts"],
    ["an escape that is not UTF-8", "/film/%FF.ts"],
    ["a question mark", "/film/1.ts?x=1"],
    ["a fragment", "/film/1.ts#x"],
    ["no leading slash", "film/1.ts"],
  ])("refuses a path with %s", (_, path) => {
    for (const signer of signers) expect(code(signer.file(path, "", { expires }))).toBe("path_invalid");
  });

  test.each(["Expires=1", "x=1&Policy=a", "Signature", "Key-Pair-Id=", "Hash-Algorithm=SHA1", "%45xpires=1"])(
    "refuses the query %s, which has a parameter of CloudFront",
    (query) => {
      for (const signer of signers) expect(code(signer.file("/film/1.ts", query, { expires }))).toBe("path_invalid");
    },
  );

  test("escapes an asterisk in a query, so that it is never a wildcard", () => {
    for (const signer of signers) {
      const signed = signer.file("/film/1.ts", "a=*", { expires });
      expect(signed.ok && signed.value).toContain("?a=%2A&Expires=");
    }
  });

  test("refuses a query in a custom policy for one file, because its question mark is a wildcard", () => {
    const starts = unixSeconds(expires - 1);
    for (const signer of signers)
      expect(code(signer.file("/film/1.ts", "x=1", { expires, starts }))).toBe("path_invalid");
  });

  test.each([
    "2001:db8::1",
    "2001:db8::/32",
    "192.0.2",
    "192.0.2.",
    "192.0.2.256",
    "192.0.2.010",
    "0x7f.0.0.1",
    "1.2.3.4/33",
    "1.2.3.4/8/9",
    "",
  ])("refuses the address %j", (address) => {
    for (const signer of signers)
      expect(code(signer.file("/film/1.ts", "", { expires, address }))).toBe("address_not_covered");
  });

  test.each([
    ["an expiry in milliseconds", { expires: expires * 1000 }],
    ["an expiry with a fraction", { expires: expires + 0.5 }],
    ["an expiry of NaN", { expires: Number.NaN }],
    ["a start in milliseconds", { expires, starts: expires * 1000 }],
    ["a start of 0", { expires, starts: 0 }],
    ["a start at the expiry", { expires, starts: expires }],
    ["a start after the expiry", { expires, starts: expires + 1 }],
  ])("throws for %s", (_, times) => {
    // The input of a caller without type checks.
    const window = JSON.parse(JSON.stringify(times).replace("null", "1e999"));
    for (const signer of signers) {
      expect(() => signer.file("/film/1.ts", "", window)).toThrow(RangeError);
      expect(() => signer.directory("/film/v1/", window)).toThrow(RangeError);
    }
  });

  test.each(["/", "/film/", "/film/v1", "/film/v*/", "/film/../"])("refuses the directory %s", (directory) => {
    for (const signer of signers) {
      const result = signer.directory(directory, { expires });
      expect(result.ok ? "signed" : result.refusal.code).toBe("path_invalid");
    }
  });
});

describe("a CloudFront distribution", () => {
  const wire: CloudFrontWire = { canned: () => "", custom: () => () => "" };

  test("with valid options has no fault", () => {
    expect(distributionFaults(distribution("SHA1"))).toEqual([]);
    expect(distributionFaults({ ...distribution("SHA1"), baseUrl: "http://localhost:8788" })).toEqual([]);
  });

  test.each([
    ["an unknown option", { algorithm: "SHA256" }, 'unknown option "algorithm"'],
    ["an unknown hash", { hash: "sha256" }, "hash:"],
    ["no hash", { hash: undefined }, "hash:"],
    ["no key pair id", { keyPairId: "" }, "keyPairId:"],
    ["a key pair id that injects a parameter", { keyPairId: "K&Policy=x" }, "keyPairId:"],
    ["a trailing slash", { baseUrl: `${baseUrl}/` }, "baseUrl:"],
    ["a path", { baseUrl: `${baseUrl}/a` }, "baseUrl:"],
    ["a default port", { baseUrl: `${baseUrl}:443` }, "baseUrl:"],
    ["a host in upper case", { baseUrl: baseUrl.toUpperCase() }, "baseUrl:"],
    ["a wildcard", { baseUrl: "https://*.cloudfront.net" }, "baseUrl:"],
    ["another scheme", { baseUrl: "rtmp://d.cloudfront.net" }, "baseUrl:"],
    ["a host instead of a URL", { baseUrl: "d.cloudfront.net" }, "baseUrl:"],
  ])("with %s is a configuration error", (_, change, words) => {
    const invalid = { ...distribution("SHA256"), ...change };
    expect(distributionFaults(invalid).join()).toContain(words);
    expect(() => cloudFrontSigner(JSON.parse(JSON.stringify(invalid)), wire)).toThrow(TypeError);
  });

  test("reports all its faults at once", () => {
    expect(distributionFaults({ algorithm: "SHA256" })).toHaveLength(4);
  });
});

describe("a CloudFront private key", () => {
  test.each([
    ["empty", ""],
    ["a public key", "public"],
    ["a P-384 key", "P-384"],
  ])("is refused if it is %s", async (_, which) => {
    const p384 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"]);
    if (!("privateKey" in p384)) throw new Error("WebCrypto returned no key pair");
    const { kty, crv, x, y, d } = await crypto.subtle.exportKey("jwk", p384.privateKey);
    const key = which === "P-384" ? { kty, crv, x, y, d } : which === "public" ? { kty, crv, x, y } : which;
    expect(() => cloudFrontSign(JSON.parse(JSON.stringify(key)), "SHA256")).toThrow(TypeError);
  });

  test("can be PEM as well as a JWK", () => {
    expect(cloudFrontSign(pair.pem, "SHA256")("policy").length).toBeGreaterThan(64);
  });
});
