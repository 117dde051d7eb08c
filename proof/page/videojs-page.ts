import type videojsType from "video.js";
import { inVideoJs } from "../../packages/player/keep-fresh.ts";
import { exposeControls } from "./page-controls.ts";
import { helperFor } from "./renewing-urls.ts";

interface VhsSegment {
  readonly start?: number;
  readonly end?: number;
  readonly dateTimeObject?: Date;
}

/** The parts of VHS that its types lack. */
interface Vhs {
  representations(): { readonly bandwidth: number; enabled(on?: boolean): boolean }[];
  readonly playlists: { media(): { readonly segments: readonly VhsSegment[] } | undefined };
}

declare global {
  interface Window {
    videojs: typeof videojsType;
  }
}

const { videojs } = window;
let player: ReturnType<typeof videojs> | undefined;

function vhs(): Vhs | undefined {
  return Object(player?.tech(true)).vhs;
}

exposeControls({
  async load(video, url, { ahead, lowLatency = false, helper }, onFatal) {
    if (ahead !== undefined) {
      const settings = Object(Reflect.get(videojs, "Vhs"));
      Object.assign(settings, { GOAL_BUFFER_LENGTH: ahead, MAX_GOAL_BUFFER_LENGTH: ahead, BACK_BUFFER_LENGTH: 1 });
    }
    // The video element stays the page's own. VHS needs only playsinline and a class.
    player = videojs(video, {
      autoplay: false,
      html5: {
        nativeAudioTracks: false,
        nativeVideoTracks: false,
        nativeTextTracks: false,
        vhs: { overrideNative: true, llhls: lowLatency, useBandwidthFromLocalStorage: false },
      },
    });
    if (helper !== undefined) inVideoJs(helperFor(url, helper), player);
    player.on("error", () => onFatal(String(player?.error()?.message)));
    player.src({ src: url, type: "application/vnd.apple.mpegurl" });
    await new Promise<void>((resolve) => player?.one("loadstart", () => resolve()));
    await player.play();
  },
  chooseVariant(index) {
    const all = vhs()
      ?.representations()
      .toSorted((one, other) => one.bandwidth - other.bandwidth);
    for (const [number, representation] of (all ?? []).entries()) representation.enabled(number === index);
  },
  chooseTracks({ audio, subtitles }) {
    const all = Object(player);
    for (const track of Array.from<{ language: string; enabled: boolean }>(all.audioTracks()))
      if (track.language === audio) track.enabled = true;
    for (const track of Array.from<TextTrack>(all.textTracks()))
      if (track.kind === "subtitles") track.mode = track.language === subtitles ? "showing" : "disabled";
  },
  textTracks: () => Object(player).textTracks(),
  shownAt() {
    const time = player?.currentTime() ?? 0;
    const segments = vhs()?.playlists.media()?.segments ?? [];
    const segment = segments.find(
      ({ start, end }) => start !== undefined && end !== undefined && start <= time && time < end,
    );
    const { start, dateTimeObject } = segment ?? {};
    if (start === undefined || dateTimeObject === undefined) return undefined;
    return dateTimeObject.getTime() + (time - start) * 1000;
  },
});
