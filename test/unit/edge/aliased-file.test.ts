import { describe, expect, it } from "vitest";
import { mediaPlaceOf, type OriginFile } from "../../../src/base/alias.ts";
import { encodeBase64url, utf8 } from "../../../src/base/encoding.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import { playlistStage } from "../manifest/playlist-stage.ts";
import {
  catalog,
  client,
  grantIssuer,
  grantOf,
  in5Minutes,
  keyOf,
  now,
  preparedKeys,
  signedTarget,
} from "../signing/session.ts";
import { all, stage } from "./deliver-stage.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");

/** The targets in a playlist, in its order, as a browser resolves them. */
function targetsIn(text: string, at: string): readonly string[] {
  const lines = text
    .split("\n")
    .flatMap((line) => (line.startsWith("#") ? (/URI="([^"]*)"/.exec(line)?.[1] ?? []) : line));
  return lines
    .filter((uri) => uri !== "")
    .map((uri) => {
      const { pathname, search } = new URL(uri, `https://media.example${at}`);
      return pathname + search;
    });
}

function check(target: string, at = now) {
  const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now: at });
  if (checked.verdict === "refused") throw new Error(`${checked.refusal.code}: ${checked.refusal.reason}`);
  return checked;
}

const nameOf = ({ path, query }: OriginFile) => (query === "" ? path : `${path}?${query}`);
const originNameOf = (target: string) => {
  const { access } = check(target);
  return nameOf({ path: access.rest, query: access.query });
};

const master = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=1
a;v=1//low.m3u8?hdnts=exp=1~acl=/*~hmac=ab
`;
const low = (lines: string) => `#EXTM3U
#EXT-X-TARGETDURATION:4
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,PART-HOLD-BACK=3
#EXT-X-MAP:URI="50%25.mp4"
${lines}`;
const early = low(`#EXTINF:4,
0.m4s
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="1;0.m4s?t=a:b"
#EXT-X-RENDITION-REPORT:URI="../../b%2Fc//high.m3u8"
`);
const late = low(`#EXTINF:4,
0.m4s
#EXT-X-PART:DURATION=1,URI="1;0.m4s?t=a:b"
`);

describe("an aliased playlist", () => {
  const lowFile = "a;v=1//low.m3u8?hdnts=exp=1~acl=/*~hmac=ab";

  async function loadedFrom(files: Readonly<Record<string, string>>) {
    const manifest = await playlistStage({ "film/index.m3u8": master, [`film/${lowFile}`]: early, ...files });
    const place = mediaPlaceOf({ path: "a;v=1//low.m3u8", query: "hdnts=exp=1~acl=/*~hmac=ab" });
    if (!place.ok) throw new Error(place.refusal.reason);
    const load = (appended = "") => manifest.text({ name: "ann" }, place.value.path, { appended });
    return { manifest, load, at: `/grant/film/${place.value.path}` };
  }

  it("is linked by its multivariant playlist, and requested from the origin by its own bytes", async () => {
    const { manifest, at } = await loadedFrom({});
    const [target = ""] = targetsIn(await manifest.text({ name: "ann" }, "index.m3u8"), "/grant/film/index.m3u8");
    expect(target.split("?")[0]?.replace(/^\/[^/]+/, "/grant")).toBe(at);
    await manifest.text({ name: "ann" }, at.slice("/grant/film/".length));
    expect(manifest.requests.map(nameOf)).toEqual(["index.m3u8", lowFile]);
  });

  it("links to the origin's files, wherever a URI is in it", async () => {
    const { load } = await loadedFrom({});
    const place = mediaPlaceOf({ path: "a;v=1//low.m3u8", query: "hdnts=exp=1~acl=/*~hmac=ab" });
    const at = `/${grantOf(key)}/film/${place.ok ? place.value.path : ""}`;
    const targets = targetsIn(await load(), at);
    // The report's URL is bound to the viewer of the stage, who has another grant.
    expect(targets.slice(0, -1).map(originNameOf)).toEqual([
      "a;v=1//50%25.mp4",
      "a;v=1//0.m4s",
      "a;v=1//1;0.m4s?t=a:b",
    ]);
    expect(targets.at(-1)).toContain(`/film/~/${encodeBase64url(utf8("b%2Fc//high.m3u8"))}.m3u8?list=`);
  });

  it("accepts delivery directives, which come after the origin's own query", async () => {
    const { manifest, load } = await loadedFrom({
      [`film/${lowFile}&_HLS_msn=1&_HLS_part=0`]: late,
      [`film/${lowFile}&_HLS_skip=YES`]: early,
    });
    const hint = /HINT:TYPE=PART,URI="([^"]*)"/.exec(await load())?.[1];
    const text = await load("&_HLS_msn=1&_HLS_part=0&CMCD=a");
    expect(text).toContain(`#EXT-X-PART:DURATION=1,URI="${hint}"`);
    await load("&_HLS_skip=YES");
    expect(manifest.requests.map(nameOf).slice(1)).toEqual([
      `${lowFile}&_HLS_msn=1&_HLS_part=0`,
      `${lowFile}&_HLS_skip=YES`,
    ]);
  });
});

describe("an aliased file", () => {
  const file = { path: "a;v=1//0.ts", query: "t=a:b/~" };
  const place = mediaPlaceOf(file);
  const path = `/film/${place.ok ? place.value.path : ""}`;
  const signed = (changes: object = {}) =>
    signedTarget(key, { purpose: "segment", grant: grantOf(key), path, ...changes });

  it("is decoded only after its signature was verified", () => {
    expect(check(signed()).access).toMatchObject({ path, signedQuery: "", rest: file.path, query: file.query });
    expect(check(`${signed()}&CMCD=br%3D1`).access.query).toBe(file.query);
    const forged = signed().replace(/.$/, (last) => (last === "A" ? "Q" : "A"));
    const broken = forged.replace(path, "/film/~/!.ts");
    for (const target of [forged, broken]) expect(() => check(target)).toThrow("signature_invalid");
  });

  it("has no other URL: neither with a query of its own nor by its origin's path", () => {
    expect(() => check(signed().replace("?", "?t=a:b/~&"))).toThrow("signature_invalid");
    expect(() => check(signed({ query: "t=1" }))).toThrow("path_invalid");
    expect(() => check(signed().replace(path, "/film/a;v=1//0.ts"))).toThrow("path_invalid");
  });

  it.each([
    ["a file that needs no alias", "a/0.ts", "path_invalid"],
    ["a path that climbs", "..%2F0.ts", "uri_foreign"],
    ["a path that climbs before a parameter", "..;/0.ts", "uri_foreign"],
    ["a path with NUL", "a;%00/0.ts", "uri_foreign"],
  ])("is refused, even with a valid signature, for %s", (_, payload, code) => {
    expect(() => check(signed({ path: `/film/~/${encodeBase64url(utf8(payload))}.ts` }))).toThrow(code);
  });

  it("is renewed by a redirect to its alias, with what the player appended", () => {
    const target = `${signed()}&CMCD=a`;
    const { access, verdict } = check(target, in5Minutes);
    expect(verdict).toBe("expired");
    const location = renewUrl(access, in5Minutes, seconds(300), seconds(30)).headers.get("Location") ?? "";
    const { pathname, search } = new URL(location, `https://media.example${target}`);
    expect(pathname).toBe(target.split("?")[0]);
    expect(check(pathname + search, timeAfter(in5Minutes, seconds(60))).verdict).toBe("passed");
    expect(originNameOf(pathname + search)).toBe("a;v=1//0.ts?t=a:b/~");
    expect(search).toContain("&CMCD=a");
  });

  it("is cached under its own bytes, and its type follows its extension", async () => {
    const delivery = stage();
    delivery.files.set("film/a;v=1//0.ts;w=2?t=a:b/~", { body: Uint8Array.from(all), etag: '"v1"' });
    const odd = { path: "a;v=1//0.ts;w=2", query: "t=a:b/~" };
    const { headers } = await delivery.get(odd);
    expect(headers.get("Content-Type")).toBe("video/mp2t");
    expect(delivery.keys()).toEqual(["r2:MEDIA:film/a;v=1//0.ts;w=2?t=a:b/~"]);
    const { status, bytes } = await delivery.get({ ...odd, range: "bytes=10-19" });
    expect([status, bytes, delivery.requests.length]).toEqual([206, all.slice(10, 20), 1]);
    expect((await delivery.get({ ...odd, method: "HEAD" })).headers.get("Content-Length")).toBe("100");
  });
});

describe("an asset whose segments CloudFront serves", () => {
  const vod =
    "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n..//0.ts?t=a:b\n#EXTINF:4,\n1;v.ts\n#EXTINF:4,\n2.ts\n#EXT-X-ENDLIST\n";

  it.each(["canned", "custom"])("has aliases for its playlists only, under a %s policy", async (policy) => {
    const manifest = await playlistStage({
      "cloud/index.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na;b/low.m3u8\n",
      "cloud/a;b/low.m3u8": vod,
    });
    const cloudfront = { keyPairId: "K2", url: "https://d1.cloudfront.net", policy };
    const [, , cloud] = manifest.state.assets;
    manifest.state.assets = [{ ...cloud, cloudfront }];
    const viewer = { name: "ann", asset: "cloud" };
    const [, alias = ""] = /\n(~\/[\w-]+\.m3u8)\?list=/.exec(await manifest.text(viewer, "index.m3u8")) ?? [];
    const text = await manifest.text(viewer, alias);
    expect([...text.matchAll(/^https:\/\/d1\.cloudfront\.net(.*?)[?&]Expires=/gm)].map(([, target]) => target)).toEqual(
      ["/cloud//0.ts?t=a:b", "/cloud/a;b/1;v.ts", "/cloud/a;b/2.ts"],
    );
  });
});
