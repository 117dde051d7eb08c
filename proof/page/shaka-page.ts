import type shakaType from "shaka-player";
import { inShaka } from "../../packages/player/keep-fresh.ts";
import { exposeControls } from "./page-controls.ts";
import { helperFor } from "./renewing-urls.ts";

declare global {
  interface Window {
    shaka: typeof shakaType;
  }
}

const { shaka } = window;
let player: shakaType.Player | undefined;

exposeControls({
  async load(video, url, { ahead, lowLatency = false, helper }, onFatal) {
    shaka.polyfill.installAll();
    player = new shaka.Player();
    await player.attach(video);
    player.configure({
      streaming: {
        lowLatencyMode: lowLatency,
        ...(ahead === undefined ? {} : { bufferingGoal: ahead, bufferBehind: 0 }),
      },
    });
    if (helper !== undefined) inShaka(helperFor(url, helper), player);
    player.addEventListener("error", (event) => {
      const detail: unknown = Reflect.get(event, "detail");
      if (detail instanceof shaka.util.Error && detail.severity === shaka.util.Error.Severity.CRITICAL)
        onFatal(`${detail.code} ${detail.data.filter((item: unknown) => typeof item === "number").join(" ")}`);
    });
    await player.load(url);
  },
  chooseVariant(index) {
    if (player === undefined) return;
    player.configure({ abr: { enabled: false } });
    // There is one track per height and language. The height is what this chooses.
    const tracks = player.getVideoTracks().toSorted((one, other) => (one.height ?? 0) - (other.height ?? 0));
    const track = tracks[index];
    if (track !== undefined) player.selectVideoTrack(track, true, 3);
  },
  chooseTracks({ audio, subtitles }) {
    if (player === undefined) return;
    const audioTrack = player.getAudioTracks().find(({ language }) => language === audio);
    if (audioTrack !== undefined) player.selectAudioTrack(audioTrack);
    if (subtitles === undefined) return;
    const track = player.getTextTracks().find(({ language }) => language === subtitles);
    if (track !== undefined) player.selectTextTrack(track);
  },
  shownAt: () => player?.getPlayheadTimeAsDate()?.getTime(),
});
