import type { OpenOptions, PlayerState } from "../player.ts";
import { listenForCues, observeVideo, type VideoState } from "./observe-video.ts";
import type { Adapter } from "./player-adapter.ts";

/** The functions that the harness calls in a page. */
interface PageControls {
  open(url: string, options: OpenOptions): Promise<void>;
  play(): Promise<void>;
  pause(): void;
  seek(time: number): void;
  state(): PlayerState;
  chooseVariant(index: number): void;
  chooseTracks(tracks: { readonly audio?: string; readonly subtitles?: string }): void;
}

declare global {
  interface Window {
    controls: PageControls;
  }
}

/** Makes a player controllable from outside the page, as `window.controls`. */
export function exposeControls(adapter: Adapter): void {
  const original = document.querySelector("video");
  if (original === null) throw new Error("the page has no video");
  // A player may replace the page's video element with its own.
  const video = () => document.querySelector("video") ?? original;
  const fatal: string[] = [];
  const cues = new Set<string>();
  let videoState: (() => VideoState) | undefined;
  window.controls = {
    async open(url, options) {
      videoState = observeVideo(original, fatal, cues);
      original.addEventListener("error", () =>
        fatal.push(`media error ${original.error?.code}: ${original.error?.message}`),
      );
      await adapter.load(original, url, options, (error) => fatal.push(error));
      const own = adapter.textTracks?.();
      if (own !== undefined) listenForCues(own, cues);
      await original.play();
    },
    play: () => video().play(),
    pause: () => video().pause(),
    seek(time) {
      video().currentTime = time;
    },
    state() {
      if (videoState === undefined) throw new Error("no stream was opened");
      const shownAt = adapter.shownAt?.();
      // Without EXT-X-PROGRAM-DATE-TIME, a player may report a time in 1970.
      const isDated = shownAt !== undefined && shownAt > 1e12;
      return { ...videoState(), latency: isDated ? Date.now() - shownAt : undefined };
    },
    chooseVariant(index) {
      adapter.chooseVariant?.(index);
    },
    chooseTracks(tracks) {
      adapter.chooseTracks?.(tracks);
    },
  };
}
