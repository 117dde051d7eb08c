import type { OpenOptions, PlayerState } from "../player.ts";
import { listenForCues, type Watched, watch } from "./observe-video.ts";
import type { Adapter } from "./player-adapter.ts";

/** What the harness calls in a page. */
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

/** Makes a player controllable from outside the page: `window.controls`. */
export function exposeControls(adapter: Adapter): void {
  const found = document.querySelector("video");
  if (found === null) throw new Error("the page has no video");
  // A player may put a video of its own in the place of the page's.
  const video = () => document.querySelector("video") ?? found;
  const fatal: string[] = [];
  const cues = new Set<string>();
  let watched: (() => Watched) | undefined;
  window.controls = {
    async open(url, options) {
      watched = watch(found, fatal, cues);
      found.addEventListener("error", () => fatal.push(`media error ${found.error?.code}: ${found.error?.message}`));
      await adapter.load(found, url, options, (what) => fatal.push(what));
      const own = adapter.textTracks?.();
      if (own !== undefined) listenForCues(own, cues);
      await found.play();
    },
    play: () => video().play(),
    pause: () => video().pause(),
    seek(time) {
      video().currentTime = time;
    },
    state() {
      if (watched === undefined) throw new Error("nothing was opened");
      const shownAt = adapter.shownAt?.();
      // A film without EXT-X-PROGRAM-DATE-TIME is said to be shown in 1970.
      const isDated = shownAt !== undefined && shownAt > 1e12;
      return { ...watched(), latency: isDated ? Date.now() - shownAt : undefined };
    },
    chooseVariant(index) {
      adapter.chooseVariant?.(index);
    },
    chooseTracks(tracks) {
      adapter.chooseTracks?.(tracks);
    },
  };
}
