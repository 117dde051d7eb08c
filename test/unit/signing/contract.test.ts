import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import type { CloudFrontHash } from "../../../src/signing/cloudfront/cloudfront-policy.ts";
import type { CloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { verifyCloudFront } from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import { type Judgement, signingContract, type UrlPart } from "./contract.ts";
import {
  baseUrl,
  before,
  expires,
  type KeyKind,
  type KeyPair,
  keyPair,
  keyPairId,
  ourSigner,
  requestFor,
  unwrap,
  verdict,
  verify,
  withPolicy,
} from "./samples.ts";

const starts = unixSeconds(1_794_000_000);

let pairs: Record<KeyKind, KeyPair>;
beforeAll(async () => {
  pairs = { RSA: await keyPair("RSA"), EC: await keyPair("EC") };
});

const schemes: readonly [string, (signer: CloudFrontSigner) => string][] = [
  ["canned", (signer) => unwrap(signer.file("/film/v1/1.ts", "x=1", { expires }))],
  ["custom for a file", (signer) => unwrap(signer.file("/film/v1/1.ts", "", { expires, starts }))],
  [
    "custom for a directory",
    (signer) => unwrap(unwrap(signer.directory("/film/v1/", { expires }))("/film/v1/1.ts", "x=1")),
  ],
];

/** The same URL with the character at `at` changed to another valid one. */
function changedAt(url: string, at: number): string {
  return `${url.slice(0, at)}${url.charAt(at) === "A" ? "B" : "A"}${url.slice(at + 1)}`;
}

function span(url: string, from: string, to: string): readonly number[] {
  const start = url.indexOf(from) + from.length;
  const end = to === "" ? url.length : url.indexOf(to, start);
  return Array.from({ length: (end < 0 ? url.length : end) - start }, (_, i) => start + i);
}

/** The schemes without a wildcard. A URL under a wildcard is valid for other files; tests below say which parts can change. */
const exact = schemes.filter(([name]) => name !== "custom for a directory");
const keysAndHashes: readonly [KeyKind, CloudFrontHash][] = [
  ["RSA", "SHA1"],
  ["EC", "SHA256"],
];

describe.each(keysAndHashes)("with an %s key and %s,", (kind, hash) => {
  describe.each(exact)("a CloudFront URL (%s)", (_, sign) => {
    signingContract(async () => {
      const [ownKey, other] = [pairs[kind], await keyPair(kind)];
      const target = (keys: KeyPair, by: CloudFrontHash) => sign(ourSigner(keys, by)).slice(baseUrl.length);
      const signed = target(ownKey, hash);
      const signer = ourSigner(ownKey, hash);
      const elsewhere = unwrap(signer.file("/film/v1/2.ts", "x=1", { expires })).slice(baseUrl.length);
      return {
        parts: partsOf(signed),
        judge: async (url, when): Promise<Judgement> => {
          const request = requestFor(baseUrl + url, { now: when === "late" ? expires : before });
          const result = await verifyCloudFront(
            request,
            (id) => ({ [keyPairId]: ownKey, K2OTHER: other })[id]?.publicKey,
          );
          if (result.ok) return "passed";
          return result.refusal.code === "signature_expired" ? "expired" : "refused";
        },
        otherPurposes: [
          elsewhere.replace("/2.ts", "/1.ts"),
          signed.replace("/1.ts", "/2.ts"),
          hash === "SHA1" ? `${signed}&Hash-Algorithm=SHA256` : signed.replace("&Hash-Algorithm=SHA256", ""),
        ],
        otherKeys: [target(other, hash), signed.replace(keyPairId, "K2OTHER"), signed.replace(keyPairId, "K2NOBODY")],
      };
    });
  });
});

/** A target's path, and each of its parameters with its separator. */
function partsOf(target: string): readonly UrlPart[] {
  return target.split(/(?=[?&])/).map((text) => ({ name: text.slice(0, 12), text }));
}

describe.each<KeyKind>(["RSA", "EC"])("with an %s key", (kind) => {
  describe.each<CloudFrontHash>(["SHA1", "SHA256"])("and %s,", (hash) => {
    describe.each(schemes)("a CloudFront URL (%s)", (name, sign) => {
      test("is valid until the second of its expiry, for GET and HEAD", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        expect(verdict(await verify(pairs[kind], url))).toBe("accepted");
        expect(verdict(await verify(pairs[kind], url, { method: "HEAD" }))).toBe("accepted");
        expect(verdict(await verify(pairs[kind], url, { method: "POST" }))).toBe("method_not_covered");
        expect(verdict(await verify(pairs[kind], url, { now: expires }))).toBe("signature_expired");
      });

      test("yields the plain path and the viewer's own query", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        expect(await verify(pairs[kind], url)).toMatchObject({
          value: { path: "/film/v1/1.ts", query: url.includes("x=1") ? "x=1" : undefined, expires },
        });
      });

      if (name === "custom for a directory") {
        test("with a changed byte in its path is refused unless the path stays in the covered directory", async () => {
          const url = sign(ourSigner(pairs[kind], hash));
          const file = url.indexOf("1.ts");
          for (const at of span(url, baseUrl, "?")) {
            const expected = at >= file ? ["accepted"] : ["signature_invalid", "path_not_covered", "path_invalid"];
            expect(expected).toContain(verdict(await verify(pairs[kind], changedAt(url, at))));
          }
        });

        test("with any changed byte in its parameters is refused", async () => {
          const url = sign(ourSigner(pairs[kind], hash));
          for (let at = url.indexOf("Policy="); at < url.length; at++)
            expect([at, verdict(await verify(pairs[kind], changedAt(url, at)))]).not.toEqual([at, "accepted"]);
        });
      }

      test("with a changed byte in its signature is signature_invalid, even after its expiry", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        for (const at of span(url, "&Signature=", "&"))
          expect(verdict(await verify(pairs[kind], changedAt(url, at), { now: expires }))).toBe("signature_invalid");
      });

      test("is refused with another key's signature or an unknown key", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        const [other, none] = [pairs[kind === "RSA" ? "EC" : "RSA"], () => undefined];
        expect(verdict(await verify(other, url))).toBe("signature_invalid");
        expect(verdict(await verifyCloudFront(requestFor(url), none))).toBe("key_unknown");
      });

      test("is refused with the other hash", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        const other = hash === "SHA1" ? `${url}&Hash-Algorithm=SHA256` : url.replace("SHA256", "SHA1");
        expect(verdict(await verify(pairs[kind], other))).toBe("signature_invalid");
      });

      test("can have CloudFront's parameters in any order, before and after the viewer's own", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        const pairsOf = url.slice(url.indexOf("?") + 1).split("&");
        await fc.assert(
          fc.asyncProperty(fc.shuffledSubarray(pairsOf, { minLength: pairsOf.length }), async (order) => {
            const shuffled = `${url.slice(0, url.indexOf("?"))}?${order.join("&")}`;
            expect(verdict(await verify(pairs[kind], shuffled))).toBe("accepted");
          }),
          { numRuns: 20 },
        );
      });

      test("is refused for another host, scheme or port", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        for (const other of ["http://d111111abcdef8.cloudfront.net", "https://evil.example", `${baseUrl}:8443`]) {
          const result = await verify(pairs[kind], url, { baseUrl: other });
          expect(verdict(result)).toBe(name === "canned" ? "signature_invalid" : "path_not_covered");
        }
      });
    });
  });
});

test("a CloudFront URL with a start is not valid until the second after it", async () => {
  const url = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires, starts }));
  expect(verdict(await verify(pairs.EC, url, { now: starts }))).toBe("signature_not_yet_valid");
  expect(verdict(await verify(pairs.EC, url, { now: unixSeconds(starts + 1) }))).toBe("accepted");
});

test.each([
  ["192.0.2.10", "192.0.2.10", "accepted"],
  ["192.0.2.10", "192.0.2.11", "address_not_covered"],
  ["192.0.2.0/24", "192.0.2.255", "accepted"],
  ["192.0.2.77/24", "192.0.2.1", "accepted"],
  ["192.0.2.0/24", "192.0.3.0", "address_not_covered"],
  ["0.0.0.0/0", "255.255.255.255", "accepted"],
  ["128.0.0.0/1", "200.1.2.3", "accepted"],
  ["128.0.0.0/1", "127.255.255.255", "address_not_covered"],
  ["0.0.0.0/0", "::ffff:192.0.2.10", "address_not_covered"],
  ["0.0.0.0/0", "2001:db8::1", "address_not_covered"],
  ["0.0.0.0/0", undefined, "address_not_covered"],
])("a CloudFront URL for the address %s, requested from %s, is %s", async (address, viewer, expected) => {
  const url = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires, address }));
  expect(verdict(await verify(pairs.EC, url, { address: viewer }))).toBe(expected);
});

test("a CloudFront URL accepts an appended query under a wildcard, and not under a canned policy", async () => {
  const signer = ourSigner(pairs.EC, "SHA256");
  const canned = unwrap(signer.file("/film/v1/1.ts", "", { expires }));
  const wildcard = unwrap(unwrap(signer.directory("/film/v1/", { expires }))("/film/v1/1.ts", ""));
  expect(verdict(await verify(pairs.EC, `${wildcard}&CMCD=br%3D1`))).toBe("accepted");
  expect(verdict(await verify(pairs.EC, `${canned}&CMCD=br%3D1`))).toBe("signature_invalid");
});

test("a canned CloudFront signature sent as a custom policy is still valid only for its file", async () => {
  const url = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires }));
  const policy = `{"Statement":[{"Resource":"${baseUrl}/film/v1/1.ts","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
  const asCustom = url.replace(
    `Expires=${expires}`,
    `Policy=${btoa(policy).replaceAll("=", "_").replaceAll("/", "~")}`,
  );
  expect(verdict(await verify(pairs.EC, asCustom))).toBe("accepted");
  expect(verdict(await verify(pairs.EC, asCustom.replace("1.ts", "2.ts")))).toBe("path_not_covered");
});

test("the CloudFront verifier never throws on random requests", async () => {
  const valid = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires }));
  const validPairs = valid.slice(valid.indexOf("?") + 1).split("&");
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."AQ_-~") }));
  const names = fc.constantFrom("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "x", "");
  const pair = fc.oneof(
    fc.tuple(names, value).map(([name, text]) => `${name}=${text}`),
    fc.constantFrom(...validPairs),
    fc.string(),
  );
  const request = fc.record({
    path: fc.oneof(fc.string({ unit: "binary" }), fc.constant("/film/v1/1.ts")),
    query: fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pair).map((all) => all.join("&")),
    ),
    address: fc.option(fc.string(), { nil: undefined }),
    baseUrl: fc.oneof(fc.string(), fc.constant(baseUrl)),
  });
  await fc.assert(
    fc.asyncProperty(request, async (fields) => {
      const result = await verifyCloudFront({ method: "GET", now: before, ...fields }, () => pairs.EC.publicKey);
      if (result.ok) expect(fields.path).toBe("/film/v1/1.ts");
    }),
    { numRuns: 1000 },
  );
});

test("the CloudFront verifier never throws on random signed policies", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), async (policy) => {
      const url = withPolicy(pairs.EC, `${baseUrl}/film/v1/1.ts`, policy);
      expect(verdict(await verify(pairs.EC, url))).toBe("signature_invalid");
    }),
  );
});
