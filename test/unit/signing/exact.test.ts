import { beforeAll, describe, expect, test } from "vitest";
import { after, seconds } from "../../../src/base/time.ts";
import { cloudFrontRendition } from "../../../src/signing/cloudfront/cloudfront-signer.ts";
import { baseUrl, before, expires, type KeyPair, keyPair, ourSigner, unwrap, verdict, verify } from "./samples.ts";

let pair: KeyPair;
beforeAll(async () => {
  pair = await keyPair("EC");
});

const rendition = {
  playlist: "/film/v1/index.m3u8",
  others: ["/film/index.m3u8", "/film/v2/index.m3u8"],
  assetPrefix: "/film/",
  expires,
};
const signed = (path: string, query = "", policy: "canned" | "custom" = "canned") =>
  unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), policy, rendition))(path, query, expires);

describe("a CloudFront URL of a file with a non-canonical path", () => {
  test.each([
    ["/film/v1//a;b=1/0.ts", ""],
    ["/film/a%2fb%3B/50%25%20off.ts", ""],
    ["/film/~/0.ts", ""],
    ["/film/v1/0.ts", "hdnts=exp=1~acl=/a~hmac=0a&b"],
    ["/film/v1/0.ts", "t=%c3%a9"],
  ])("%s?%s is signed in the origin's spelling, which a browser keeps", async (path, query) => {
    for (const policy of ["canned", "custom"] as const) {
      const url = unwrap(signed(path, query, policy));
      expect(url).toContain(`${baseUrl}${path}?${query === "" ? "" : `${query}&`}Expires=${expires}&`);
      expect(new URL(url).href).toBe(url);
      const access = unwrap(await verify(pair, url));
      expect(access).toMatchObject({ path, policy: "canned", query: query === "" ? undefined : query });
    }
  });

  test("has escaped wildcards in its query, and is refused with one in its path", () => {
    expect(unwrap(signed("/film/v1/0.ts", "hdnts=exp=1~acl=/*~hmac=0a?b"))).toContain(
      "?hdnts=exp=1~acl=/%2A~hmac=0a%3Fb&Expires=",
    );
    expect(signed("/film/v1/a;*.ts")).toMatchObject({ refusal: { code: "path_invalid" } });
  });

  test.each(["a=:&Policy=x", "Expires=:", "a=:&Signature"])("is refused for the query %s", (query) => {
    expect(signed("/film/v1/0.ts", query)).toMatchObject({ refusal: { code: "path_invalid" } });
  });

  test.each(["/film/v1/..;/0.ts", "/film/a%5Cb.ts", "/film/%252e%252e/0.ts", "/film/a;%00", "/film/é;"])(
    "is refused as %s",
    (path) => {
      expect(signed(path)).toMatchObject({ refusal: { code: "path_invalid" } });
    },
  );

  test("is never valid under a rendition's wildcard, which covers only canonical paths", async () => {
    const shared = unwrap(signed("/film/v1/0.ts", "", "custom"));
    expect(verdict(await verify(pair, shared))).toBe("accepted");
    for (const path of ["/film/v1/a;b.ts", "/film/v1//0.ts", "/film/v1/x%2F..%2F0.ts"])
      expect(verdict(await verify(pair, shared.replace("/film/v1/0.ts", path)))).toBe("path_invalid");
  });

  test("has its own signature if the rendition's directory is not canonical", () => {
    const odd = { ...rendition, playlist: "/film/v;1/index.m3u8" };
    const sign = unwrap(cloudFrontRendition(ourSigner(pair, "SHA256"), "custom", odd));
    expect(unwrap(sign("/film/v;1/0.ts", "", expires))).toContain(`/film/v;1/0.ts?Expires=${expires}&`);
  });

  test("expires like any other URL", async () => {
    const url = unwrap(signed("/film/a;b.ts"));
    expect(verdict(await verify(pair, url, { now: after(before, seconds(0)) }))).toBe("accepted");
    expect(verdict(await verify(pair, url, { now: expires }))).toBe("signature_expired");
    expect(verdict(await verify(pair, url.replace("a;b", "a;c")))).toBe("signature_invalid");
  });
});
