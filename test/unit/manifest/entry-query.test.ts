import { describe, expect, it } from "vitest";
import { after, seconds } from "../../../src/base/time.ts";
import { asset, opened, sessionService } from "../sessions/session-service.ts";
import { in5Minutes } from "../signing/session.ts";
import { assetOf, playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const entry = "index.m3u8?DVR&auth=t-1";
const query = "DVR&auth=t-1";

const multivariant = `#EXTM3U
#EXT-X-DEFINE:QUERYPARAM="auth"
#EXT-X-STREAM-INF:BANDWIDTH=900000
low.m3u8?auth={$auth}
`;
const live = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n0.ts\n";

async function stageOf(files: Readonly<Record<string, string>>) {
  const stage = await playlistStage(files);
  stage.state.assets = [assetOf("film", { entry })];
  return stage;
}

describe("an entry with a query", () => {
  it("is in the manifest URL, which is signed with its query", async () => {
    const stage = await sessionService({ assets: [asset("film", { entry })] });
    const { manifestUrl } = opened(await stage.start());
    expect(manifestUrl).toContain(`/film/index.m3u8?${query}&list=`);
  });

  it("is at an alias if its query is not canonical, and is requested from the origin as written", async () => {
    const odd = "index.m3u8?start=20:00&auth=t/1";
    const sessions = await sessionService({ assets: [asset("film", { entry: odd })] });
    const { manifestUrl } = opened(await sessions.start());
    const [, alias = ""] = /\/film\/(~\/[\w-]+\.m3u8)\?list=/.exec(manifestUrl) ?? [];
    const stage = await stageOf({ [`film/${odd}`]: multivariant });
    stage.state.assets = [assetOf("film", { entry: odd })];
    const text = await stage.text(ann, alias, { expiry: in5Minutes });
    expect(text).toContain('#EXT-X-DEFINE:NAME="auth",VALUE="t/1"');
    expect(text).toMatch(/\n[\w-]+\.m3u8\?list=/);
    expect(stage.requests.map((request) => `${request.path}?${request.query}`)).toEqual([odd]);
    stage.put(`film/${odd}`, live);
    stage.state.now = after(stage.state.now, seconds(60));
    const wrapped = await stage.text(ann, alias, { expiry: in5Minutes });
    expect(wrapped).toContain("#EXT-X-STREAM-INF");
    expect(wrapped).toContain(`\n${alias.slice(2)}?list=`);
  });

  it("is requested from the origin with its query, which also resolves QUERYPARAM", async () => {
    const stage = await stageOf({ [`film/${entry}`]: multivariant });
    const text = await stage.text(ann, "index.m3u8", { query, expiry: in5Minutes });
    expect(text).toContain("\nlow.m3u8?auth=t-1&list=");
    expect(stage.requests.map((request) => `${request.path}?${request.query}`)).toEqual([entry]);
  });

  it("is a different playlist from the same path with another query, or with none", async () => {
    const stage = await stageOf({ [`film/${entry}`]: live, "film/index.m3u8": live });
    expect(await stage.text(ann, "index.m3u8", { query, expiry: in5Minutes })).toContain("#EXT-X-STREAM-INF");
    expect(await stage.text(ann, "index.m3u8", { expiry: in5Minutes })).toContain("#EXTINF");
  });

  it("is wrapped, if it is live, in a multivariant playlist that links to it with its query", async () => {
    const stage = await stageOf({ [`film/${entry}`]: live });
    const text = await stage.text(ann, "index.m3u8", { query, expiry: in5Minutes });
    expect(text).toMatch(/\nindex\.m3u8\?DVR&auth=t-1&list=\d+\.[\w-]{22}\n$/);
  });

  it("provides its variables to the playlists that import them", async () => {
    const low = live.replace("#EXTINF", '#EXT-X-DEFINE:IMPORT="auth"\n#EXTINF').replace("0.ts", "0.ts?auth={$auth}");
    const stage = await stageOf({ [`film/${entry}`]: multivariant, "film/low.m3u8?auth=t-1": low });
    expect(await stage.text(ann, "low.m3u8", { query: "auth=t-1" })).toContain("\n0.ts?auth=t-1&seg=");
  });

  it("is requested with delivery directives after its query", async () => {
    const blocking = live.replace("#EXTINF", "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n#EXTINF");
    const next = `${blocking}#EXTINF:4,\n1.ts\n`;
    const stage = await stageOf({ [`film/${entry}`]: blocking, [`film/${entry}&_HLS_msn=1`]: next });
    await stage.text(ann, "index.m3u8", { query });
    expect(await stage.text(ann, "index.m3u8", { query, appended: "&_HLS_msn=1" })).toContain("1.ts?seg=");
  });
});
