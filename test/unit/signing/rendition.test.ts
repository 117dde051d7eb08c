import { beforeAll, describe, expect, test } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { rememberSignatures } from "../../../src/signing/cloudfront/asset-signers.ts";
import {
  cloudFrontRendition,
  liesDirectlyIn,
  renditionDirectory,
} from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { baseUrl, expires, type KeyPair, keyPair, ourSigner, unwrap, verdict, verify } from "./samples.ts";

const assetPrefix = "/film/";
const playlist = "/film/v1/index.m3u8";
const main = "/film/main.m3u8";

describe("the directory for a rendition's wildcard", () => {
  test.each([
    ["is the rendition's own", playlist, [main, "/film/v2/index.m3u8"], "/film/v1/"],
    ["is its own even if another one has a longer name", playlist, [main, "/film/v10/index.m3u8"], "/film/v1/"],
    ["is its own if the list of others includes the rendition", playlist, [main, playlist], "/film/v1/"],
    ["is undefined if two playlists share it", playlist, [main, "/film/v1/audio.m3u8"], undefined],
    ["is undefined if another playlist is below it", playlist, [main, "/film/v1/audio/en/index.m3u8"], undefined],
    ["is undefined if it contains the multivariant playlist", playlist, ["/film/v1/main.m3u8"], undefined],
    ["is undefined if it is the asset's directory", "/film/index.m3u8", [], undefined],
    ["is undefined in another asset", "/other/v1/index.m3u8", [main], undefined],
    ["is undefined above the asset", "/index.m3u8", [main], undefined],
  ])("%s", (_, path, others, directory) => {
    expect(renditionDirectory(path, others, assetPrefix)).toBe(directory);
  });

  test("contains only the files directly in it", () => {
    expect(liesDirectlyIn("/film/v1/", "/film/v1/1.ts")).toBe(true);
    for (const path of ["/film/v1/", "/film/v1", "/film/v1/a/1.ts", "/film/v10/1.ts", "/film/1.ts", "/v1/1.ts"])
      expect(liesDirectlyIn("/film/v1/", path)).toBe(false);
  });
});

describe("the URIs of a media playlist", () => {
  let pair: KeyPair;
  beforeAll(async () => {
    pair = await keyPair("EC");
  });

  const soon = unixSeconds(expires - 60);
  const rendition = { playlist, others: [main, "/film/v2/index.m3u8"], assetPrefix, expires };

  test("are canned, each with its own expiry, by default", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "canned", rendition));
    expect(unwrap(sign("/film/v1/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
  });

  test("share one signature in the rendition's directory, which is invalid in others", async () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    const [first, second] = [unwrap(sign("/film/v1/1.ts", "", soon)), unwrap(sign("/film/v1/2.ts", "", expires))];
    expect(second).toBe(first.replace("1.ts", "2.ts"));
    expect(verdict(await verify(pair, first.replace("/v1/", "/v2/")))).toBe("path_not_covered");
    expect(verdict(await verify(pair, first.replace("/film/v1/", "/other/")))).toBe("path_not_covered");
    expect(unwrap(await verify(pair, first)).expires).toBe(expires);
  });

  test("are canned outside the rendition's directory, or if the directory is shared", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    expect(unwrap(sign("/film/init.mp4", "", soon))).toContain(`?Expires=${soon}&`);
    expect(unwrap(sign("/film/v1/deep/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
    const shared = { ...rendition, others: ["/film/v1/audio.m3u8"] };
    const signShared = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", shared));
    expect(unwrap(signShared("/film/v1/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
  });

  test("with an origin's query are canned, because under a wildcard a viewer could change the query", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    expect(unwrap(sign("/film/v1/1.ts", "x=1", soon))).toContain(`${baseUrl}/film/v1/1.ts?x=1&Expires=${soon}&`);
  });

  test("with a wildcard or dot segments are refused", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    for (const path of ["/film/v1/*.ts", "/film/v1/..", "/film/v2/../v1/1.ts"])
      expect(sign(path, "", soon)).toMatchObject({ refusal: { code: "path_invalid" } });
  });
});

describe("the cache of signatures", () => {
  function countingSigner() {
    const policies: string[] = [];
    const sign = (policy: string) => {
      policies.push(policy);
      return Uint8Array.of(policies.length);
    };
    return { policies, sign };
  }

  test("signs each policy once", () => {
    const { policies, sign } = countingSigner();
    const cachedSign = rememberSignatures(sign, 10);
    expect(cachedSign("a")).toEqual(cachedSign("a"));
    cachedSign("b");
    expect(policies).toEqual(["a", "b"]);
  });

  test("evicts the oldest signature beyond its capacity", () => {
    const { policies, sign } = countingSigner();
    const cachedSign = rememberSignatures(sign, 2);
    for (const policy of ["a", "b", "c", "b", "c", "a"]) cachedSign(policy);
    expect(policies).toEqual(["a", "b", "c", "a"]);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("rejects a capacity of %s", (capacity) => {
    expect(() => rememberSignatures(countingSigner().sign, capacity)).toThrow(RangeError);
  });
});
