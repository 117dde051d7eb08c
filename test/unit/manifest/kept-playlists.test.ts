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

describe("a compiled playlist is served only if compiling would give the same again", () => {
  const abroad = media.replace("0.ts", "https://ads.example/0.ts\n#EXTINF:6,\n1.ts");
  const master = (folder: string) =>
    `#EXTM3U\n#EXT-X-DEFINE:NAME="folder",VALUE="${folder}"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n${path}\n`;
  const importing = media
    .replace("#EXTINF", '#EXT-X-DEFINE:IMPORT="folder"\n#EXTINF')
    .replace("0.ts", "{$folder}/0.ts");

  it.each([
    ["another id", media, "renamed", {}],
    [
      "another session length",
      `${media.slice(0, -15)}#EXT-X-DATERANGE:ID="a",X-ASSET-LIST="a.json"\n`,
      "film",
      { session: 600 },
    ],
    ["a host more", abroad, "film", { allowedHosts: ["ads.example", "more.example"] }],
  ])("%s", async (_, text, id, fields) => {
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
    expect(stage.asked).toHaveLength(1); // the text is the same, whatever the catalog says of it
  });

  it("a host that the asset does not allow any more", async () => {
    const stage = await playlistStage({ [file]: abroad });
    stage.state.assets = [assetOf("film", { allowedHosts: ["ads.example"] })];
    await stage.text(ann, path);
    stage.state.assets = [assetOf("film")];
    expect(await stage.load(ann, path)).toMatchObject({ ok: false, refusal: { code: "uri_foreign" } });
  });

  it("an imported variable, though the playlist that imports it stays the same", async () => {
    const stage = await playlistStage({ "film/index.m3u8": master("take-1"), [file]: importing });
    expect(await stage.text(ann, path)).toContain("\ntake-1/0.ts?seg=");
    stage.put("film/index.m3u8", master("take-2"));
    stage.state.now = timeAfter(now, seconds(10));
    expect(await stage.text(ann, path)).toContain("\ntake-2/0.ts?seg=");
    const asked = stage.asked.length;
    await stage.text(ann, path);
    expect(stage.asked).toHaveLength(asked);
  });

  it("another distribution, within the same step", async () => {
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

  /** A stage whose playlist was loaded at `now`, and whose origin then answers when it is told to. */
  async function waiting(text: string) {
    const stage = await playlistStage({ [file]: text });
    await stage.text(ann, path);
    const answers = ["new", "newer"].map((name) => ({
      text: live.replace("0.ts", `${name}.ts`),
      ...Promise.withResolvers<void>(),
    }));
    stage.state.answer = async () => {
      const answer = answers[stage.asked.length - 1];
      await answer?.promise;
      return ok(new Response(answer?.text));
    };
    stage.asked.length = 0;
    /** Begins to load, up to the question to the origin; and the origin's answer to its n-th question. */
    const begin = async () => {
      const loading = stage.load(ann, path);
      await new Promise((done) => setTimeout(done, 0));
      return { loading };
    };
    return { ...stage, begin, answer: (question: number) => answers[question]?.resolve() };
  }

  it.each([
    ["live", live, 1],
    ["standing still", media, 10],
  ])("is asked for once, and given meanwhile to all others: %s", async (_, text, age) => {
    const stage = await waiting(text);
    stage.state.now = timeAfter(now, seconds(age));
    const { loading } = await stage.begin();
    const others = await Promise.all(viewers(40).map((viewer) => stage.text(viewer, path)));
    for (const other of others) expect(other).toContain("\n0.ts?seg=");
    expect(stage.asked).toHaveLength(1);
    stage.answer(0);
    expect(await textOf(await loading)).toContain("\nnew.ts?seg=");
    expect(await stage.text(ann, path)).toContain("\nnew.ts?seg=");
  });

  it("is asked for by another one where the answer stays out", async () => {
    const stage = await waiting(media);
    stage.state.now = timeAfter(now, seconds(10));
    await stage.begin();
    stage.state.now = timeAfter(now, seconds(11));
    await stage.begin();
    expect(stage.asked).toHaveLength(1);
    stage.state.now = timeAfter(now, seconds(12));
    await stage.begin();
    expect(stage.asked).toHaveLength(2);
  });

  it("is given to nobody 3 s after it was the last version of a live stream", async () => {
    const stage = await waiting(live);
    stage.state.now = timeAfter(now, seconds(2));
    const first = await stage.begin();
    expect(await stage.text(ann, path)).toContain("\n0.ts?seg=");
    stage.state.now = timeAfter(now, seconds(3));
    const second = await stage.begin();
    stage.answer(1);
    expect(await textOf(await second.loading)).toContain("\nnewer.ts?seg=");
    // The answer to the older question comes last: it does not take the newer one's place.
    stage.answer(0);
    await first.loading;
    expect(await stage.text(ann, path)).toContain("\nnewer.ts?seg=");
  });

  it("is given to nobody once the origin said that it is gone", async () => {
    const stage = await playlistStage({ [file]: media });
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(10));
    stage.state.answer = async () => ({ ok: false, refusal: { code: "object_unknown", reason: "gone" } });
    for (const viewer of [ann, ...viewers(2)])
      expect(await stage.load(viewer, path)).toMatchObject({ ok: false, refusal: { code: "object_unknown" } });
  });
});

describe("what an isolate keeps", () => {
  const long = (name: string) =>
    media.replace("0.ts\n", Array.from({ length: 1000 }, (_, i) => `${name}-${i}.ts\n#EXTINF:6,\n`).join(""));
  const names = ["a", "b", "c"];
  const files = Object.fromEntries(names.map((name) => [`film/${name}.m3u8`, long(name)]));

  it("is bounded: the playlist that was not asked for the longest leaves, and is asked of the origin again", async () => {
    const stage = await playlistStage(files, 1_200_000);
    for (const name of ["a", "b", "a", "c", "a", "b"]) await stage.text(ann, `${name}.m3u8`);
    expect(stage.asked.map((request) => request.path)).toEqual(["a.m3u8", "b.m3u8", "c.m3u8", "b.m3u8"]);
  });

  it("counts what was rendered", async () => {
    const stage = await playlistStage(files, 1_200_000);
    // What is made for one viewer is not kept: without it there is room for all three.
    stage.state.assets = [assetOf("film", { segmentSignature: "session" })];
    for (const name of [...names, ...names]) await stage.text(ann, `${name}.m3u8`);
    expect(stage.asked).toHaveLength(3);
  });

  it("holds no playlist that is heavier than all may be together, and gives it out all the same", async () => {
    const stage = await playlistStage(files, 20_000);
    const first = await stage.text(ann, "a.m3u8");
    expect(await stage.text(ann, "a.m3u8")).toBe(first);
    expect(stage.asked).toHaveLength(2);
  });
});
