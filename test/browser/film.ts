import type { Page } from "playwright-core";
import { ceiling } from "../cluster/viewer.ts";
import type { Site } from "./site.ts";

/** The state of hls.js and the video on a film page. */
export interface Film {
  /** Decoded frames, and those of them that were shown. */
  readonly frames: number;
  readonly shown: number;
  readonly time: number;
  readonly ended: boolean;
  readonly fatal: readonly string[];
  readonly stalls: number;
  readonly cues: readonly string[];
}

export interface FilmOptions {
  readonly rate?: number;
  /** Options of hls.js, such as the buffer lengths. */
  readonly hls?: Readonly<Record<string, unknown>>;
}

/** Opens the page of a site that embeds a player, and plays `manifestUrl` there. */
export async function openFilm(
  page: Page,
  site: Site,
  manifestUrl: string,
  { rate = 1, hls = {} }: FilmOptions = {},
): Promise<void> {
  await page.goto(site.url);
  await page.evaluate(playInPage, { manifestUrl, rate, hls });
}

/**
 * Waits until the film ends, hls.js reports a fatal error, or `timeout` milliseconds have passed; then returns the
 * state.
 */
export async function watchToEnd(page: Page, timeout = ceiling): Promise<Film> {
  await page
    .waitForFunction(() => window.film.ended || window.film.fatal.length > 0, undefined, { timeout, polling: 100 })
    .catch(() => undefined);
  return filmState(page);
}

export function filmState(page: Page): Promise<Film> {
  return page.evaluate(() => {
    const { video, fatal, stalls, cues, ended } = window.film;
    const { totalVideoFrames: frames, droppedVideoFrames } = video.getVideoPlaybackQuality();
    return {
      frames,
      shown: frames - droppedVideoFrames,
      time: video.currentTime,
      ended,
      fatal,
      stalls,
      cues: [...cues],
    };
  });
}

export function pause(page: Page): Promise<void> {
  return page.evaluate(() => window.film.video.pause());
}

/** Resumes playback, from `at` if it is given. */
export function resume(page: Page, at?: number): Promise<void> {
  return page.evaluate(async (time) => {
    const { video } = window.film;
    if (time !== undefined) video.currentTime = time;
    await video.play();
  }, at);
}

/** Waits until playback has passed `time` seconds. */
export async function playedPast(page: Page, time: number): Promise<void> {
  await page.waitForFunction((past) => window.film.video.currentTime > past, time, { polling: 50 });
}

declare global {
  interface Window {
    Hls: typeof import("hls.js").default;
    film: {
      video: HTMLVideoElement;
      hls: import("hls.js").default;
      fatal: string[];
      stalls: number;
      cues: Set<string>;
      ended: boolean;
    };
  }
}

function playInPage(options: { manifestUrl: string; rate: number; hls: Readonly<Record<string, unknown>> }): void {
  const { Hls } = window;
  const video = document.querySelector("video");
  if (video === null) throw new Error("the page has no video");
  const hls = new Hls({ enableWorker: false, ...options.hls });
  const film: Window["film"] = { video, hls, fatal: [], stalls: 0, cues: new Set(), ended: false };
  window.film = film;
  hls.on(Hls.Events.ERROR, (_, { fatal, details }) => {
    if (fatal) film.fatal.push(details);
    if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) film.stalls++;
  });
  video.textTracks.addEventListener("addtrack", ({ track }) => {
    track?.addEventListener("cuechange", () => {
      for (const cue of track.activeCues ?? []) if (cue instanceof VTTCue) film.cues.add(cue.text);
    });
  });
  video.addEventListener("ended", () => {
    film.ended = true;
  });
  hls.loadSource(options.manifestUrl);
  hls.attachMedia(video);
  hls.once(Hls.Events.MANIFEST_PARSED, () => {
    video.playbackRate = options.rate;
    void video.play();
  });
}
