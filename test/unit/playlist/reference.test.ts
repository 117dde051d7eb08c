import { describe, expect, test } from "vitest";
import { bucket, compiled, media, multivariant, rewrite, rewriteUri, segment, server } from "./sample.ts";

const top = { ...bucket, path: "/film/index.m3u8" };

describe("a reference", () => {
  test.each([
    ["0.ts", "0.ts"],
    ["./0.ts", "./0.ts"],
    ["../audio/0.ts", "../audio/0.ts"],
    ["a/../0.ts", "a/../0.ts"],
    ["../../film/360p/0.ts", "../../film/360p/0.ts"],
    ["?v=2", "?v=2"],
    ["/film/360p/0.ts", "0.ts"],
    ["/film/audio/0.ts", "../audio/0.ts"],
    ["/film/360p/a:b.ts", "./a:b.ts"],
    ["1:2.ts", "1:2.ts"],
    ["https://media.example/film/360p/0.ts", "0.ts"],
    ["HTTPS://MEDIA.EXAMPLE:443/film/0.ts", "../0.ts"],
    ["//media.example/film/360p/a/", "a/"],
    ["/film/360p/", "./"],
  ])("is relative, so that it inherits the grant in the path: %s becomes %s", (written, reference) => {
    expect(rewriteUri(written)).toBe(`${reference}${reference.includes("?") ? "&" : "?"}seg=SIGNED`);
  });
});

describe("the origin's own host and path", () => {
  test.each([
    ["https://origin.example/films/42/360p/0.ts", "0.ts", "/film/360p/0.ts"],
    ["http://Origin.Example:80/films/42/audio/0.ts", "../audio/0.ts", "/film/audio/0.ts"],
    ["//origin.example/films/42/360p/0.ts", "0.ts", "/film/360p/0.ts"],
    ["/films/42/360p/0.ts", "0.ts", "/film/360p/0.ts"],
    // Relative to the origin's path. On the media host the same dots would lead elsewhere.
    ["../../42/360p/0.ts", "0.ts", "/film/360p/0.ts"],
    ["0.ts", "0.ts", "/film/360p/0.ts"],
    ["https://media.example/film/360p/0.ts", "0.ts", "/film/360p/0.ts"],
  ])("map to the media host: %s becomes %s", (written, reference, path) => {
    expect(rewriteUri(written, server)).toBe(`${reference}?seg=SIGNED`);
    expect(compiled(segment(written), server).targets[0]?.path).toBe(path);
  });

  test("include the port", () => {
    const context = { ...server, originHost: "origin.example:8080" };
    expect(rewriteUri("http://origin.example:8080/films/42/0.ts", context)).toBe("../0.ts?seg=SIGNED");
    expect(rewriteUri("http://origin.example/films/42/0.ts", context)).toBe("uri_foreign");
  });
});

describe("dot segments above the root", () => {
  const atRoot = { ...server, originPath: "/" };
  test.each([
    // The media host's root is the asset's parent, so the reference is rewritten: a player would climb into the grant.
    ["../../../film/0.ts", bucket, "../0.ts", "/film/0.ts"],
    ["../../../../../film/360p/0.ts", bucket, "0.ts", "/film/360p/0.ts"],
    ["/../film/0.ts", bucket, "../0.ts", "/film/0.ts"],
    ["%2e%2e/.%2E/%2e./film/0.ts", bucket, "../0.ts", "/film/0.ts"],
    ["https://media.example/../../film/0.ts", bucket, "../0.ts", "/film/0.ts"],
    ["../../0.ts", atRoot, "../0.ts", "/film/0.ts"],
    ["../../../a/../../0.ts", atRoot, "../0.ts", "/film/0.ts"],
    ["https://origin.example/../0.ts", atRoot, "../0.ts", "/film/0.ts"],
    ["../../../../films/42/0.ts", server, "../0.ts", "/film/0.ts"],
  ])("stay at the root, as in browsers: %s", (written, context, reference, path) => {
    expect(rewriteUri(written, context)).toBe(`${reference}?seg=SIGNED`);
    expect(compiled(segment(written), context).targets[0]?.path).toBe(path);
  });

  test.each([
    ["../../../other/0.ts", bucket],
    ["../../../../0.ts", server],
    ["https://media.example/../other/0.ts", bucket],
    ["../../..", bucket],
  ])("still lead out of the asset's prefix: %s", (written, context) => {
    expect(rewriteUri(written, context)).toBe("uri_foreign");
  });
});

describe("a path", () => {
  test.each([
    ["my file.ts", "my%20file.ts"],
    ["caf\u00e9.ts", "caf%C3%A9.ts"],
    ["%7Eme/%41.ts", "~me/A.ts"],
    ["a\\b.ts", "playlist_invalid"],
    ["a%zz.ts", "playlist_invalid"],
    ["htt\tp://evil.example/0.ts", "playlist_invalid"],
    ["%2e%2e/0.ts", "../0.ts"],
    ["%2e%2e/%2E%2e/secret/0.ts", "uri_foreign"],
  ])("is made canonical before its dot segments are resolved: %s is %s", (written, expected) => {
    expect(rewriteUri(written)).toBe(expected.includes("_") ? expected : `${expected}?seg=SIGNED`);
  });

  test("keeps a query that is canonical once a browser has encoded it, next to the signature", () => {
    expect(rewriteUri("0.ts?a=~%2F&b=c+d&e")).toBe("0.ts?a=~%2F&b=c+d&e&seg=SIGNED");
    expect(rewriteUri("0.ts?a= é'")).toBe("0.ts?a=%20%C3%A9%27&seg=SIGNED");
    expect(rewriteUri("0.ts?")).toBe("0.ts?seg=SIGNED");
  });

  test("loses its fragment, which no player sends", () => {
    expect(rewriteUri("0.ts#t=1?a")).toBe("0.ts?seg=SIGNED");
    expect(rewriteUri("0.ts?a=1#b")).toBe("0.ts?a=1&seg=SIGNED");
  });
});

describe("a URI", () => {
  test.each([
    ["../../other/0.ts", "uri_foreign"],
    ["../../filmstar/0.ts", "uri_foreign"],
    ["/other/0.ts", "uri_foreign"],
    ["/0.ts", "uri_foreign"],
    ["https://media.example/other/0.ts", "uri_foreign"],
    ["https://evil.example/0.ts", "uri_foreign"],
    ["//evil.example/0.ts", "uri_foreign"],
    ["https://ads.example.evil.example/0.ts", "uri_foreign"],
    ["https://ads.example@evil.example/0.ts", "uri_foreign"],
    ["https://evil.example@ads.example/0.ts", "uri_foreign"],
    ["https://ads.example:444/0.ts", "uri_foreign"],
    ["https://ads.example./0.ts", "uri_foreign"],
    ["https://media.example./film/0.ts", "uri_foreign"],
    ["file:///etc/passwd", "uri_foreign"],
    ["javascript:alert(1)", "uri_foreign"],
    ["blob:https://ads.example/1", "uri_foreign"],
    ["ftp://ads.example/0.ts", "uri_foreign"],
    ["a:b.ts", "uri_foreign"],
    ["https://ads.example:80/0.ts", "uri_foreign"],
    ["http://ads.example:443/0.ts", "uri_foreign"],
    ["https://ads.example\\.evil.example/0.ts", "playlist_invalid"],
    ["https://ads.example/a\tb.ts", "playlist_invalid"],
    ["0.ts?a\tb", "playlist_invalid"],
    ["https:0.ts", "playlist_invalid"],
    ["https:/ads.example/0.ts", "playlist_invalid"],
    ["https:///ads.example/0.ts", "playlist_invalid"],
    ["///evil.example/0.ts", "playlist_invalid"],
    ["/\\evil.example/0.ts", "playlist_invalid"],
    ["\\\\evil.example/0.ts", "playlist_invalid"],
  ])("is neither signed nor passed on if it is foreign: %s is %s", (written, code) => {
    expect(rewriteUri(written)).toBe(code);
  });

  describe("with an application's own scheme", () => {
    const lines = {
      key: (uri: string) => media(`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="${uri}",KEYFORMAT="com.example.own"`),
      sessionKey: (uri: string) => multivariant(`#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="${uri}"`),
      assetList: (uri: string) => media(`#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="${uri}"`),
      commentedOut: (uri: string) => media(`##EXT-X-KEY:METHOD=SAMPLE-AES,URI="${uri}"`),
    };
    const elsewhere = {
      segment,
      variant: (uri: string) => `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${uri}\n`,
      map: (uri: string) => media(`#EXT-X-MAP:URI="${uri}"`),
      asset: (uri: string) => media(`#EXT-X-DATERANGE:ID="a",X-ASSET-URI="${uri}"`),
      sessionData: (uri: string) => multivariant(`#EXT-X-SESSION-DATA:DATA-ID="a",URI="${uri}"`),
      commentedOut: (uri: string) => media(`##EXT-X-MAP:URI="${uri}"`),
    };
    const own = [
      "ownkey://7",
      "myapp://x?u=https://media.example/film/0.ts",
      "faxs:a",
      "OwnKey://7",
      "com.example-1:a,b",
    ];
    const never = [
      ...[
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "vbscript:a",
        "file:///etc/passwd",
        "FILE:a",
        "blob:https://a/1",
      ],
      ...["filesystem:https://a/t/1", "ftp://a/b", "ftps://a/b", "ws://a/b", "wss://a/b", "rtmp://a/b", "rtmpe://a/b"],
      ...[
        "rtsp://a/b",
        "rtspu://a/b",
        "srt://a:1",
        "udp://a:1",
        "tcp://a:1",
        "concat:a|b",
        "subfile,,start,0,end,1,,:a",
      ],
      ...["crypto:https://evil.example/k", "crypto+https://evil.example/k", "hls+http://a/b", "c:/keys/0.key"],
    ];
    const allowing = {
      ...bucket,
      allowedSchemes: new Set(["ownkey", "myapp", "faxs", "com.example-1", "javascript", "file"]),
    };

    test.each(Object.entries(lines))("passes unsigned where applications load it themselves: %s", (_, line) => {
      for (const uri of own)
        expect(rewrite(line(uri), top)).toBe(rewrite(line("skd://7"), top).replace("skd://7", uri));
    });

    test.each(Object.entries(elsewhere))("passes in any other place only if the asset allows it: %s", (_, line) => {
      for (const uri of own) {
        expect(rewrite(line(uri), top)).toBe("uri_foreign");
        const allowed = { ...allowing, path: top.path };
        expect(rewrite(line(uri), allowed)).toBe(rewrite(line("skd://7"), top).replace("skd://7", uri));
      }
    });

    test.each(Object.entries({ ...lines, ...elsewhere }))(
      "never passes if it can load from anywhere: %s",
      (_, line) => {
        for (const uri of never) expect([uri, rewrite(line(uri), allowing)]).toEqual([uri, "uri_foreign"]);
      },
    );
  });

  test.each([
    "https://ads.example/0.ts",
    "http://ADS.example/0.ts",
    "//ads.example",
    "https://ads.example:8443/0.ts",
    "https://ads.example:443/0.ts",
  ])("passes unchanged on an allowed host: %s", (written) => {
    expect(rewriteUri(written)).toBe(written);
  });

  describe("with `*.` in allowedHosts", () => {
    const allowedHosts = new Set(["*.ads.example", "*.ssai.example:8443", "*.example.com"]);
    const context = { ...server, allowedHosts, mediaHost: "media.example.com", originHost: "origin.example.com" };
    test.each([
      "https://rr3.ads.example/0.ts",
      "http://a.b.ads.example/0.ts?x=1",
      "//RR3.ADS.example:443/0.ts",
      "https://a_b-1.ads.example",
      "https://x.ssai.example:8443/0.ts",
    ])("passes unchanged on every host below: %s", (written) => {
      expect(rewriteUri(written, context)).toBe(written);
    });

    test.each([
      "https://ads.example/0.ts",
      "https://.ads.example/0.ts",
      "https://a..ads.example/0.ts",
      "https://badads.example/0.ts",
      "https://rr3.ads.example.evil.example/0.ts",
      "https://rr3.ads.example:8443/0.ts",
      "https://rr3.ads.example./0.ts",
      "https://x.ssai.example/0.ts",
      "https://evil.example%2F.ads.example/0.ts",
      "https://evil.example%00.ads.example/0.ts",
      "https://evil.example,.ads.example/0.ts",
      "https://user@rr3.ads.example/0.ts",
      "https://evil.example?.ads.example/0.ts",
      "https://evil.example#.ads.example/0.ts",
    ])("is refused on any other host: %s", (written) => {
      expect(rewriteUri(written, context)).toBe("uri_foreign");
    });

    test("is still the asset's on the media host or the origin's own host", () => {
      expect(rewriteUri("https://media.example.com/film/0.ts", context)).toBe("../0.ts?seg=SIGNED");
      expect(rewriteUri("https://origin.example.com/films/42/0.ts", context)).toBe("../0.ts?seg=SIGNED");
      expect(rewriteUri("https://media.example.com/other/0.ts", context)).toBe("uri_foreign");
    });
  });

  test("of the media host or the origin never passes as foreign", () => {
    const allowedHosts = new Set(["media.example", "origin.example"]);
    expect(rewriteUri("https://media.example/film/0.ts", { ...bucket, allowedHosts })).toBe("../0.ts?seg=SIGNED");
    expect(rewriteUri("https://media.example/other/0.ts", { ...bucket, allowedHosts })).toBe("uri_foreign");
    expect(rewriteUri("https://origin.example/films/43/0.ts", { ...server, allowedHosts })).toBe("uri_foreign");
  });

  test("with user info is refused, whatever the asset allows", () => {
    const allowedHosts = new Set(["me@ads.example"]);
    expect(rewriteUri("https://me@ads.example/0.ts", { ...bucket, allowedHosts })).toBe("uri_foreign");
  });

  test("that is too long to send is refused", () => {
    expect(rewriteUri(`${"a".repeat(8200)}.ts`)).toBe("playlist_invalid");
  });
});
