import Hls from "hls.js";
import { observingLoader } from "./observing-loader.ts";
import type { Watch } from "./watched-request.ts";

export interface PlayerEvents {
  readonly watch: Watch;
  /** Shows the state of playback in words. */
  readonly say: (words: string, tone?: "bad") => void;
  readonly tracks: (player: Hls) => void;
}

let player: Hls | undefined;

/** Plays a manifest URL in `video`, instead of the current stream. */
export function play(video: HTMLVideoElement, manifestUrl: string, events: PlayerEvents): void {
  stop(video);
  if (!Hls.isSupported()) {
    playNatively(video, manifestUrl, events);
    return;
  }
  player = new Hls({
    loader: observingLoader(events.watch),
    enableWorker: false,
    // With a short buffer, requests come one by one during playback, and signatures expire during a pause.
    maxBufferLength: 8,
    maxMaxBufferLength: 8,
    backBufferLength: 8,
  });
  const playing = player;
  playing.on(Hls.Events.MANIFEST_PARSED, () => start(video, events));
  playing.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => events.tracks(playing));
  playing.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, () => events.tracks(playing));
  playing.on(Hls.Events.ERROR, (_, { fatal, details, response }) => {
    const code = response?.code ?? 0;
    if (fatal) events.say(`Playing stopped (${details}${code === 0 ? "" : `, ${code}`}).`, "bad");
    else if (code >= 400) events.say("The media host refused a request; the player continues with its buffer.", "bad");
  });
  playing.loadSource(manifestUrl);
  playing.attachMedia(video);
}

/** Stops playback and all its requests. */
export function stop(video: HTMLVideoElement): void {
  player?.destroy();
  player = undefined;
  video.removeAttribute("src");
  video.load();
}

function playNatively(video: HTMLVideoElement, manifestUrl: string, events: PlayerEvents): void {
  if (video.canPlayType("application/vnd.apple.mpegurl") === "") {
    events.say("This browser supports neither Media Source Extensions nor native HLS.", "bad");
    return;
  }
  video.src = manifestUrl;
  start(video, events);
  events.say("This browser plays HLS natively, so its requests are not listed.");
}

function start(video: HTMLVideoElement, events: PlayerEvents): void {
  video.play().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "NotAllowedError")
      events.say("Ready. Press play in the video: the browser requires it.");
  });
}
