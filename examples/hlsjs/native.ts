import { type Play, startStream } from "../shared/stream.ts";

/** For browsers without Media Source Extensions, such as Safari on iPhones before iOS 17.1: they play HLS themselves. */
export const playNatively: Play = async (video, { onStop, ...options }) => {
  const stream = await startStream(options);
  video.src = stream.manifestUrl;
  // The browser shows neither status nor headers, and may only stall: the API says why.
  const onWaiting = async () => {
    const refusal = await stream.refusal();
    if (refusal) onStop(refusal);
  };
  const onError = async () => onStop(await stream.refusal());
  video.addEventListener("waiting", onWaiting);
  video.addEventListener("error", onError);
  return () => {
    video.removeEventListener("waiting", onWaiting);
    video.removeEventListener("error", onError);
    video.removeAttribute("src");
    video.load();
    void stream.end();
  };
};
