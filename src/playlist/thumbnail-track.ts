import { extensionOf } from "../base/alias.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { schemeOf } from "../base/uri-scheme.ts";
import { type Place, resolve } from "./reference.ts";

/** A sprite on the media host: its path below the asset's prefix, and the origin's query. */
export interface Sprite {
  /** `/film/thumbs/1.jpg` */
  readonly path: string;
  readonly query: string;
}

export type TrackRefusal = Refusal<"playlist_invalid" | "playlist_too_large" | "uri_foreign" | "file_forbidden">;

/** The most distinct sprites of a track, because each is signed per viewer. */
const mostSprites = 5000;

/** The most cues with a sprite, and the most characters that take their place: `/a.jpg` may become a long relative path. */
const mostCues = 50_000;
const mostWritten = 16 * 1024 * 1024;

const images: ReadonlySet<string> = new Set(["jpg", "jpeg", "png", "webp", "avif", "gif"]);

/**
 * Signs the sprites of a WebVTT thumbnail track (https://www.w3.org/TR/webvtt1/#file-structure). All bytes stay, except the
 * URI of a cue that is an image of the asset: it becomes a relative, signed reference, and keeps its fragment (`#xywh=`).
 *
 * Only a cue whose whole text is one line can be such a URI: it has `#xywh=` (https://www.w3.org/TR/media-frags/#naming-space),
 * or names an image by its extension. Chapters and subtitles stay as they are: a caption may be `photo.jpg`, so a name
 * without `#xywh=`, a scheme or a host is a sprite only if the asset's globs allow it.
 *
 * `playlist_invalid`: it is not WebVTT, or players and browsers read a URI differently. `uri_foreign`: a sprite is outside
 * the asset, on a host that `allowedHosts` does not have. `file_forbidden`: the asset's globs do not allow a sprite.
 *
 * @param sign the signed query of a sprite
 */
export function signThumbnailTrack(
  text: string,
  place: Place,
  sign: (sprite: Sprite) => Result<string, Refusal<"file_forbidden">>,
): Result<string, TrackRefusal> {
  if (!/^\ufeff?WEBVTT(?=[ \t\r\n]|$)/.test(text)) return refusal("playlist_invalid", "the track is not WebVTT");
  const signed = new Map<string, string>();
  const pieces: string[] = [];
  let from = 0;
  let cues = 0;
  let length = 0;
  for (const { start, uri } of oneLineCuesOf(text)) {
    if (!isImage(uri)) continue;
    const written = signedUri(uri, place, sign, signed);
    if (!written.ok && written.refusal.code === "file_forbidden" && mayBeText(uri)) continue;
    if (!written.ok) return written;
    cues++;
    length += written.value.length;
    if (signed.size > mostSprites || cues > mostCues || length > mostWritten)
      return refusal("playlist_too_large", "the track has too many sprites");
    pieces.push(text.slice(from, start), written.value);
    from = start + uri.length;
  }
  pieces.push(text.slice(from));
  return ok(pieces.join(""));
}

/** The cues with one line of text, without blanks around it: `start` is its place in the text. */
function* oneLineCuesOf(text: string): Generator<{ readonly start: number; readonly uri: string }> {
  let inCue = false;
  let first = true;
  let lines: { readonly start: number; readonly uri: string }[] = [];
  for (const { start, end } of linesOf(text)) {
    const line = text.slice(start, end);
    const timing = line.includes("-->");
    if (line === "" || timing) {
      if (lines.length === 1) yield* lines;
      lines = [];
      inCue = timing && !first;
    } else if (inCue && lines.length < 2) {
      const uri = line.trim();
      if (uri !== "") lines.push({ start: start + line.indexOf(uri), uri });
    }
    first = false;
  }
  if (lines.length === 1) yield* lines;
}

/** Whether it could be the text of a caption that ends in the name of an image: `www.example.com/a.png`. */
function mayBeText(uri: string): boolean {
  return !hasPart(uri) && schemeOf(uri) === undefined && !uri.startsWith("//");
}

/** Whether a URI names a part of an image, which no text does. */
function hasPart(uri: string): boolean {
  const mark = uri.indexOf("#");
  return mark >= 0 && /[#&]xywh=/i.test(uri.slice(mark));
}

function isImage(line: string): boolean {
  if (hasPart(line)) return true;
  // A caption may end in the name of an image: a URI has no blanks.
  if (/\s/.test(line)) return false;
  return images.has(extensionOf(line.split(/[?#]/, 1)[0] ?? "").toLowerCase());
}

function signedUri(
  uri: string,
  place: Place,
  sign: (sprite: Sprite) => Result<string, Refusal<"file_forbidden">>,
  signed: Map<string, string>,
): Result<string, TrackRefusal> {
  const resolved = resolve(uri, "file", place);
  if (!resolved.ok) return resolved;
  if (resolved.value.kind === "passing") return ok(uri);
  const { path, query, reference } = resolved.value;
  // It would be read as the name of a download.
  if (/^download=/.test(query)) return refusal("playlist_invalid", "a sprite's query begins with download=");
  const name = `${path}?${query}`;
  let parameters = signed.get(name);
  if (parameters === undefined) {
    const result = sign({ path, query });
    if (!result.ok) return result;
    parameters = result.value;
    signed.set(name, parameters);
  }
  const mark = uri.indexOf("#");
  return ok(`${reference}?${parameters}${mark < 0 ? "" : uri.slice(mark)}`);
}

/** The lines of a text without their ends: LF, CR or CRLF (WebVTT §4.1). */
function* linesOf(text: string): Generator<{ readonly start: number; readonly end: number }> {
  for (let start = 0; start <= text.length; ) {
    let end = start;
    while (end < text.length && text.charCodeAt(end) !== 0x0a && text.charCodeAt(end) !== 0x0d) end++;
    yield { start, end };
    start = end + (text.charCodeAt(end) === 0x0d && text.charCodeAt(end + 1) === 0x0a ? 2 : 1);
  }
}
