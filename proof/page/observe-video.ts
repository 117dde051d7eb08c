import type { PlayerState, Stall } from "../player.ts";

/** A shorter stall is not visible. In milliseconds. */
const shortestStall = 100;
/** Milliseconds without movement after which playback counts as stalled, whatever the events say. */
const frozen = 1500;

export type VideoState = Omit<PlayerState, "latency">;

/** Observes a video: its first picture, its stalls, and its subtitles. */
export function observeVideo(video: HTMLVideoElement, fatal: readonly string[], cues: Set<string>): () => VideoState {
  const startedAt = performance.now();
  const stalls: Stall[] = [];
  let firstFrame: number | undefined;
  let ended = false;
  /** True from a seek or a pause until the next picture, since waiting is expected then. */
  let settling = true;
  let stalledAt = 0;
  let stalledSince: number | undefined;

  const beginStall = () => {
    if (settling || video.paused || video.ended || stalledSince !== undefined) return;
    stalledAt = video.currentTime;
    stalledSince = performance.now();
  };
  const resetStall = () => {
    stalledSince = undefined;
    settling = true;
  };
  video.requestVideoFrameCallback(() => {
    firstFrame = performance.now() - startedAt;
  });
  video.addEventListener("waiting", beginStall);
  video.addEventListener("seeking", resetStall);
  video.addEventListener("pause", resetStall);
  video.addEventListener("ended", () => {
    ended = true;
  });
  let movedTo = 0;
  let movedAt = performance.now();
  const checkMovement = () => {
    if (video.currentTime === movedTo) return;
    const steps = video.currentTime - movedTo;
    movedTo = video.currentTime;
    movedAt = performance.now();
    if (steps > 0 && !video.seeking && stalledSince === undefined) settling = false;
    if (stalledSince === undefined || video.currentTime <= stalledAt) return;
    const milliseconds = Math.round(performance.now() - stalledSince);
    if (milliseconds >= shortestStall) stalls.push({ at: stalledAt, milliseconds });
    stalledSince = undefined;
  };
  video.addEventListener("timeupdate", checkMovement);
  setInterval(() => {
    checkMovement();
    if (performance.now() - movedAt > frozen) beginStall();
  }, 100);
  listenForCues(video.textTracks, cues);

  return () => {
    const current =
      stalledSince === undefined || performance.now() - stalledSince < shortestStall
        ? []
        : [{ at: stalledAt, milliseconds: Math.round(performance.now() - stalledSince) }];
    return {
      time: video.currentTime,
      ended,
      stalls: [...stalls, ...current],
      fatal,
      firstFrame,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      cues: [...cues],
      height: video.videoHeight,
    };
  };
}

/** Collects every cue that a list of text tracks shows. */
export function listenForCues(list: TextTrackList, cues: Set<string>): void {
  const listen = (track: TextTrack | null) => {
    track?.addEventListener("cuechange", () => {
      // A player's own list is array-like only.
      for (const cue of Array.from(track.activeCues ?? [])) cues.add(String(Reflect.get(cue, "text")));
    });
  };
  for (const track of Array.from(list)) listen(track);
  list.addEventListener("addtrack", ({ track }) => listen(track));
}
