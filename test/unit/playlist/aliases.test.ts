import { describe, expect, test } from "vitest";
import { originFileOf } from "../../../src/base/alias.ts";
import { bucket, compiled, media, multivariant, rewrite, rewriteUri, segment, server } from "./sample.ts";

/** The file that the origin is asked for by the rewritten URI, below `/films/42/`, or the code of the refusal. */
function originFileFor(written: string, context = server): string {
  const line = rewriteUri(written, context);
  if (/^[a-z]+_[a-z]+$/.test(line)) return line;
  const [target] = compiled(segment(written), context).targets;
  if (target === undefined) return "nothing";
  const file = originFileOf({ path: target.path.slice(context.prefix.length), query: target.query });
  if (!file.ok) return file.refusal.code;
  return file.value.path + (file.value.query === "" ? "" : `?${file.value.query}`);
}

describe("a URI that is not canonical", () => {
  test.each([
    ["..//ts//0.ts", "/ts//0.ts"],
    ["a//b.ts", "360p/a//b.ts"],
    ["/films/42//0.ts", "/0.ts"],
    ["//origin.example/films/42//0.ts", "/0.ts"],
    ["https://origin.example/films/42/a;b/0.ts", "a;b/0.ts"],
    ["https://origin.example/%66ilms/%342/a;b/0.ts", "a;b/0.ts"],
    ["https://media.example/film/a;b/0.ts", "a;b/0.ts"],
    ["a;v=1/0.ts", "360p/a;v=1/0.ts"],
    ["a%3Bb.ts", "360p/a%3Bb.ts"],
    ["a%3bb.ts", "360p/a%3bb.ts"],
    ["a%2Fb.ts", "360p/a%2Fb.ts"],
    ["a%2fb.ts", "360p/a%2fb.ts"],
    ["a%252Fb.ts", "360p/a%252Fb.ts"],
    ["50%25%20off/0.ts", "360p/50%25%20off/0.ts"],
    ["hdnts=exp=1~acl=%2f*~hmac=ab/0.ts", "360p/hdnts=exp=1~acl=%2f*~hmac=ab/0.ts"],
    ["hdnts=exp=1~acl=/*!/a;b*~hmac=ab/0.ts", "360p/hdnts=exp=1~acl=/*!/a;b*~hmac=ab/0.ts"],
    ["..//..//..//0.ts", "/0.ts"],
    ["a%2Bb+c.ts", "360p/a%2Bb+c.ts"],
    ["a%2Cb.ts", "360p/a%2Cb.ts"],
    ["acl=%2a~x/0.ts", "360p/acl=%2a~x/0.ts"],
    ["a%21%3a%40b.ts", "360p/a%21%3a%40b.ts"],
    ["a;é b[1]|^`{}.ts", "360p/a;%C3%A9%20b[1]|%5E%60%7B%7D.ts"],
    ["%7Ea;%41.ts", "360p/%7Ea;%41.ts"],
    ["sub//", "360p/sub//"],
    ["../~/0.ts", "~/0.ts"],
    ["/films/42/~/YTtiLnRz.ts", "~/YTtiLnRz.ts"],
    ["./a;b/../0.ts?x=:", "360p/0.ts?x=:"],
    ["%2e%2E/a;b.ts", "a;b.ts"],
    ["?a=b:c", "360p/index.m3u8?a=b:c"],
    ["0.ts?hdnts=exp=1900000000~acl=/live/*~hmac=0a1b", "360p/0.ts?hdnts=exp=1900000000~acl=/live/*~hmac=0a1b"],
    ["0.ts?a=%c3%a9", "360p/0.ts?a=%c3%a9"],
    ["0.ts?a=~/%7e é'", "360p/0.ts?a=~/%7e%20%C3%A9%27"],
    ["0.ts?a=b=c?d/e", "360p/0.ts?a=b=c?d/e"],
    ["0.ts?a=100%", "360p/0.ts?a=100%"],
    ["0.ts?a[]={b}|^`", "360p/0.ts?a[]={b}|^`"],
    ["0.ts?a:b#c", "360p/0.ts?a:b"],
    ["0.ts?a;b", "360p/0.ts?a;b"],
  ])("is requested as written, through an alias: %s", (written, file) => {
    expect(originFileFor(written)).toBe(file);
    expect(rewriteUri(written, server)).toMatch(/^\.\.\/~\/[A-Za-z0-9_-]+(\.ts|\.m3u8)?\?seg=SIGNED$/);
  });

  test.each([
    ["0.ts", "360p/0.ts"],
    ["%7Eme/%41.ts", "360p/~me/A.ts"],
    ["caf%c3%a9.ts", "360p/caf%C3%A9.ts"],
    ["../~", "~"],
    ["../~a/0.ts", "~a/0.ts"],
    ["~/0.ts", "360p/~/0.ts"],
    ["hdnts=exp=1~acl=/*~hmac=ab/0.ts", "360p/hdnts=exp=1~acl=/*~hmac=ab/0.ts"],
    ["0.ts?a=b%2Fc&d=+", "360p/0.ts?a=b%2Fc&d=+"],
  ])("needs no alias if it can be made canonical: %s", (written, file) => {
    expect(originFileFor(written)).toBe(file);
    expect(rewriteUri(written, server)).not.toContain("~/Mz");
  });

  test("shares one URL with every other spelling of the same bytes", () => {
    const text = media("#EXTINF:6,", "a;b.ts", "#EXTINF:6,", "./a;b.ts#t", "#EXTINF:6,", "/films/42/360p/a;b.ts");
    expect(compiled(text, server).targets).toHaveLength(1);
  });

  test("gets an alias in a bucket too", () => {
    expect(originFileFor("a;b//c.ts", bucket)).toBe("360p/a;b//c.ts");
    // Keys in a bucket can begin with the asset's own name.
    expect(bucket.originPath).toBe(bucket.prefix);
    expect(originFileFor("../~/0.ts", bucket)).toBe("~/0.ts");
    expect(originFileFor("/film/~/YTtiLnRz.ts", bucket)).toBe("~/YTtiLnRz.ts");
    expect(originFileFor("https://media.example/film//0.ts", bucket)).toBe("/0.ts");
  });
});

describe("an alias", () => {
  test.each([
    ["..//../..//0.ts", "uri_foreign"],
    ["/films//42/a;b.ts", "uri_foreign"],
    ["https://origin.example/films/43/a;b.ts", "uri_foreign"],
    ["a;b/../../../0.ts", "uri_foreign"],
    ["%252e%252e/0.ts", "uri_foreign"],
    ["a/%252E./b;c.ts", "uri_foreign"],
    ["..%2F..%2Fsecret/0.ts", "uri_foreign"],
    ["..%252F0.ts", "uri_foreign"],
    ["a%2F%2E%2E%2Fb.ts", "uri_foreign"],
    ["..;/0.ts", "uri_foreign"],
    ["..;a=b/0.ts", "uri_foreign"],
    ["%2e%2e;/0.ts", "uri_foreign"],
    ["..%3B/0.ts", "uri_foreign"],
    ["..%253B/0.ts", "uri_foreign"],
    [".;/0.ts", "uri_foreign"],
    ["a;b/..%3F/0.ts", "uri_foreign"],
    ["a%5Cb.ts", "uri_foreign"],
    ["a%5cb.ts", "uri_foreign"],
    ["a%255Cb.ts", "uri_foreign"],
    ["a%00.ts", "uri_foreign"],
    ["a%2500.ts", "uri_foreign"],
    ["a%0A.ts", "uri_foreign"],
    ["a;%7F.ts", "uri_foreign"],
    ["%25C0%25AE%25C0%25AE/0.ts", "uri_foreign"],
    ["a;%C0%AE.ts", "uri_foreign"],
    ["a;b\\c.ts", "playlist_invalid"],
    ["a;%zz.ts", "playlist_invalid"],
    ["a;%4", "playlist_invalid"],
    ["///0.ts", "playlist_invalid"],
    ["//", "playlist_invalid"],
    ["https://media.example/film/~/0.ts", "playlist_invalid"],
    ["https://media.example/film/~/MzYwcC8wLnRz.ts", "playlist_invalid"],
    ["https://media.example/film/~/YTtiLnRz.mp4", "playlist_invalid"],
    ["https://media.example/film/~/YTtiLnRz.ts?x=1", "playlist_invalid"],
    [`${"a;".repeat(3100)}.ts`, "playlist_invalid"],
  ])("is refused for a URI that a server could read as another place: %s is %s", (written, code) => {
    expect(rewriteUri(written, server)).toBe(code);
  });

  test("is signed unchanged if it is written with the media host's own address", () => {
    expect(rewriteUri("https://media.example/film/~/YTtiLnRz.ts", server)).toBe("../~/YTtiLnRz.ts?seg=SIGNED");
  });

  test("is not used for a query that no alias can hold, which is sent in its canonical form", () => {
    expect(rewriteUri("0.ts?a=/../b")).toBe("0.ts?a=%2F..%2Fb&seg=SIGNED");
    expect(rewriteUri("0.ts?a=~/%0A")).toBe("0.ts?a=~%2F%0A&seg=SIGNED");
    expect(rewriteUri(`0.ts?a=${"/".repeat(7000)}`)).toBe(`0.ts?a=${"%2F".repeat(7000)}&seg=SIGNED`);
    expect(rewriteUri("a;b.ts?a=/../b")).toBe("uri_foreign");
  });
});

describe("a playlist at an alias", () => {
  // The alias of a;v=1/low.m3u8?t=a:b
  const path = "/film/~/YTt2PTEvbG93Lm0zdTg_dD1hOmI.m3u8";
  const low = { ...server, path };

  test.each([
    ["0.ts", "../~/YTt2PTEvMC50cw.ts", "a;v=1/0.ts"],
    ["../b/0.ts", "../b/0.ts", "b/0.ts"],
    ["../0.ts", "../0.ts", "0.ts"],
    ["../low:1.ts", "../low:1.ts", "low:1.ts"],
    ["/films/42/~0.ts", "../~0.ts", "~0.ts"],
    ["?t=x", "../~/YTt2PTEvbG93Lm0zdTg_dD14.m3u8", "a;v=1/low.m3u8?t=x"],
    ["low.m3u8?t=a:b", "YTt2PTEvbG93Lm0zdTg_dD1hOmI.m3u8", "a;v=1/low.m3u8?t=a:b"],
    ["../~/0.ts", "fi8wLnRz.ts", "~/0.ts"],
  ])("resolves %s against the origin's path, and writes it relative to its own", (written, reference, file) => {
    const line = rewriteUri(written, low).replace("?seg=SIGNED", "");
    expect(originFileFor(written, low)).toBe(file);
    const media = `https://media.example/grant${path}`;
    expect(new URL(line, media).href).toBe(new URL(reference, media).href);
  });

  test("has the URIs of MAP, KEY, PART, hint and report rewritten", () => {
    const text = media(
      '#EXT-X-MAP:URI="init;1.mp4"',
      '#EXT-X-KEY:METHOD=AES-128,URI="../key;1.key"',
      "#EXTINF:6,",
      "0.m4s",
      '#EXT-X-PART:DURATION=1,URI="1;0.m4s"',
      '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1;1.m4s"',
      '#EXT-X-RENDITION-REPORT:URI="../b//high.m3u8?t=a:b",LAST-MSN=1',
    );
    const files = compiled(text, low).targets.map(({ path: at, query, purpose }) => {
      const file = originFileOf({ path: at.slice("/film/".length), query });
      return `${purpose} ${file.ok ? `${file.value.path}?${file.value.query}` : file.refusal.code}`;
    });
    expect(files).toEqual([
      "segment a;v=1/init;1.mp4?",
      "key key;1.key?",
      "segment a;v=1/0.m4s?",
      "segment a;v=1/1;0.m4s?",
      "segment a;v=1/1;1.m4s?",
      "playlist b//high.m3u8?t=a:b",
    ]);
  });

  test("gives players the value of a QUERYPARAM, which its URL does not have", () => {
    const written = rewrite(media('#EXT-X-DEFINE:QUERYPARAM="t"', "#EXTINF:6,", "./{$t}/0.ts"), low);
    expect(written).toContain('\n#EXT-X-DEFINE:NAME="t",VALUE="a:b"\n');
    expect(written).toContain(rewriteUri("./a:b/0.ts", low));
    expect(rewrite(media('#EXT-X-DEFINE:NAME="t",VALUE="x"'), low)).toContain('\n#EXT-X-DEFINE:NAME="t",VALUE="x"\n');
  });

  test("escapes a quote in that value", () => {
    // index.m3u8?t="%0A:
    const quoted = { ...server, path: "/film/~/aW5kZXgubTN1OD90PSUyMjo.m3u8" };
    expect(rewrite(media('#EXT-X-DEFINE:QUERYPARAM="t"'), quoted)).toContain('NAME="t",VALUE="%22:"');
  });

  test("keeps its extension, which decides its purpose", () => {
    const text = multivariant('#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="a",URI="a;b/audio.m3u8;v=2"');
    const [, audio] = compiled(text, server).targets;
    expect([audio?.purpose, audio?.path]).toEqual(["playlist", expect.stringMatching(/^\/film\/~\/[\w-]+\.m3u8$/)]);
    const date = media(
      "#EXTINF:6,",
      "0.ts",
      '#EXT-X-DATERANGE:ID="a",X-URI="ads;1/a.m3u8",X-ASSET-LIST="ads;1/l.json"',
    );
    expect(compiled(date, server).targets.map(({ purpose }) => purpose)).toEqual(["segment", "playlist", "playlist"]);
  });
});
