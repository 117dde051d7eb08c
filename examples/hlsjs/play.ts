import { inHls, keepFresh } from "@stagedoor/player";
import Hls from "hls.js";
import { mayRetry, readRefusal } from "../shared/refusals.ts";
import { type Play, startStream } from "../shared/stream.ts";
import { playNatively } from "./native.ts";

export const play: Play = async (video, { onStop, ...options }) => {
  if (!Hls.isSupported()) return playNatively(video, { onStop, ...options });
  const stream = await startStream(options);
  const fresh = keepFresh(stream);
  const hls = new Hls(inHls(fresh));
  hls.loadSource(stream.manifestUrl);
  hls.attachMedia(video);
  hls.on(Hls.Events.ERROR, (_event, { fatal, networkDetails: xhr }) => {
    const refusal = xhr instanceof XMLHttpRequest ? readRefusal((name) => xhr.getResponseHeader(name)) : undefined;
    if (fatal || (refusal && !mayRetry(refusal))) onStop(refusal);
  });
  return () => {
    hls.destroy();
    fresh.stop();
    void stream.end();
  };
};
