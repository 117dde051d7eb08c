import { describe, expect, it } from "vitest";
import { bytesText } from "../../../src/base/lossless-text.ts";
import { ok } from "../../../src/base/result.ts";
import { seconds, after as timeAfter } from "../../../src/base/time.ts";
import { in5Minutes } from "../signing/session.ts";
import { playlistStage, type Viewer } from "./playlist-stage.ts";

/** Latin-1 in one line and UTF-8 in another, with one byte order mark more than text readers drop. */
const head = "\uFEFF\uFEFF#EXTM3U\n# Fran\uDCE7ais, fran\u00e7ais\n";
const multivariant = `${head}#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="Fran\uDCE7ais",URI="audio/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1000,AUDIO="a"
low/index.m3u8
`;
const media = `${head}#EXT-X-TARGETDURATION:6\n#EXTINF:6,\uDCC9t\uDCE9\n0.ts\n#EXT-X-ENDLIST\n`;

async function stageOf() {
  const assets = ["film", "premiere", "cloud"];
  const files = assets.flatMap((asset) => [
    [`${asset}/index.m3u8`, multivariant],
    [`${asset}/low/index.m3u8`, media],
  ]);
  return playlistStage(Object.fromEntries(files));
}

async function bytesOf(stage: Awaited<ReturnType<typeof stageOf>>, viewer: Viewer, rest: string, method?: "HEAD") {
  const result = await stage.load(viewer, rest, method === undefined ? {} : { method });
  if (!result.ok) throw new Error(result.refusal.reason);
  const body = new Uint8Array(await result.value.arrayBuffer());
  return { text: bytesText(body), size: body.length, length: result.value.headers.get("Content-Length") };
}

const withoutSignatures = (text: string) =>
  text.replaceAll(/\?(?:list|seg)=[\d.\w-]+/g, "").replaceAll(/https:.*?\/low\/(0\.ts)\?.*/g, "$1");

describe("bytes of an origin that are not UTF-8", () => {
  it.each(["film", "premiere", "cloud"])("stay unchanged in every way a playlist is rendered: %s", async (asset) => {
    const stage = await stageOf();
    for (const name of ["ann", "bob", "ann"]) {
      const entry = await bytesOf(stage, { name, asset }, "index.m3u8");
      expect(entry.text).toContain("low/index.m3u8?list=");
      expect(withoutSignatures(entry.text)).toBe(multivariant);
      const low = await bytesOf(stage, { name, asset }, "low/index.m3u8");
      expect(withoutSignatures(low.text)).toBe(media);
      expect(low.text).not.toBe(media);
    }
  });

  it("stay unchanged in a live playlist, its versions and the multivariant one around it", async () => {
    const stage = await stageOf();
    const live = (last: number) => media.replace("0.ts", `${last}.ts`).replace("#EXT-X-ENDLIST\n", "");
    for (const last of [1, 2]) {
      stage.put("film/low/index.m3u8", live(last));
      stage.state.now = timeAfter(stage.state.now, seconds(2));
      expect(withoutSignatures((await bytesOf(stage, { name: "ann" }, "low/index.m3u8")).text)).toBe(live(last));
    }
    stage.put("film/index.m3u8", live(3));
    expect(await stage.text({ name: "ann" }, "index.m3u8", { expiry: in5Minutes })).toContain("#EXT-X-STREAM-INF:");
  });

  it("are counted in the Content-Length of HEAD", async () => {
    const stage = await stageOf();
    for (const rest of ["index.m3u8", "low/index.m3u8"]) {
      const [get, head] = [
        await bytesOf(stage, { name: "ann" }, rest),
        await bytesOf(stage, { name: "ann" }, rest, "HEAD"),
      ];
      expect(head.length).toBe(String(get.size));
    }
  });

  it("stay unchanged however the body is split into chunks", async () => {
    const bytes = Uint8Array.from(
      [..."#EXTM3U\n# \u00e9\u{1F600}\uFEFF\n"].flatMap((c) => [...new TextEncoder().encode(c)]),
    );
    for (const [body, at] of [bytes, Uint8Array.of(...bytes, 0x23, 0xe7, 0x0a)].flatMap((body) =>
      Array.from(body, (_, at) => [body, at] as const),
    )) {
      const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
        start(controller) {
          controller.enqueue(body.slice(0, at));
          controller.enqueue(body.slice(at));
          controller.close();
        },
      });
      const stage = await stageOf();
      stage.state.respond = async () => ok(new Response(stream));
      expect((await bytesOf(stage, { name: "ann" }, "low/index.m3u8")).text).toBe(bytesText(body));
    }
  });
});
