import { inVideoJs, keepFresh } from "@stagedoor/player";
import videojs from "video.js";
import { mayRetry, readRefusal } from "../shared/refusals.ts";
import { type Play, startStream } from "../shared/stream.ts";

export const play: Play = async (video, { onStop, ...options }) => {
  const stream = await startStream(options);
  const fresh = keepFresh(stream);
  video.className = "video-js";
  const player = videojs(video, { fill: true, html5: { vhs: { overrideNative: true } } });
  inVideoJs(fresh, player);
  const onResponse = (_request: unknown, _error: unknown, { headers = {} }: VhsResponse) => {
    const refusal = readRefusal((name) => headers[name.toLowerCase()]);
    if (refusal && !mayRetry(refusal)) onStop(refusal);
  };
  player.on("xhr-hooks-ready", () => Object(player.tech(true)).vhs.xhr.onResponse(onResponse));
  player.on("error", () => onStop(undefined));
  player.src({ src: stream.manifestUrl, type: "application/x-mpegURL" });
  return () => {
    player.dispose();
    fresh.stop();
    void stream.end();
  };
};

interface VhsResponse {
  readonly headers?: Readonly<Record<string, string>>;
}
