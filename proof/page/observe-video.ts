import type { PlayerState, Stall } from "../player.ts";

/** Shorter than this, nobody sees it. */
const leastStall = 100;
/** Milliseconds without movement after which a picture counts as stalled, whatever events say. */
const frozen = 1500;

export type Watched = Omit<PlayerState, "latency">;

/** Watches a video: when its first picture came, where it stood still, and which subtitles it showed. */
export function watch(video: HTMLVideoElement, fatal: readonly string[], cues: Set<string>): () => Watched {
  const began = performance.now();
  const stalls: Stall[] = [];
  let firstFrame: number | undefined;
  let ended = false;
  /** Since a seek or a pause nothing has been shown yet: waiting is what one expects then. */
  let settling = true;
  let stoodAt = 0;
  let stoodSince: number | undefined;

  const beginStall = () => {
    if (settling || video.paused || video.ended || stoodSince !== undefined) return;
    stoodAt = video.currentTime;
    stoodSince = performance.now();
  };
  const resetStall = () => {
    stoodSince = undefined;
    settling = true;
  };
  video.requestVideoFrameCallback(() => {
    firstFrame = performance.now() - began;
  });
  video.addEventListener("waiting", beginStall);
  video.addEventListener("seeking", resetStall);
  video.addEventListener("pause", resetStall);
  video.addEventListener("ended", () => {
    ended = true;
  });
  let movedTo = 0;
  let movedAt = performance.now();
  const moves = () => {
    if (video.currentTime === movedTo) return;
    const steps = video.currentTime - movedTo;
    movedTo = video.currentTime;
    movedAt = performance.now();
    if (steps > 0 && !video.seeking && stoodSince === undefined) settling = false;
    if (stoodSince === undefined || video.currentTime <= stoodAt) return;
    const milliseconds = Math.round(performance.now() - stoodSince);
    if (milliseconds >= leastStall) stalls.push({ at: stoodAt, milliseconds });
    stoodSince = undefined;
  };
  video.addEventListener("timeupdate", moves);
  setInterval(() => {
    moves();
    if (performance.now() - movedAt > frozen) beginStall();
  }, 100);
  listenForCues(video.textTracks, cues);

  return () => {
    const open =
      stoodSince === undefined || performance.now() - stoodSince < leastStall
        ? []
        : [{ at: stoodAt, milliseconds: Math.round(performance.now() - stoodSince) }];
    return {
      time: video.currentTime,
      ended,
      stalls: [...stalls, ...open],
      fatal,
      firstFrame,
      frames: video.getVideoPlaybackQuality().totalVideoFrames,
      cues: [...cues],
      height: video.videoHeight,
    };
  };
}

/** Notes every cue that a list of text tracks shows. */
export function listenForCues(list: TextTrackList, cues: Set<string>): void {
  const listen = (track: TextTrack | null) => {
    track?.addEventListener("cuechange", () => {
      // A player's own list is array-like, and no more.
      for (const cue of Array.from(track.activeCues ?? [])) cues.add(String(Reflect.get(cue, "text")));
    });
  };
  for (const track of Array.from(list)) listen(track);
  list.addEventListener("addtrack", ({ track }) => listen(track));
}
