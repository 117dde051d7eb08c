import { inShaka, keepFresh } from "@stagedoor/player";
import shaka from "shaka-player";
import { mayRetry, readRefusal } from "../shared/refusals.ts";
import { type Play, startStream } from "../shared/stream.ts";

export const play: Play = async (video, { onStop, ...options }) => {
  const stream = await startStream(options);
  const fresh = keepFresh(stream);
  const player = new shaka.Player();
  await player.attach(video);
  inShaka(fresh, player);
  const onError = ({ code, severity, data }: shaka.util.Error) => {
    const headers = code === shaka.util.Error.Code.BAD_HTTP_STATUS ? data[3] : {};
    const refusal = readRefusal((name) => headers[name.toLowerCase()]);
    const fatal = severity === shaka.util.Error.Severity.CRITICAL;
    if (fatal || (refusal && !mayRetry(refusal))) onStop(refusal);
  };
  player.addEventListener("error", (event) => onError(Reflect.get(event, "detail")));
  player.load(stream.manifestUrl).catch(onError);
  return () => {
    void player.destroy();
    fresh.stop();
    void stream.end();
  };
};
