import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import type { CloudFrontHash } from "../../../src/signing/cloudfront/cloudfront-policy.ts";
import type { CloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { verifyCloudFront } from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import { itIsASigningScheme, type Judgement, type UrlPart } from "./contract.ts";
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

/**
 * What a wildcard leaves open is the rendition's own, so a URL under one cannot keep the contract to the letter: the tests
 * below say which of its parts may change.
 */
const exact = schemes.filter(([name]) => name !== "custom for a directory");
const keysAndHashes: readonly [KeyKind, CloudFrontHash][] = [
  ["RSA", "SHA1"],
  ["EC", "SHA256"],
];

describe.each(keysAndHashes)("%s with %s", (kind, hash) => {
  describe.each(exact)("%s", (_, sign) => {
    itIsASigningScheme("it", async () => {
      const [own, other] = [pairs[kind], await keyPair(kind)];
      const target = (keys: KeyPair, by: CloudFrontHash) => sign(ourSigner(keys, by)).slice(baseUrl.length);
      const signed = target(own, hash);
      const signer = ourSigner(own, hash);
      const elsewhere = unwrap(signer.file("/film/v1/2.ts", "x=1", { expires })).slice(baseUrl.length);
      return {
        parts: partsOf(signed),
        judge: async (url, when): Promise<Judgement> => {
          const request = requestFor(baseUrl + url, { now: when === "late" ? expires : before });
          const result = await verifyCloudFront(request, (id) => ({ [keyPairId]: own, K2OTHER: other })[id]?.publicKey);
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

describe.each<KeyKind>(["RSA", "EC"])("%s", (kind) => {
  describe.each<CloudFrontHash>(["SHA1", "SHA256"])("%s", (hash) => {
    describe.each(schemes)("%s", (name, sign) => {
      test("holds until the second of its end, for GET and HEAD", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        expect(verdict(await verify(pairs[kind], url))).toBe("accepted");
        expect(verdict(await verify(pairs[kind], url, { method: "HEAD" }))).toBe("accepted");
        expect(verdict(await verify(pairs[kind], url, { method: "POST" }))).toBe("method_not_covered");
        expect(verdict(await verify(pairs[kind], url, { now: expires }))).toBe("signature_expired");
      });

      test("says what it opens: the plain path and the viewer's own query", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        expect(await verify(pairs[kind], url)).toMatchObject({
          value: { path: "/film/v1/1.ts", query: url.includes("x=1") ? "x=1" : undefined, expires },
        });
      });

      if (name === "custom for a directory") {
        test("a changed byte of the path is refused, or lies in the directory that is covered", async () => {
          const url = sign(ourSigner(pairs[kind], hash));
          const file = url.indexOf("1.ts");
          for (const at of span(url, baseUrl, "?")) {
            const expected = at >= file ? ["accepted"] : ["signature_invalid", "path_not_covered", "path_invalid"];
            expect(expected).toContain(verdict(await verify(pairs[kind], changedAt(url, at))));
          }
        });

        test("each changed byte of the parameters is refused", async () => {
          const url = sign(ourSigner(pairs[kind], hash));
          for (let at = url.indexOf("Policy="); at < url.length; at++)
            expect([at, verdict(await verify(pairs[kind], changedAt(url, at)))]).not.toEqual([at, "accepted"]);
        });
      }

      test("a changed byte of the signature is signature_invalid, also when the time has run out", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        for (const at of span(url, "&Signature=", "&"))
          expect(verdict(await verify(pairs[kind], changedAt(url, at), { now: expires }))).toBe("signature_invalid");
      });

      test("another key's signature and an unknown key are refused", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        const [other, none] = [pairs[kind === "RSA" ? "EC" : "RSA"], () => undefined];
        expect(verdict(await verify(other, url))).toBe("signature_invalid");
        expect(verdict(await verifyCloudFront(requestFor(url), none))).toBe("key_unknown");
      });

      test("the other hash is refused", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        const other = hash === "SHA1" ? `${url}&Hash-Algorithm=SHA256` : url.replace("SHA256", "SHA1");
        expect(verdict(await verify(pairs[kind], other))).toBe("signature_invalid");
      });

      test("CloudFront's parameters may be in any order, and around the viewer's own", async () => {
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

      test("another host, scheme or port is refused", async () => {
        const url = sign(ourSigner(pairs[kind], hash));
        for (const other of ["http://d111111abcdef8.cloudfront.net", "https://evil.example", `${baseUrl}:8443`]) {
          const result = await verify(pairs[kind], url, { baseUrl: other });
          expect(verdict(result)).toBe(name === "canned" ? "signature_invalid" : "path_not_covered");
        }
      });
    });
  });
});

test("a start is enforced: in that second the URL is not valid yet", async () => {
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
])("a URL for %s from %s: %s", async (address, viewer, expected) => {
  const url = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires, address }));
  expect(verdict(await verify(pairs.EC, url, { address: viewer }))).toBe(expected);
});

test("a URL under a wildcard takes what a player appends to its query; a canned one does not", async () => {
  const signer = ourSigner(pairs.EC, "SHA256");
  const canned = unwrap(signer.file("/film/v1/1.ts", "", { expires }));
  const wildcard = unwrap(unwrap(signer.directory("/film/v1/", { expires }))("/film/v1/1.ts", ""));
  expect(verdict(await verify(pairs.EC, `${wildcard}&CMCD=br%3D1`))).toBe("accepted");
  expect(verdict(await verify(pairs.EC, `${canned}&CMCD=br%3D1`))).toBe("signature_invalid");
});

test("a canned signature that is sent as a custom policy still opens its file alone", async () => {
  const url = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires }));
  const policy = `{"Statement":[{"Resource":"${baseUrl}/film/v1/1.ts","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
  const asCustom = url.replace(
    `Expires=${expires}`,
    `Policy=${btoa(policy).replaceAll("=", "_").replaceAll("/", "~")}`,
  );
  expect(verdict(await verify(pairs.EC, asCustom))).toBe("accepted");
  expect(verdict(await verify(pairs.EC, asCustom.replace("1.ts", "2.ts")))).toBe("path_not_covered");
});

test("no text makes the verifier throw", async () => {
  const good = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", "", { expires }));
  const goodPairs = good.slice(good.indexOf("?") + 1).split("&");
  const value = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: fc.constantFrom(..."AQ_-~") }));
  const names = fc.constantFrom("Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "x", "");
  const pair = fc.oneof(
    fc.tuple(names, value).map(([name, text]) => `${name}=${text}`),
    fc.constantFrom(...goodPairs),
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
    fc.asyncProperty(request, async (about) => {
      const result = await verifyCloudFront({ method: "GET", now: before, ...about }, () => pairs.EC.publicKey);
      if (result.ok) expect(about.path).toBe("/film/v1/1.ts");
    }),
    { numRuns: 1000 },
  );
});

test("no signed policy makes the verifier throw", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.uint8Array()), async (policy) => {
      const url = withPolicy(pairs.EC, `${baseUrl}/film/v1/1.ts`, policy);
      expect(verdict(await verify(pairs.EC, url))).toBe("signature_invalid");
    }),
  );
});
