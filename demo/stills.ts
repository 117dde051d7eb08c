import type { Credential } from "./credential.ts";
import { element, elementById } from "./element.ts";
import { problemOf } from "./problem.ts";
import { openFiles } from "./session.ts";
import type { Watch } from "./watched-request.ts";

const poster = elementById("poster", HTMLImageElement);
const seek = elementById("seek", HTMLElement);
const strip = elementById("thumbnails", HTMLElement);

/** A thumbnail of a track: when it is first shown, in seconds, and its part of a sprite in pixels. */
interface Thumbnail {
  readonly from: number;
  readonly url: string;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface StillsOptions {
  readonly asset: string;
  readonly credential: Credential;
  readonly watch: Watch;
  /** Whether the viewer still wants this asset. */
  readonly isCurrent: () => boolean;
}

const posterPath = "poster.jpg";
const thumbnailsPath = "thumbs/thumbs.vtt";

export function hideThumbnails(): void {
  seek.hidden = true;
  strip.replaceChildren();
}

export function hideStills(video: HTMLVideoElement): void {
  hideThumbnails();
  poster.hidden = true;
  poster.removeAttribute("src");
  video.removeAttribute("poster");
}

/**
 * Shows an asset's poster and seek thumbnails, those of `paths` that it has: files that no playlist names, from `POST
 * /files`. Playback does not wait for them, and a failure is only listed.
 */
export async function showStills(
  apiPath: string,
  video: HTMLVideoElement,
  paths: readonly string[],
  { asset, credential, watch, isCurrent }: StillsOptions,
): Promise<void> {
  if (paths.length === 0) return;
  const request = { kind: "file", url: undefined, name: `POST ${apiPath}/files` } as const;
  const opened = await openFiles(apiPath, { asset, credential, files: paths }, { watch, request });
  if (opened.kind !== "done" || !isCurrent()) return;
  const urlOf = (path: string) => opened.value.find((file) => file.path === path)?.url;
  const [image, track] = [urlOf(posterPath), urlOf(thumbnailsPath)];
  if (image !== undefined) {
    poster.src = image;
    poster.hidden = false;
    video.poster = image;
  }
  const text = track === undefined ? undefined : await load(track, watch);
  if (track === undefined || text === undefined || !isCurrent()) return;
  const thumbnails = readThumbnails(text, track);
  strip.replaceChildren(...thumbnails.map((thumbnail) => seekButton(thumbnail, video)));
  seek.hidden = thumbnails.length === 0;
}

async function load(url: string, watch: Watch): Promise<string | undefined> {
  const end = watch({ kind: "file", url });
  try {
    const response = await fetch(url);
    const text = await response.text();
    end(
      response.ok
        ? { verdict: "served", status: response.status, renewedTo: response.redirected ? response.url : undefined }
        : { verdict: "refused", problem: problemOf(response.status, text) },
    );
    return response.ok ? text : undefined;
  } catch {
    end({ verdict: "unreachable" });
    return undefined;
  }
}

/** The cues of a thumbnail track whose text is an image with `#xywh=` in pixels. URIs resolve against the track's URL. */
function readThumbnails(text: string, base: string): readonly Thumbnail[] {
  const cue = /^([\d:.]+) --> .*\r?\n(\S+)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)\s*$/gm;
  return [...text.matchAll(cue)].map(([, from = "", uri = "", ...box]) => {
    const [left = 0, top = 0, width = 0, height = 0] = box.map(Number);
    return { from: secondsOf(from), url: new URL(uri, base).href, left, top, width, height };
  });
}

function secondsOf(time: string): number {
  return time.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

function seekButton({ from, url, left, top, width, height }: Thumbnail, video: HTMLVideoElement): HTMLElement {
  const image = element("img", "");
  image.alt = "";
  image.src = url;
  image.width = width;
  image.height = height;
  image.style.objectPosition = `-${left}px -${top}px`;
  const time = `${Math.floor(from / 60)}:${String(Math.floor(from % 60)).padStart(2, "0")}`;
  const button = element("button", "thumbnail", image, element("span", "time", time));
  button.type = "button";
  button.setAttribute("aria-label", `Go to ${time}`);
  button.addEventListener("click", () => {
    video.currentTime = from;
  });
  return button;
}
