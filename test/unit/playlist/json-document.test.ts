import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PlaylistContext } from "../../../src/playlist/compile.ts";
import { expiriesOf } from "../../../src/playlist/expiry-plan.ts";
import { compileJsonDocument, isJsonDocument, jsonValues } from "../../../src/playlist/json-document.ts";
import { fillPlaylist, renderShared } from "../../../src/playlist/render.ts";
import type { Target } from "../../../src/playlist/template.ts";
import { bucket, now, server, step } from "./sample.ts";

const parameters = { playlist: "list", segment: "seg", key: "key", file: "file" };
const whole = ({ purpose, path, query }: Target) => ({
  uri: `https://media.example/G${path}?${query === "" ? "" : `${query}&`}${parameters[purpose]}=SIGNED`,
});

/** The rewritten document, or the code of its refusal. */
function rewrite(text: string, context: PlaylistContext = bucket): string {
  const compiled = compileJsonDocument(text, context);
  if (!compiled.ok) return compiled.refusal.code;
  return fillPlaylist(renderShared(compiled.value, expiriesOf(compiled.value, now, step), whole), whole);
}

const assets = (...uris: string[]) => JSON.stringify({ ASSETS: uris.map((URI) => ({ URI, DURATION: 6 })) });
const urisOf = (text: string): unknown => JSON.parse(text).ASSETS.map(({ URI }: { URI: string }) => URI);
const steering = (more: object) => JSON.stringify({ VERSION: 1, TTL: 10, "PATHWAY-PRIORITY": ["one"], ...more });
const clone = (replacement: object) =>
  steering({ "PATHWAY-CLONES": [{ "BASE-ID": "one", ID: "two", "URI-REPLACEMENT": replacement }] });

describe("an asset list", () => {
  it("has each URI of the asset signed as a whole URL, and every other byte unchanged", () => {
    const text =
      '\ufeff { "ASSETS" : [\n\t{ "URI":"ad\\/1.m3u8", "DURATION":12.0, "X-AD-ID": "é\\u00e9" },\r\n {"DURATION":6,"URI":"../b.mp4?v=2"} ], "SKIP-CONTROL":{"OFFSET":1e1} }\n';
    expect(rewrite(text)).toBe(
      text
        .replace("ad\\/1.m3u8", "https://media.example/G/film/360p/ad/1.m3u8?list=SIGNED")
        .replace("../b.mp4?v=2", "https://media.example/G/film/b.mp4?v=2&seg=SIGNED"),
    );
  });

  it("has URLs of the origin and of the media host signed, and those of allowed hosts unchanged", () => {
    const uris = ["https://origin.example/films/42/ad.m3u8", "https://ads.example/spot.m3u8?b=2", "/films/42/c.m3u8"];
    expect(urisOf(rewrite(assets(...uris), server))).toEqual([
      "https://media.example/G/film/ad.m3u8?list=SIGNED",
      "https://ads.example/spot.m3u8?b=2",
      "https://media.example/G/film/c.m3u8?list=SIGNED",
    ]);
  });

  it.each([
    "https://elsewhere.example/ad.m3u8",
    "//elsewhere.example/ad.m3u8",
    "https:\\/\\/elsewhere.example/ad.m3u8",
    "\\u0068ttps://elsewhere.example/ad.m3u8",
    "javascript:alert(1)",
    "../../../other/ad.m3u8",
  ])("is refused if a URI leads elsewhere: %s", (uri) => {
    expect(rewrite(`{"ASSETS":[{"URI":"${uri}"}]}`)).toBe("uri_foreign");
  });

  it.each([
    '{"ASSETS":[{"URI":7}]}',
    '{"ASSETS":[{"URI":["a.m3u8"]}]}',
    '{"ASSETS":[{"URI":" a.m3u8"}]}',
    '{"ASSETS":{"0":{"URI":"https://elsewhere.example/a.m3u8"}}}',
    '{"ASSETS":[{"URI":"a.m3u8","URI":"https://elsewhere.example/a.m3u8"}]}',
    '{"ASSETS":[{"URI":"a.m3u8","\\u0055RI":"https://elsewhere.example/a.m3u8"}]}',
    '{"ASSETS":[],"ASSETS":[{"URI":"https://elsewhere.example/a.m3u8"}]}',
    '{"ASSETS":[{"URI":"a.m3u8"}],"PATHWAY-PRIORITY":[]}',
    '{"ASSETS":[{"URI":"a.m3u8"}]',
    '{"ASSETS":[{"URI":"a.m3u8",}]}',
    "{}",
    '{"URI":"a.m3u8"}',
    `{"ASSETS":${"[".repeat(40)}${"]".repeat(40)}}`,
  ])("is refused if it is not understood: %s", (text) => {
    expect(rewrite(text)).toBe("playlist_invalid");
  });
});

describe("a steering manifest", () => {
  it("has its RELOAD-URI signed as a playlist, and the rest unchanged", () => {
    expect(JSON.parse(rewrite(steering({ "RELOAD-URI": "steering.json?round=2" })))).toEqual({
      VERSION: 1,
      TTL: 10,
      "PATHWAY-PRIORITY": ["one"],
      "RELOAD-URI": "https://media.example/G/film/360p/steering.json?round=2&list=SIGNED",
    });
    expect(rewrite(steering({}))).toBe(steering({}));
  });

  it("has the URIs of a pathway clone signed for this session", () => {
    const uris = { "PER-VARIANT-URIS": { v1: "hd.m3u8" }, "PER-RENDITION-URIS": { a1: "audio.m3u8" } };
    const [{ "URI-REPLACEMENT": replaced }] = JSON.parse(rewrite(clone({ ...uris, PARAMS: { token: "t" } })))[
      "PATHWAY-CLONES"
    ];
    expect(replaced).toEqual({
      "PER-VARIANT-URIS": { v1: "https://media.example/G/film/360p/hd.m3u8?list=SIGNED" },
      "PER-RENDITION-URIS": { a1: "https://media.example/G/film/360p/audio.m3u8?list=SIGNED" },
      PARAMS: { token: "t" },
    });
  });

  it("lets a clone use the media host only, because a player sends the grant to the clone's host", () => {
    const at = (mediaHost: string, HOST: string) => rewrite(clone({ HOST }), { ...bucket, mediaHost });
    const accepted = ["media.example", "MEDIA.example"].map(
      (host) => at("media.example", host) === clone({ HOST: host }),
    );
    expect(accepted).toEqual([true, true]);
    expect(at("localhost:8788", "localhost")).toBe(clone({ HOST: "localhost" }));
    for (const host of [
      "ads.example",
      "elsewhere.example",
      "media.example.evil.example",
      "media.example@evil.example",
      "",
    ])
      expect([host, at("media.example", host)]).toEqual([host, "uri_foreign"]);
  });

  it.each([
    clone({ HOST: 7 }),
    clone({ PARAMS: { list: "1795000000.AAAAAAAAAAAAAAAAAAAAAA" } }),
    clone({ "PER-VARIANT-URIS": { v1: null } }),
    steering({ "RELOAD-URI": 5 }),
    steering({ "PATHWAY-CLONES": { a: {} } }),
  ])("is refused if it is not understood: %s", (text) => {
    expect(rewrite(text)).toBe("playlist_invalid");
  });
});

describe("isJsonDocument", () => {
  it("tells JSON from playlists by the first character", () => {
    const texts = ['{"ASSETS":[]}', "\ufeff\r\n {", "#EXTM3U\n{", "", "[]", "{"];
    expect(texts.map(isJsonDocument)).toEqual([true, true, false, false, false, true]);
  });
});

describe("the values of a JSON text", () => {
  it("are those that JSON.parse finds, each at its position", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(0, 1, "\t"), (json, space) => {
        const text = JSON.stringify(JSON.parse(json), null, space);
        const strings = jsonValues(text)?.flatMap(({ string }) => (string === undefined ? [] : [string]));
        const expected: string[] = [];
        JSON.parse(text, (_, value) => {
          if (typeof value === "string") expected.push(value);
          return value;
        });
        expect(strings?.map(({ value }) => value).toSorted()).toEqual(expected.toSorted());
        for (const { value, start, end } of strings ?? [])
          expect(JSON.parse(`"${text.slice(start, end)}"`)).toBe(value);
      }),
    );
  });

  it("are undefined for every text that is not JSON", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) expect(jsonValues(text)).toBeUndefined();
      }),
    );
  });
});
