import type { OpenOptions } from "../player.ts";

/** The differences between the players of a page. */
export interface Adapter {
  load(
    video: HTMLVideoElement,
    url: string,
    options: OpenOptions,
    onFatal: (error: string) => void,
  ): Promise<void> | void;
  chooseVariant?(index: number): void;
  chooseTracks?(tracks: { readonly audio?: string; readonly subtitles?: string }): void;
  /** Text tracks of the player, in addition to those of the video element. */
  textTracks?(): TextTrackList | undefined;
  /** The wall-clock time of the current picture by EXT-X-PROGRAM-DATE-TIME, in milliseconds. */
  shownAt?(): number | undefined;
}
