import Hls from "hls.js";
import { observingLoader } from "./observing-loader.ts";
import { type FailedRequest, playbackFault, requestWarning } from "./playback-fault.ts";
import type { Outcome, Watch, WatchedRequest } from "./watched-request.ts";

export interface PlayerEvents {
  readonly watch: Watch;
  /** Shows the state of playback in words. */
  readonly say: (words: string, tone?: "bad") => void;
  /** Playback has stopped for good. `reason` says why, and what to do. */
  readonly stopped: (reason: string) => void;
  /** The requests succeed again after a warning. */
  readonly recovered: () => void;
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
  let failed: FailedRequest | undefined;
  let warned = false;
  const watch: Watch = (request) => {
    const end = events.watch(request);
    return (outcome) => {
      failed = failureOf(request, outcome);
      end(outcome);
      if (!warned || outcome.verdict !== "served") return;
      warned = false;
      events.recovered();
    };
  };
  player = new Hls({
    loader: observingLoader(watch),
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
  playing.on(Hls.Events.ERROR, (_, error) => {
    if (error.fatal) {
      events.stopped(playbackFault(error, failed));
      return;
    }
    if (failed === undefined) return;
    warned = true;
    events.say(requestWarning(failed), "bad");
  });
  playing.loadSource(manifestUrl);
  playing.attachMedia(video);
}

function failureOf({ kind, url }: WatchedRequest, outcome: Outcome): FailedRequest | undefined {
  if (url === undefined || (outcome.verdict !== "refused" && outcome.verdict !== "unreachable")) return undefined;
  return { kind, host: new URL(url).host, problem: outcome.verdict === "refused" ? outcome.problem : undefined };
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
