import { describe, expect, it } from "vitest";
import { readSignedUrl, urisOf } from "../../../../packages/player/signed-url.ts";

const signature = "4n93FYyzqRuxkXYrchzWDA";
const host = "https://media.example.com";

describe("readSignedUrl", () => {
  it("names a file by its path below the grant, whatever the session and the signature", () => {
    const one = readSignedUrl(`${host}/2D3Rone/film/360p/7.ts?seg=1795295921.${signature}`);
    const other = readSignedUrl(`${host}/2D3Rtwo/film/360p/7.ts?seg=1795299999.AAAAAAAAAAAAAAAAAAAAAA`);
    expect(one).toEqual({
      file: "film/360p/7.ts?",
      grant: "2D3Rone",
      isPlaylist: false,
      expires: 1795295921,
      appended: "",
    });
    expect(other?.file).toBe(one?.file);
    expect(other?.grant).toBe("2D3Rtwo");
  });

  it("recognizes a playlist by its purpose", () => {
    expect(readSignedUrl(`${host}/g/film/index.m3u8?list=1.${signature}`)?.isPlaylist).toBe(true);
    expect(readSignedUrl(`${host}/g/film/index.m3u8?seg=1.${signature}`)?.isPlaylist).toBe(false);
  });

  it("keeps the origin's query in the file's name and separates the player's parameters", () => {
    const read = readSignedUrl(`${host}/g/live/index.m3u8?angle=2&list=9.${signature}&_HLS_msn=5&_HLS_part=1`);
    expect(read).toMatchObject({ file: "live/index.m3u8?angle=2&", expires: 9, appended: "&_HLS_msn=5&_HLS_part=1" });
  });

  it("reads the last signature if the origin's query looks like one", () => {
    const read = readSignedUrl(`${host}/g/a/1.ts?seg=1.${signature}&seg=2.${signature}`);
    expect(read).toMatchObject({ expires: 2, file: `a/1.ts?seg=1.${signature}&` });
  });

  it("reads the expiry of a CloudFront canned policy", () => {
    const read = readSignedUrl("https://d.cloudfront.net/film/1.ts?Expires=1795295921&Signature=a~b&Key-Pair-Id=K1");
    expect(read).toEqual({
      file: "film/1.ts?",
      grant: undefined,
      isPlaylist: false,
      expires: 1795295921,
      appended: "",
    });
  });

  it("reads the expiry of a CloudFront custom policy", () => {
    const policy = btoa('{"Statement":[{"Resource":"https://d/*?","Condition":{"DateLessThan":{"AWS:EpochTime":77}}}]}')
      .replaceAll("+", "-")
      .replaceAll("=", "_")
      .replaceAll("/", "~");
    const read = readSignedUrl(`https://d.cloudfront.net/film/1.ts?v=2&Policy=${policy}&Signature=a&Key-Pair-Id=K1`);
    expect(read).toMatchObject({ file: "film/1.ts?v=2&", expires: 77 });
  });

  it("reads no expiry from an invalid policy, so that the URL is left as it is", () => {
    const read = readSignedUrl("https://d/film/1.ts?Policy=***&Signature=a&Key-Pair-Id=K1");
    expect(read?.expires).toBeNaN();
  });

  it.each([`${host}/film/1.ts`, `${host}/g/film/1.ts?seg=12`, `${host}/g/film/1.ts?token=abc`, "blob:x", ""])(
    "returns nothing for %j",
    (url) => expect(readSignedUrl(url)).toBeUndefined(),
  );
});

describe("urisOf", () => {
  it("finds URIs in lines and in attributes, and none in comments", () => {
    const text =
      '#EXTM3U\r\n#EXT-X-MAP:URI="init.mp4?seg=1"\r\n#EXTINF:4,\r\n0.m4s?seg=2\r\n\r\n# 1.m4s\r\n#EXTINF:4,\r\nhttps://d/1.ts\r\n';
    expect(urisOf(text, `${host}/g/film/index.m3u8?list=3`)).toEqual([
      `${host}/g/film/init.mp4?seg=1`,
      `${host}/g/film/0.m4s?seg=2`,
      "https://d/1.ts",
    ]);
  });
});
