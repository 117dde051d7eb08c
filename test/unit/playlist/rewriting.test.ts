import { describe, expect, test } from "vitest";
import { needsImport } from "../../../src/playlist/compile.ts";
import { progressOf } from "../../../src/playlist/progress.ts";
import { bucket, compiled, media, multivariant, render, rewrite, segment, server } from "./sample.ts";

const top = { ...bucket, path: "/film/index.m3u8" };

describe("a URI of the asset", () => {
  const inMultivariant: [string, string][] = [
    ['#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8"', '#EXT-X-MEDIA:TYPE=AUDIO,URI="a.m3u8?list=SIGNED"'],
    [
      '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8"',
      '#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="i.m3u8?list=SIGNED"',
    ],
    [
      '#EXT-X-IMAGE-STREAM-INF:URI="t.m3u8",BANDWIDTH=1',
      '#EXT-X-IMAGE-STREAM-INF:URI="t.m3u8?list=SIGNED",BANDWIDTH=1',
    ],
    ['#EXT-X-SESSION-DATA:DATA-ID="x",URI="x.json"', '#EXT-X-SESSION-DATA:DATA-ID="x",URI="x.json?seg=SIGNED"'],
    ['#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k"', '#EXT-X-SESSION-KEY:METHOD=AES-128,URI="k?key=SIGNED"'],
    ['#EXT-X-CONTENT-STEERING:SERVER-URI="s.json"', '#EXT-X-CONTENT-STEERING:SERVER-URI="s.json?list=SIGNED"'],
  ];
  test.each(inMultivariant)("is signed for its purpose in a multivariant playlist: %s", (line, expected) => {
    expect(rewrite(multivariant(line), top)).toBe(
      multivariant(expected).replace("index.m3u8", "index.m3u8?list=SIGNED"),
    );
  });

  const inMedia: [string, string][] = [
    ['#EXT-X-MAP:URI="i.mp4",BYTERANGE="7@0"', '#EXT-X-MAP:URI="i.mp4?seg=SIGNED",BYTERANGE="7@0"'],
    ['#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1', '#EXT-X-KEY:METHOD=AES-128,URI="k?key=SIGNED",IV=0x1'],
    ['#EXT-X-PART:DURATION=1,URI="p.mp4"', '#EXT-X-PART:DURATION=1,URI="p.mp4?seg=SIGNED"'],
    ['#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p.mp4"', '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="p.mp4?seg=SIGNED"'],
    ['#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="i.mp4"', '#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="i.mp4?seg=SIGNED"'],
    [
      '#EXT-X-RENDITION-REPORT:URI="../a.m3u8",LAST-MSN=1',
      '#EXT-X-RENDITION-REPORT:URI="../a.m3u8?list=SIGNED",LAST-MSN=1',
    ],
    ['#EXT-X-DATERANGE:ID="a",X-ASSET-URI="ad.m3u8"', '#EXT-X-DATERANGE:ID="a",X-ASSET-URI="ad.m3u8?list=SIGNED"'],
    ['#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="ads.json"', '#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="ads.json?list=SIGNED"'],
    [
      '#EXT-X-DATERANGE:CLASS="com.apple.hls.preload",X-URI="ads.json"',
      '#EXT-X-DATERANGE:CLASS="com.apple.hls.preload",X-URI="ads.json?seg=SIGNED"',
    ],
    [
      '#EXT-X-DATERANGE:CLASS="com.apple.hls.preload",X-URI="ad.m3u8"',
      '#EXT-X-DATERANGE:CLASS="com.apple.hls.preload",X-URI="ad.m3u8?list=SIGNED"',
    ],
    ['#EXT-X-DATERANGE:ID="a",X-URI="ad.m3u"', '#EXT-X-DATERANGE:ID="a",X-URI="ad.m3u?list=SIGNED"'],
    ['#EXT-X-DATERANGE:ID="a",X-URI="AD.M3U8"', '#EXT-X-DATERANGE:ID="a",X-URI="AD.M3U8?list=SIGNED"'],
    ["#EXTINF:6,\n0.ts", "#EXTINF:6,\n0.ts?seg=SIGNED"],
    ["#EXTINF:6,\n#EXT-X-BYTERANGE:9@0\n0.ts", "#EXTINF:6,\n#EXT-X-BYTERANGE:9@0\n0.ts?seg=SIGNED"],
  ];
  test.each(inMedia)("is signed for its purpose in a media playlist: %s", (line, expected) => {
    expect(rewrite(media(line))).toBe(media(expected));
  });

  test("of a variant is found after comments, blank lines and other tags", () => {
    const text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n\n# no\n#EXT-X-MEDIA:TYPE=AUDIO\na.m3u8\n";
    expect(rewrite(text)).toBe(text.replace("a.m3u8", "a.m3u8?list=SIGNED"));
  });

  test("in a stray line of a multivariant playlist is signed as a playlist, as players read it", () => {
    expect(rewrite(multivariant("b.m3u8"))).toContain("\nb.m3u8?list=SIGNED\n");
  });

  test("without quotes, in lower case or given twice is signed, because some player reads it", () => {
    expect(rewrite(media("#EXT-X-MAP:URI=i.mp4 ,X=1"))).toBe(media("#EXT-X-MAP:URI=i.mp4?seg=SIGNED ,X=1"));
    expect(rewrite(media('#EXT-X-MAP:uri="i.mp4"'))).toBe(media('#EXT-X-MAP:uri="i.mp4?seg=SIGNED"'));
    expect(rewrite(media('#EXT-X-MAP:URI="a",URI="b"'))).toBe(
      media('#EXT-X-MAP:URI="a?seg=SIGNED",URI="b?seg=SIGNED"'),
    );
  });

  test("in a tag after blanks is signed, because players strip blanks", () => {
    expect(rewrite(media(' \t#EXT-X-MAP:URI="i.mp4"'))).toBe(media(' \t#EXT-X-MAP:URI="i.mp4?seg=SIGNED"'));
  });
});

describe("text that is not a URI of the asset", () => {
  test.each([
    ["a playlist without a URI", media("#EXT-X-ENDLIST")],
    ["unknown tags and comments", media('#EXT-X-VENDOR:URI="a.ts"', "# a.ts", "#a.ts", "#EXTREME a.ts")],
    [
      "a tag whose name only begins like one of ours",
      media('#EXT-X-MAPS:URI="a"', '#EXT-X-KEYS:URI="a"', '#EXT-X-PART-TIME:URI="a"'),
    ],
    ["a quoted value that looks like an attribute", media('#EXT-X-DATERANGE:ID="a",X-NOTE=",X-ASSET-URI=b.m3u8"')],
    ["a name that only ends like one of ours", media('#EXT-X-KEY:METHOD=NONE,X-URI="a",MY-URI="b"')],
    [
      "DRM schemes and inline data",
      media('#EXT-X-KEY:URI="skd://a"', '#EXT-X-KEY:URI="data:a,b="', '#EXT-X-KEY:URI="URN:uuid:a"'),
    ],
    ["an allowed host", segment("https://ads.example/0.ts?a=b#c")],
    ["an empty URI, which is the playlist itself", media('#EXT-X-MAP:URI=""', '#EXT-X-MAP:URI="#top"')],
    ["a last line without a line end", "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-ENDLIST"],
  ])("keeps its bytes: %s", (_, text) => {
    expect(rewrite(text)).toBe(text);
  });

  test("is refused if it is inline data that would contain URIs", () => {
    const list = "data:application/x-mpegurl,%23EXTM3U%0Ahttps://evil.example/0.ts";
    expect(rewrite(multivariant(list))).toBe("uri_foreign");
    expect(rewrite(multivariant(`#EXT-X-MEDIA:TYPE=AUDIO,URI="${list}"`))).toBe("uri_foreign");
    expect(rewrite(multivariant(`#EXT-X-CONTENT-STEERING:SERVER-URI="${list}"`))).toBe("uri_foreign");
    for (const name of ["X-ASSET-URI", "X-ASSET-LIST", "X-URI"])
      expect(rewrite(media(`#EXT-X-DATERANGE:ID="a",${name}="${list}"`))).toBe("uri_foreign");
  });

  test("keeps a BOM, CRLF, blanks around a URI and a missing line end", () => {
    const text =
      "\uFEFF#EXTM3U \r\n#EXT-X-TARGETDURATION:6\r\n \r\n#EXTINF:6, a, b \r\n\t 0.ts \t\r\n#EXTINF:6,\r\r\n1.ts";
    expect(rewrite(text)).toBe(text.replace("0.ts", "0.ts?seg=SIGNED").replace("1.ts", "1.ts?seg=SIGNED"));
  });

  test.each([
    ["blank lines", "\n\r\n\n"],
    ["spaces and tabs", " \t "],
    ["several byte order marks", "\uFEFF\uFEFF\uFEFF"],
    ["alternating marks, spaces and blank lines", "\uFEFF \r\n\uFEFF\n\t\uFEFF"],
    ["other white space that trimming strips", "\v\f\u00A0\u2028"],
  ])("keeps %s before #EXTM3U", (_, before) => {
    const text = segment("0.ts");
    expect(rewrite(before + text)).toBe(before + rewrite(text));
    expect(progressOf(before + text)).toEqual(progressOf(text));
    expect(rewrite(before + multivariant())).toBe(before + rewrite(multivariant()));
    const importing = `${before}#EXTM3U\n#EXT-X-DEFINE:IMPORT="a"\n`;
    expect(needsImport(importing)).toBe(true);
  });

  test("keeps the origin's own query in front of the signature", () => {
    expect(rewrite(segment("0.ts?a=1&b"))).toBe(segment("0.ts?a=1&b&seg=SIGNED"));
    expect(rewrite(segment("0.ts?"))).toBe(segment("0.ts?seg=SIGNED"));
  });
});

describe("a signed URL", () => {
  test("is shared by the byte ranges and the MAP of one file", () => {
    const template = compiled(
      media('#EXT-X-MAP:URI="a.mp4",BYTERANGE="7@0"', "#EXTINF:6,", "a.mp4", "#EXTINF:6,", "./a.mp4"),
    );
    expect(template.targets.map(({ path }) => path)).toEqual(["/film/360p/a.mp4"]);
    expect(template.holes.map(({ reference }) => reference)).toEqual(["a.mp4", "a.mp4", "./a.mp4"]);
  });

  test("is separate for another query or another purpose", () => {
    const template = compiled(media('#EXT-X-KEY:METHOD=AES-128,URI="a"', "#EXTINF:6,", "a", "#EXTINF:6,", "a?b"));
    expect(template.targets.map(({ purpose, query }) => [purpose, query])).toEqual([
      ["key", ""],
      ["segment", ""],
      ["segment", "b"],
    ]);
  });
});

describe("a text that players read in different ways", () => {
  test.each([
    ["an empty text", ""],
    ["blanks only", "\uFEFF \n\n"],
    ["NUL before #EXTM3U", "\0#EXTM3U\n"],
    ["text before #EXTM3U", "a #EXTM3U\n"],
    ["no #EXTM3U", "#EXT-X-TARGETDURATION:6\n"],
    ["#EXTM3U in another line", "# a\n#EXTM3U\n"],
    ["a tag that begins with #EXTM3U", "#EXTM3U8\n"],
    ["tags of both kinds", media("#EXTINF:6,", "0.ts", "#EXT-X-STREAM-INF:BANDWIDTH=1", "a.m3u8")],
    ["segments without EXTINF", media("0.ts")],
    ["a character in a URI at which some players end a line", segment("a\u2028b.ts")],
    ["such a character in an attribute", media('#EXT-X-MAP:URI="a\vb.mp4"')],
    ["such a character in an allowed URL", segment("https://ads.example/a\x85b.ts")],
    ["bytes in a URI that are not UTF-8", segment("a\uDCE7.ts")],
    ["such bytes in a query", segment("a.ts?b=\uDCE7")],
    ["such bytes in an allowed URL", segment("https://ads.example/\uDCE7.ts")],
    ["such bytes in a variable", media('#EXT-X-DEFINE:NAME="a",VALUE="\uDCE7"', '#EXT-X-MAP:URI="{$a}"')],
    ["an open quote", media('#EXT-X-MAP:URI="a')],
    ["text after a closing quote", media('#EXT-X-MAP:URI="a"b,X="c"')],
    ["a quote inside of a value", media('#EXT-X-MAP:URI=a"b"')],
    ["an element without a value", media('#EXT-X-MAP:X,URI="a"')],
    ["single quotes, which some strip", media("#EXT-X-MAP:URI='a'")],
    ["a space that some strip at a URI's edge", segment("\u00A00.ts")],
    ["a BOM before a tag, which is a URI to others", media('\uFEFF#EXT-X-DATERANGE:ID="a"')],
    ["a BOM inside of quotes", media('#EXT-X-MAP:URI="a\uFEFF"')],
    ["a variable in an unquoted value", media('#EXT-X-DEFINE:NAME="a",VALUE="b"', "#EXT-X-MAP:URI={$a}")],
  ])("is refused: %s", (_, text) => {
    expect(rewrite(text)).toBe("playlist_invalid");
  });

  test("is accepted unchanged if a broken attribute list has no URI", () => {
    const text = media('#EXT-X-DATERANGE:ID="a",X-JSON="{\\"a\\":1}"');
    expect(rewrite(text)).toBe(text);
  });
});

describe("bytes outside of URIs", () => {
  /** CR, NUL, VT, FF, FS to US, NEL, U+2028 and U+2029; Latin-1's NEL and ç, a character with the byte 0x85, and a BOM. */
  const oddities = [..."\r\0\v\f\x1C\x1D\x1E\x1F\x85\u2028\u2029\uDC85\uDCE7Å充\uFEFF"];
  const lines: readonly (readonly [string, (odd: string) => string])[] = [
    ["a title", (odd) => media(`#EXTINF:6,part${odd}two`, "#EXT-X-GAP")],
    ["a comment", (odd) => media(`# part${odd}two`)],
    ["an unknown tag", (odd) => media(`#EXT-X-VENDOR:A="part${odd}two"`)],
    ["a NAME", (odd) => media(`#EXT-X-MEDIA:TYPE=AUDIO,NAME="part${odd}two",LANGUAGE="en"`)],
    ["a NAME without quotes", (odd) => media(`#EXT-X-MEDIA:TYPE=AUDIO,NAME=part${odd}two`)],
    ["a DATERANGE", (odd) => media(`#EXT-X-DATERANGE:ID="part${odd}two",X-NOTE="${odd}"`)],
    ["a variable that no URI uses", (odd) => media(`#EXT-X-DEFINE:NAME="a",VALUE="part${odd}two"`)],
  ];

  test.each(lines)("pass in %s, even if a player ends a line at them", (_, line) => {
    for (const odd of oddities) {
      expect(rewrite(line(odd))).toBe(line(odd));
      // What a player may find after it: prose, a reference to the media host, another tag.
      for (const rest of [
        "Two: the return",
        " // or not",
        "../other/0.ts",
        "/0.ts",
        "#EXT-X-ENDLIST",
        "# a",
        "a//b",
        "?",
      ]) {
        if (odd === "\r" && rest.startsWith("#EXT")) continue;
        if (rest !== " // or not") expect(rewrite(line(odd + rest))).toBe(line(odd + rest));
      }
    }
  });

  test.each(lines)("are refused in %s if a player could be led away", (_, line) => {
    for (const odd of oddities.filter((character) => character !== "\uDCE7" && character !== "\uFEFF")) {
      for (const rest of [
        ...["https://evil.example/0.ts", " \t https://evil.example", "HTTP://evil.example", "https:evil.example/a"],
        ...[
          "//evil.example/0.ts",
          "/\\evil.example",
          "\\\\evil.example/a",
          "ht\ttps://evil.example",
          "https:\\\\evil.example",
        ],
        ...["https://media.example/film/0.ts", "//media.example/film/0.ts", "https://ads.example.evil.example/"],
        ...["https://ads.example", "https://ads.example\\.evil.example/", "https://me@ads.example/", "https://{$h}/a"],
        ...["{$h}/a", "/{$h}", "ftp://ads.example/0.ts", "file:///etc/passwd", "javascript:alert(1)", "myapp://a"],
        ...["rtmp://ads.example/a", "concat:a|b", "#EXTINF:6 https://evil.example/0.ts"],
        ...["#EXT-X-MAP:URI=https://evil.example/", "#EXT-X-KEY:METHOD=AES-128, URI = //evil.example/"],
      ]) {
        const text = line(odd + rest);
        // A CR before a tag ends a line, and the pattern around it breaks the tags on both sides.
        const broken = odd === "\r" && rest.startsWith("#EXT");
        expect([text, rewrite(text)]).toEqual([
          text,
          broken ? expect.stringMatching(/^[a-z]+_[a-z]+$/) : "uri_foreign",
        ]);
      }
    }
  });

  test("can be URIs that pass: of an allowed host, a DRM system or inline data", () => {
    for (const odd of oddities) {
      const text = media(`# a${odd}https://ads.example/0.ts`, `# a${odd}skd://a`, `# a${odd}data:,a`, `# a${odd}urn:a`);
      expect(rewrite(text)).toBe(text);
    }
  });

  test("in a tag without its colon must not lead away, because some players accept such a tag", () => {
    for (const tag of [
      "#EXT-X-KEY METHOD=AES-128,",
      "#EXT-X-KEYMETHOD=AES-128,",
      "#EXT-X-MAP ",
      "#EXT-X-MEDIA TYPE=AUDIO,",
    ]) {
      expect(rewrite(media(`${tag}URI="https://evil.example/a"`))).toBe("uri_foreign");
      expect(rewrite(media(`${tag}URI="a"`))).toBe(media(`${tag}URI="a"`));
    }
  });

  test("that end a tag early for some player must not lead away", () => {
    for (const odd of oddities.filter((character) => !"\uDCE7\uFEFF".includes(character))) {
      const list = (uri: string) => media(`#EXT-X-MAP:A="b,URI=${uri},${odd}",URI="c.mp4"`);
      expect(rewrite(list("https://evil.example/"))).toBe("uri_foreign");
      expect(rewrite(list("d.mp4"))).toBe(list("d.mp4").replace('"c.mp4"', '"c.mp4?seg=SIGNED"'));
    }
  });

  test("that only some players trim are not part of an attribute's name", () => {
    for (const odd of ["\v", "\f", "\x85", "\u00A0", "\uFEFF", "\u2028", "\u3000"])
      expect(rewrite(media(`#EXT-X-MAP:A=b,${odd}URI="https://evil.example/"`))).not.toContain("evil.example");
  });

  test("that are not UTF-8 do not affect URIs that are", () => {
    const text = media('#EXT-X-MEDIA:TYPE=AUDIO,NAME="\uDCE7",URI="caf\u00e9.m3u8"');
    expect(rewrite(text)).toBe(text.replace("caf\u00e9.m3u8", "caf%C3%A9.m3u8?list=SIGNED"));
  });

  test("that are white space make blank lines, and are not part of the tag before them", () => {
    for (const odd of ["\v", "\f", "\u00A0", "\u2028", "\uFEFF", " \u3000\f "]) {
      const text = `#EXTM3U${odd}\n#EXT-X-TARGETDURATION:6\n${odd}\n#EXTINF:6,\n${odd}\n0.ts\n#EXT-X-ENDLIST${odd}\n`;
      expect(rewrite(text)).toBe(text.replace("0.ts", "0.ts?seg=SIGNED"));
      expect(compiled(text).live).toBe(false);
    }
  });
});

describe("a carriage return", () => {
  const signed = (text: string) => text.replaceAll(/(\w)\.(ts|mp4)/g, "$1.$2?seg=SIGNED");

  test("ends lines in a text that has no other line ends", () => {
    const text = media('#EXT-X-MAP:URI="i.mp4"', "#EXTINF:6,a", "0.ts", "", "#EXTINF:6,", "1.ts").replaceAll(
      "\n",
      "\r",
    );
    expect(rewrite(text)).toBe(signed(text));
    expect(progressOf(text)).toEqual(progressOf(text.replaceAll("\r", "\n")));
    expect(compiled(text).targets).toEqual(compiled(text.replaceAll("\r", "\n")).targets);
  });

  test("ends lines in a text of mixed line ends if a tag follows it", () => {
    const text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\r#EXTINF:6,\r0.ts\r\n#EXTINF:6,\n1.ts\r\r\n";
    expect(rewrite(text)).toBe(signed(text));
  });

  test("must not lead a player away that does not end lines at it", () => {
    for (const text of [
      '#EXTM3U\n#EXT-X-MAP:A="b\r#EXT-X-GAP:",URI="https://evil.example/"\n',
      "#EXTM3U\n#EXTINF:6,\nhttps://ads.example\r.evil.example/0.ts\r#EXT-X-GAP\n",
    ])
      expect(rewrite(text)).toBe("uri_foreign");
  });
});

describe("text that only a lenient player reads as a URI", () => {
  test.each([
    ["a tag inside of a comment", media('# was #EXT-X-MAP:URI="https://evil.example/a"')],
    ["a tag that was commented out", media('##EXT-X-KEY:METHOD=AES-128,URI="//evil.example/k"')],
    ["a tag inside of a quoted value", media('#EXT-X-DATERANGE:ID="#EXT-X-MAP:URI=https://evil.example/a"')],
    ["a tag in a fragment", segment("https://ads.example/0.ts#EXT-X-MAP:URI=//evil.example")],
    ["text after an EXTINF without a comma", media("#EXTINF:6 https://evil.example/0.ts", "0.ts")],
    [
      "a variable in a commented tag",
      media('#EXT-X-DEFINE:NAME="h",VALUE="//evil.example"', '# #EXT-X-MAP:URI="{$h}/a"'),
    ],
    [
      "a variable that only such a tag defines",
      media('# #EXT-X-DEFINE:NAME="h",VALUE="//evil.example"', '##EXT-X-MAP:URI="{$h}/a"'),
    ],
    ["blanks around the equals sign", media('##EXT-X-MAP:URI = "https://evil.example/a"')],
    ["backslashes", media('##EXT-X-MAP:URI="\\\\evil.example/a"')],
    ["the media host itself, unsigned", media('##EXT-X-MAP:URI="https://media.example/film/a"')],
    ["the last word of a title at the very end", "#EXTM3U\n#EXTINF:6,a https://evil.example/0.ts"],
  ])("must not lead away: %s", (_, text) => {
    expect(rewrite(text)).toBe("uri_foreign");
  });

  test("must not lead to the origin's own host either", () => {
    const text = media('##EXT-X-MAP:URI="https://origin.example/films/42/a"');
    expect(rewrite(text, server)).toBe("uri_foreign");
  });

  test("keeps its bytes if it stays on the media host, where it gets a 403", () => {
    const text = media(
      '##EXT-X-KEY:METHOD=AES-128,URI="k"',
      "# see https://example.com",
      "#EXTINF:6 tvg=1,a",
      "#EXT-X-GAP",
    );
    expect(rewrite(text)).toBe(text);
  });
});

test("a template's literals and references are the playlist without its signatures", () => {
  const text = media('#EXT-X-MAP:URI="i.mp4"', "#EXTINF:6,", "0.ts");
  const { literals, holes } = compiled(text);
  expect(literals.length).toBe(holes.length + 1);
  expect(literals.map((literal, i) => literal + (holes[i]?.reference ?? "")).join("")).toBe(text);
  expect(render(compiled(text))).toBe(text.replace("i.mp4", "i.mp4?seg=SIGNED").replace("0.ts", "0.ts?seg=SIGNED"));
});
