import { spawnSync } from "node:child_process";
import { describe, expect, inject, it } from "vitest";
import { startStream } from "../cluster/start-stream.ts";

const cluster = inject("usual");
const installed = spawnSync("ffmpeg", ["-version"]).status === 0;
const atCloudFront = ["vod-cloudfront", "vod-cloudfront-ec", "vod-cloudfront-function"];
const playable = ["vod-ts", "vod-fmp4", "vod-aes", "vod-tracks", "vod-single", ...atCloudFront];

// No npm package brings ffmpeg. On a machine without it, only the browser plays these streams.
describe.skipIf(!installed)("ffmpeg, if it is installed,", () => {
  it.each(playable)("plays %s to its end from the returned URL", async (asset) => {
    const { manifestUrl } = await startStream(cluster, asset);
    // ffmpeg skips what it cannot load and still exits with 0: only its messages and its frame count tell.
    const run = spawnSync(
      "ffmpeg",
      ["-nostdin", "-v", "error", "-stats", "-i", manifestUrl, "-map", "0:v:0", "-f", "null", "-"],
      { encoding: "utf8" },
    );
    const lines = run.stderr.split(/[\r\n]+/).filter((line) => line !== "");
    expect(lines.filter((line) => !line.startsWith("frame="))).toEqual([]);
    expect(lines.at(-1)).toMatch(/^frame=\s*600 .*time=00:00:24\.00/);
  });
});
