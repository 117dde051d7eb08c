import { getSignedUrl } from "@aws-sdk/cloudfront-signer";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import type { CloudFrontHash, CloudFrontWindow } from "../../../src/signing/cloudfront/cloudfront-policy.ts";
import type { CloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { canonicalPath, canonicalUrl } from "./arbitraries.ts";
import {
  baseUrl,
  expires,
  type KeyKind,
  type KeyPair,
  keyPair,
  keyPairId,
  ourSigner,
  sdkSigner,
  unwrap,
  verdict,
  verify,
} from "./samples.ts";

const starts = unixSeconds(1_794_000_000);
const kinds: readonly KeyKind[] = ["RSA", "EC"];
const hashes: readonly CloudFrontHash[] = ["SHA1", "SHA256"];
const windows: Readonly<Record<string, CloudFrontWindow>> = {
  "a start": { expires, starts },
  "an address": { expires, address: "192.0.2.10" },
  "a start and a range": { expires, starts, address: "192.0.2.0/24" },
};

let pairs: Record<KeyKind, KeyPair>;
beforeAll(async () => {
  pairs = { RSA: await keyPair("RSA"), EC: await keyPair("EC") };
});

/** Every kind of signed URL, by name. */
function urlsOf(signer: CloudFrontSigner): Readonly<Record<string, string>> {
  const under = unwrap(signer.directory("/film/v1/", { expires }));
  const urls: Record<string, string> = {
    canned: unwrap(signer.file("/film/v1/1.ts", "", { expires })),
    "canned with a query": unwrap(signer.file("/film/v1/1.ts", "x=1&y=%2A", { expires })),
    "custom for a directory": unwrap(under("/film/v1/1.ts", "")),
    "custom for a directory, with a query": unwrap(under("/film/v1/1.ts", "x=1")),
  };
  for (const [name, window] of Object.entries(windows))
    urls[`custom for a file with ${name}`] = unwrap(signer.file("/film/v1/1.ts", "", window));
  return urls;
}

describe.each(kinds)("with a key of type %s", (kind) => {
  describe.each(hashes)("and the hash %s,", (hash) => {
    test("our URLs equal the AWS SDK's, except for the random signature of EC keys", () => {
      const [ours, theirs] = [urlsOf(ourSigner(pairs[kind], hash)), urlsOf(sdkSigner(pairs[kind], hash))];
      const comparable = (url: string) => (kind === "RSA" ? url : url.replace(/Signature=[^&]*/, "Signature="));
      for (const name of Object.keys(ours))
        expect(comparable(ours[name] ?? "")).toBe(comparable(theirs[name] ?? "none"));
    });

    test("the verifier accepts URLs signed by us and by the AWS SDK", async () => {
      for (const signer of [ourSigner(pairs[kind], hash), sdkSigner(pairs[kind], hash)])
        for (const [name, url] of Object.entries(urlsOf(signer)))
          expect([name, verdict(await verify(pairs[kind], url, { address: "192.0.2.10" }))]).toEqual([
            name,
            "accepted",
          ]);
    });

    test("a URL names its hash as the AWS SDK does, with SHA-1 as the default", () => {
      for (const url of Object.values(urlsOf(ourSigner(pairs[kind], hash))))
        expect(url.endsWith("&Hash-Algorithm=SHA256")).toBe(hash === "SHA256");
    });
  });
});

/** A URL signed by the SDK without any of our code. */
function signedBySdk(url: string): string {
  const dateLessThan = expires * 1000;
  return getSignedUrl({ url, keyPairId, privateKey: pairs.EC.pem, dateLessThan, algorithm: "SHA256" });
}

const unsigned = (url: string) => url.slice(0, url.indexOf("Expires="));

test("any canonical path and query is spelled as by the AWS SDK, and verifies", async () => {
  const ours = ourSigner(pairs.EC, "SHA256");
  await fc.assert(
    fc.asyncProperty(canonicalUrl, async ({ path, query }) => {
      const signed = unwrap(ours.file(path, query, { expires }));
      const url = query === "" ? baseUrl + path : `${baseUrl}${path}?${query}`;
      expect(unsigned(signed)).toBe(unsigned(signedBySdk(url)));
      expect(unwrap(await verify(pairs.EC, signed)).path).toBe(path);
    }),
  );
});

test.each(["&a&&b=1=2&", "&", "a", "=", "a=+&b=%2A", "q='"])("the query %j is spelled as by the AWS SDK", (query) => {
  const signed = unwrap(ourSigner(pairs.EC, "SHA256").file("/film/v1/1.ts", query, { expires }));
  expect(unsigned(signed)).toBe(unsigned(signedBySdk(`${baseUrl}/film/v1/1.ts?${query}`)));
});

test("a player that parses a CloudFront URL sends it unchanged", () => {
  const ours = ourSigner(pairs.EC, "SHA256");
  fc.assert(
    fc.property(canonicalPath, (path) => {
      const signed = unwrap(ours.file(path, "", { expires }));
      expect(new URL(signed).href).toBe(signed);
      expect(signed.startsWith(`${baseUrl}/`)).toBe(true);
    }),
  );
});
