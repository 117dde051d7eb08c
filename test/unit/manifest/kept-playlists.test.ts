import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { now } from "../signing/session.ts";
import { assetOf, playlistStage, textOf } from "./playlist-stage.ts";

const ann = { name: "ann" };
const media = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n";
const live = media.replace("#EXT-X-ENDLIST\n", "");
const path = "low/index.m3u8";
const file = `film/${path}`;

describe("a compiled playlist", () => {
  const abroad = media.replace("0.ts", "https://ads.example/0.ts\n#EXTINF:6,\n1.ts");
  const master = (folder: string) =>
    `#EXTM3U\n#EXT-X-DEFINE:NAME="folder",VALUE="${folder}"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${path}\n`;
  const importing = media
    .replace("#EXTINF", '#EXT-X-DEFINE:IMPORT="folder"\n#EXTINF')
    .replace("0.ts", "{$folder}/0.ts");

  it.each([
    ["another asset id", media, "renamed", {}],
    [
      "another session length",
      `${media.slice(0, -15)}#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="a.json"\n`,
      "film",
      { session: 600 },
    ],
    ["one more allowed host", abroad, "film", { allowedHosts: ["ads.example", "more.example"] }],
  ])("is compiled again for %s", async (_, text, id, fields) => {
    const before = assetOf("film", { allowedHosts: ["ads.example"] });
    const changed = { ...before, id, ...fields };
    const stage = await playlistStage({ [file]: text });
    stage.state.assets = [before];
    await stage.text(ann, path);
    stage.state.assets = [changed];
    const fresh = await playlistStage({ [`${id}/${path}`]: text });
    fresh.state.assets = [changed];
    const viewer = { ...ann, asset: id };
    expect(await stage.text(viewer, path)).toBe(await fresh.text(viewer, path));
    expect(stage.requests).toHaveLength(1); // The text is the same, whatever the catalog says about it.
  });

  it("is refused if a host is no longer allowed", async () => {
    const stage = await playlistStage({ [file]: abroad });
    stage.state.assets = [assetOf("film", { allowedHosts: ["ads.example"] })];
    await stage.text(ann, path);
    stage.state.assets = [assetOf("film")];
    expect(await stage.load(ann, path)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
  });

  it("is compiled again for a changed imported variable, although its own text is the same", async () => {
    const stage = await playlistStage({ "film/index.m3u8": master("take-1"), [file]: importing });
    expect(await stage.text(ann, path)).toContain("\ntake-1/0.ts?seg=");
    stage.put("film/index.m3u8", master("take-2"));
    stage.state.now = timeAfter(now, seconds(10));
    expect(await stage.text(ann, path)).toContain("\ntake-2/0.ts?seg=");
    const requests = stage.requests.length;
    await stage.text(ann, path);
    expect(stage.requests).toHaveLength(requests);
  });

  it("is signed again for another distribution within the same step", async () => {
    const stage = await playlistStage({
      "cloud/index.m3u8": `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${path}\n`,
      [`cloud/${path}`]: media,
    });
    const viewer = { ...ann, asset: "cloud" };
    expect(await stage.text(viewer, path)).toContain("https://d1.cloudfront.net/cloud/low/0.ts?");
    const cloudfront = { keyPairId: "K2", url: "https://d2.cloudfront.net" };
    stage.state.assets = [assetOf("cloud", { cdn: "cloudfront-signed", cloudfront })];
    expect(await stage.text(viewer, path)).toContain("https://d2.cloudfront.net/cloud/low/0.ts?");
  });
});

describe("a playlist that is no longer fresh", () => {
  const viewers = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `viewer-${i}` }));

  /** A stage whose playlist was loaded at `now`, and whose origin responds when the test tells it to. */
  async function waiting(text: string) {
    const stage = await playlistStage({ [file]: text });
    await stage.text(ann, path);
    const responses = ["new", "newer"].map((name) => ({
      text: live.replace("0.ts", `${name}.ts`),
      ...Promise.withResolvers<void>(),
    }));
    stage.state.respond = async () => {
      const response = responses[stage.requests.length - 1];
      await response?.promise;
      return ok(new Response(response?.text));
    };
    stage.requests.length = 0;
    /** Starts to load, up to the request to the origin. */
    const begin = async () => {
      const loading = stage.load(ann, path);
      await new Promise((done) => setTimeout(done, 0));
      return { loading };
    };
    return { ...stage, begin, respond: (request: number) => responses[request]?.resolve() };
  }

  it.each([
    ["live", live, 1],
    ["unchanging", media, 10],
  ])("is loaded once while all others get the old version: %s", async (_, text, age) => {
    const stage = await waiting(text);
    stage.state.now = timeAfter(now, seconds(age));
    const { loading } = await stage.begin();
    const others = await Promise.all(viewers(40).map((viewer) => stage.text(viewer, path)));
    for (const other of others) expect(other).toContain("\n0.ts?seg=");
    expect(stage.requests).toHaveLength(1);
    stage.respond(0);
    expect(await textOf(await loading)).toContain("\nnew.ts?seg=");
    expect(await stage.text(ann, path)).toContain("\nnew.ts?seg=");
  });

  it("is loaded by another request if there is no response", async () => {
    const stage = await waiting(media);
    stage.state.now = timeAfter(now, seconds(10));
    await stage.begin();
    stage.state.now = timeAfter(now, seconds(11));
    await stage.begin();
    expect(stage.requests).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(12));
    await stage.begin();
    expect(stage.requests).toHaveLength(2);
  });

  it("is not used after 3 s if it is live, and a late response does not replace a newer one", async () => {
    const stage = await waiting(live);
    stage.state.now = timeAfter(now, seconds(2));
    const first = await stage.begin();
    expect(await stage.text(ann, path)).toContain("\n0.ts?seg=");
    stage.state.now = timeAfter(now, seconds(3));
    const second = await stage.begin();
    stage.respond(1);
    expect(await textOf(await second.loading)).toContain("\nnewer.ts?seg=");
    // The response to the older request comes last and does not replace the newer one.
    stage.respond(0);
    await first.loading;
    expect(await stage.text(ann, path)).toContain("\nnewer.ts?seg=");
  });

  it("is not used after the origin has said that it is gone", async () => {
    const stage = await playlistStage({ [file]: media });
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(10));
    stage.state.respond = async () => ({ ok: false, refusal: { code: "object_unknown", reason: "gone" } });
    for (const viewer of [ann, ...viewers(2)])
      expect(await stage.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "object_unknown" } });
  });
});

describe("the isolate's shelf", () => {
  const long = (name: string) =>
    media.replace("0.ts\n", Array.from({ length: 1000 }, (_, i) => `${name}-${i}.ts\n#EXTINF:6,\n`).join(""));
  const names = ["a", "b", "c"];
  const files = Object.fromEntries(names.map((name) => [`film/${name}.m3u8`, long(name)]));

  it("drops the least recently used playlist, which is then requested from the origin again", async () => {
    const stage = await playlistStage(files, 1_200_000);
    for (const name of ["a", "b", "a", "c", "a", "b"]) await stage.text(ann, `${name}.m3u8`);
    expect(stage.requests.map((request) => request.path)).toEqual(["a.m3u8", "b.m3u8", "c.m3u8", "b.m3u8"]);
  });

  it("counts renderings", async () => {
    const stage = await playlistStage(files, 1_200_000);
    // Renderings for one viewer are not kept. Without them there is room for all three.
    stage.state.assets = [assetOf("film", { segmentSignature: "session" })];
    for (const name of [...names, ...names]) await stage.text(ann, `${name}.m3u8`);
    expect(stage.requests).toHaveLength(3);
  });

  it("keeps no playlist that is heavier than its capacity, and serves it all the same", async () => {
    const stage = await playlistStage(files, 20_000);
    const first = await stage.text(ann, "a.m3u8");
    expect(await stage.text(ann, "a.m3u8")).toBe(first);
    expect(stage.requests).toHaveLength(2);
  });
});
