import type { OpenOptions } from "../player.ts";

/** What differs between the players of a page. */
export interface Adapter {
  load(
    video: HTMLVideoElement,
    url: string,
    options: OpenOptions,
    gaveUp: (what: string) => void,
  ): Promise<void> | void;
  chooseVariant?(index: number): void;
  chooseTracks?(tracks: { readonly audio?: string; readonly subtitles?: string }): void;
  /** Text tracks that the player keeps beside those of the video element. */
  textTracks?(): TextTrackList | undefined;
  /** The wall-clock time of what is shown now, in milliseconds, of EXT-X-PROGRAM-DATE-TIME. */
  shownAt?(): number | undefined;
}
