import type HlsType from "hls.js";
import { inHls } from "../../packages/player/keep-fresh.ts";
import { exposeControls } from "./page-controls.ts";
import { helperFor } from "./renewing-urls.ts";

declare global {
  interface Window {
    Hls: typeof HlsType;
  }
}

const { Hls } = window;
let hls: HlsType | undefined;

exposeControls({
  load(video, url, { ahead, lowLatency = false, helper }, onFatal) {
    const fresh = helper === undefined ? undefined : helperFor(url, helper);
    hls = new Hls({
      lowLatencyMode: lowLatency,
      ...(ahead === undefined ? {} : { maxBufferLength: ahead, maxMaxBufferLength: ahead, backBufferLength: 0 }),
      ...(fresh === undefined ? {} : inHls(fresh)),
    });
    hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
      if (fatal) onFatal(details);
    });
    hls.loadSource(url);
    hls.attachMedia(video);
  },
  chooseVariant(index) {
    if (hls !== undefined) hls.nextLevel = index;
  },
  chooseTracks({ audio, subtitles }) {
    if (hls === undefined) return;
    if (audio !== undefined) hls.audioTrack = hls.audioTracks.findIndex(({ lang }) => lang === audio);
    if (subtitles !== undefined) hls.subtitleTrack = hls.subtitleTracks.findIndex(({ lang }) => lang === subtitles);
  },
  shownAt: () => hls?.playingDate?.getTime(),
});
