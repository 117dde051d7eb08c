import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { privateJwk } from "../../../src/keys/key-material.ts";
import { keysFor } from "../../../src/keys/ring.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import type { CloudFrontHash } from "../../../src/signing/cloudfront/cloudfront-policy.ts";
import { cloudFrontSigner } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { publicKeysOf, verifyCloudFront } from "../../../src/signing/cloudfront/verify-cloudfront.ts";
import { cloudFrontWire } from "../../../src/signing/cloudfront/wire-format.ts";
import { now, ring, unwrap, v1 } from "./version-1.ts";

type Golden = (typeof v1.cloudfront)[number];

const baseUrl = "https://d111111abcdef8.cloudfront.net";
const publicKeys = unwrap(await publicKeysOf(ring, () => now));
const hashOf = ({ hash }: Golden): CloudFrontHash => (hash === "SHA256" ? "SHA256" : "SHA1");

function signedToday(golden: Golden): string {
  const pair = keysFor(ring, "cloudfront").find(({ kid }) => kid === golden.kid);
  const jwk = pair === undefined ? undefined : privateJwk(pair);
  if (jwk === undefined) throw new Error(`the golden ring has no key pair ${golden.kid}`);
  const distribution = { baseUrl, keyPairId: golden.kid, hash: hashOf(golden) };
  const signer = cloudFrontSigner(
    distribution,
    cloudFrontWire(distribution, cloudFrontSign(forNode(jwk), hashOf(golden))),
  );
  const { expires, starts, address } = golden.window;
  const window = {
    expires: unixSeconds(expires),
    ...(starts === undefined ? {} : { starts: unixSeconds(starts) }),
    ...(address === undefined ? {} : { address }),
  };
  if (golden.kind !== "directory") return unwrap(signer.file(golden.path, golden.query, window));
  const directory = golden.path.slice(0, golden.path.lastIndexOf("/") + 1);
  return unwrap(unwrap(signer.directory(directory, window))(golden.path, golden.query));
}

/** The same key without undefined members: WebCrypto's type allows them, Node's does not. */
function forNode({ kty, n, e, d, p, q, dp, dq, qi, crv, x, y }: JsonWebKey) {
  const members = { kty, n, e, d, p, q, dp, dq, qi, crv, x, y };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** An ECDSA signature differs each time; the rest of the URL stays the same. */
const withoutSignature = (url: string) => url.replace(/Signature=[^&]+/, "Signature=");

describe("a CloudFront URL of version 1", () => {
  it.each(v1.cloudfront)("is accepted until it expires: $kind, $kid, $hash", async ({ url, path, query, window }) => {
    const rest = url.slice(baseUrl.length);
    const mark = rest.indexOf("?");
    const request = { method: "GET", baseUrl, path: rest.slice(0, mark), query: rest.slice(mark + 1) };
    const verify = (at: number) =>
      verifyCloudFront({ ...request, now: unixSeconds(at), address: "192.0.2.7" }, publicKeys);
    const access = { path, query: query === "" ? undefined : query, expires: window.expires };
    expect(await verify(window.expires - 1)).toMatchObject({ ok: true, value: access });
    expect(await verify(window.expires)).toMatchObject({ ok: false, refusal: { code: "signature_expired" } });
  });

  it.each(v1.cloudfront)("is still written the same way: $kind, $kid, $hash", (golden) => {
    const today = signedToday(golden);
    const exact = golden.kid === "GOLDENRSA";
    expect(exact ? today : withoutSignature(today)).toBe(exact ? golden.url : withoutSignature(golden.url));
  });
});
