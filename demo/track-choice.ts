import type Hls from "hls.js";
import { elementById } from "./element.ts";

const choices = elementById("tracks", HTMLElement);
const audio = elementById("audio", HTMLSelectElement);
const subtitles = elementById("subtitles", HTMLSelectElement);

/** Offers the audio and subtitle tracks of the stream, if there is a choice. */
export function offerTracks(player: Hls): void {
  fill(
    audio,
    player.audioTracks.map(({ name }) => name),
    player.audioTrack,
  );
  fill(subtitles, ["Off", ...player.subtitleTracks.map(({ name }) => name)], player.subtitleTrack + 1);
  choices.hidden = player.audioTracks.length < 2 && player.subtitleTracks.length === 0;
  audio.onchange = () => {
    player.audioTrack = audio.selectedIndex;
  };
  subtitles.onchange = () => {
    player.subtitleTrack = subtitles.selectedIndex - 1;
    player.subtitleDisplay = subtitles.selectedIndex > 0;
  };
}

export function hideTracks(): void {
  choices.hidden = true;
}

function fill(select: HTMLSelectElement, names: readonly string[], chosen: number): void {
  select.replaceChildren(...names.map((name, index) => new Option(name, String(index), false, index === chosen)));
}
