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

describe("the directory that one rendition alone uses", () => {
  test.each([
    ["its own", playlist, [main, "/film/v2/index.m3u8"], "/film/v1/"],
    ["its own, beside one with a longer name", playlist, [main, "/film/v10/index.m3u8"], "/film/v1/"],
    ["its own, if it is among the others itself", playlist, [main, playlist], "/film/v1/"],
    ["none: two playlists share it", playlist, [main, "/film/v1/audio.m3u8"], undefined],
    ["none: another lies below it", playlist, [main, "/film/v1/audio/en/index.m3u8"], undefined],
    ["none: the multivariant playlist lies in it", playlist, ["/film/v1/main.m3u8"], undefined],
    ["none: it is the asset's", "/film/index.m3u8", [], undefined],
    ["none: it is another asset's", "/other/v1/index.m3u8", [main], undefined],
    ["none: it lies above the asset", "/index.m3u8", [main], undefined],
  ])("%s", (_, path, others, directory) => {
    expect(renditionDirectory(path, others, assetPrefix)).toBe(directory);
  });

  test("holds what lies directly in it, and nothing deeper, beside or above", () => {
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

  test("are canned, each with its own time, by default", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "canned", rendition));
    expect(unwrap(sign("/film/v1/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
  });

  test("share one signature in the rendition's directory, which opens no other", async () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    const [first, second] = [unwrap(sign("/film/v1/1.ts", "", soon)), unwrap(sign("/film/v1/2.ts", "", expires))];
    expect(second).toBe(first.replace("1.ts", "2.ts"));
    expect(verdict(await verify(pair, first.replace("/v1/", "/v2/")))).toBe("path_not_covered");
    expect(verdict(await verify(pair, first.replace("/film/v1/", "/other/")))).toBe("path_not_covered");
    expect(unwrap(await verify(pair, first)).expires).toBe(expires);
  });

  test("are canned outside of the directory, and where no directory is the rendition's alone", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    expect(unwrap(sign("/film/init.mp4", "", soon))).toContain(`?Expires=${soon}&`);
    expect(unwrap(sign("/film/v1/deep/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
    const shared = { ...rendition, others: ["/film/v1/audio.m3u8"] };
    const signShared = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", shared));
    expect(unwrap(signShared("/film/v1/1.ts", "", soon))).toContain(`?Expires=${soon}&`);
  });

  test("with a query of the origin's have a policy of their own: a wildcard would let the viewer write it", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    expect(unwrap(sign("/film/v1/1.ts", "x=1", soon))).toContain(`${baseUrl}/film/v1/1.ts?x=1&Expires=${soon}&`);
  });

  test("that cannot be signed are refused", () => {
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", rendition));
    for (const path of ["/film/v1/*.ts", "/film/v1/..", "/film/v2/../v1/1.ts"])
      expect(sign(path, "", soon)).toMatchObject({ refusal: { code: "path_invalid" } });
  });
});

describe("the memory of signatures", () => {
  function counting() {
    const asked: string[] = [];
    const sign = (policy: string) => {
      asked.push(policy);
      return Uint8Array.of(asked.length);
    };
    return { asked, sign };
  }

  test("signs each policy once", () => {
    const { asked, sign } = counting();
    const remembering = rememberSignatures(sign, 10);
    expect(remembering("a")).toEqual(remembering("a"));
    remembering("b");
    expect(asked).toEqual(["a", "b"]);
  });

  test("keeps as many as it was given room for, and forgets the oldest first", () => {
    const { asked, sign } = counting();
    const remembering = rememberSignatures(sign, 2);
    for (const policy of ["a", "b", "c", "b", "c", "a"]) remembering(policy);
    expect(asked).toEqual(["a", "b", "c", "a"]);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])("has no room of %s", (capacity) => {
    expect(() => rememberSignatures(counting().sign, capacity)).toThrow(RangeError);
  });
});
