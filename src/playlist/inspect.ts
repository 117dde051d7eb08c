/// <reference path="./m3u8-parser.d.ts" />
import { type ParsedManifest, Parser } from "m3u8-parser";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { attributeList, attributeText } from "./attributes.ts";
import { linesOf } from "./lines.ts";
import { KindSigns, type PlaylistKind } from "./playlist-kind.ts";

/** The properties of a playlist for the expiry plan. Durations are seconds, finite and not negative. */
export interface Inspection {
  readonly kind: PlaylistKind;
  readonly ended: boolean;
  readonly playlistType: "VOD" | "EVENT" | undefined;
  readonly iFramesOnly: boolean;
  readonly targetDuration: number | undefined;
  /** One per segment, in order. */
  readonly durations: readonly number[];
  /** The total duration of the parts after the last segment. */
  readonly trailing: number;
  /** Whether it has parts (EXT-X-PART-INF). */
  readonly lowLatency: boolean;
  /** The number of segments that a delta update omits (EXT-X-SKIP). */
  readonly skipped: number;
  /** CAN-SKIP-UNTIL; 0 if the server sends no delta updates. */
  readonly canSkipUntil: number;
}

/** 125,000 segments: more than a day of one-second segments, and the limit of a worker's memory. */
const mostLines = 250_000;

/** Used if neither EXTINF nor EXT-X-TARGETDURATION gives a segment's duration. */
const unknownDuration = 10;

/**
 * Parses a playlist with m3u8-parser. The parser only gets the lines that it needs, with rewritten attributes. Others
 * make it throw (a short IV), take quadratic time (EXT-X-DEFINE, a list of commas) or write to Object.prototype (a
 * GROUP-ID or a DATERANGE's ID of `__proto__`). The kind is determined here, because the plan needs nothing of a
 * multivariant playlist.
 *
 * `playlist_invalid`: it has both variants and segments, or the parser finds other URIs than this code, so the plan
 * would be for the wrong segments. `playlist_too_large`: more than 125,000 segments.
 */
export function inspect(text: string): Result<Inspection, Refusal<"playlist_invalid" | "playlist_too_large">> {
  const excerpt = excerptOf(text);
  if (!excerpt.ok) return excerpt;
  const { shown, uris, kind } = excerpt.value;
  if (kind === "both") return refusal("playlist_invalid", "it has both variants and segments");
  if (kind === "multivariant") return ok(multivariant);
  const manifest = parse(shown);
  if (manifest.segments.length !== uris.length)
    return refusal("playlist_invalid", "its segments are ambiguous: an EXTINF is missing");
  for (let i = 0; i < uris.length; i++) {
    if (manifest.segments[i]?.uri !== uris[i]) return refusal("playlist_invalid", "a URI line is ambiguous");
  }
  return ok(inspectionOf(manifest));
}

const multivariant: Inspection = {
  kind: "multivariant",
  ended: false,
  playlistType: undefined,
  iFramesOnly: false,
  targetDuration: undefined,
  durations: [],
  trailing: 0,
  lowLatency: false,
  skipped: 0,
  canSkipUntil: 0,
};

interface Excerpt {
  readonly shown: string;
  readonly uris: readonly string[];
  readonly kind: PlaylistKind | "both";
}

function excerptOf(text: string): Result<Excerpt, Refusal<"playlist_invalid" | "playlist_too_large">> {
  const shown: string[] = [];
  const uris: string[] = [];
  const signs = new KindSigns();
  for (const line of linesOf(text)) {
    if (shown.length > mostLines) return refusal("playlist_too_large", "it has too many segments");
    if (line.kind === "uri") {
      const uri = text.slice(line.start, line.end);
      // Some players trim more than blanks, like String.trim, and would read another URI or a tag.
      if (uri.trim() !== uri) return refusal("playlist_invalid", "a URI line begins or ends with an unusual space");
      uris.push(uri);
      shown.push(uri);
    } else if (line.kind === "tag") {
      signs.see(line.name);
      const rewritten = shownTag(line.name, text, line.value, line.end);
      if (rewritten !== undefined) shown.push(rewritten);
    }
  }
  return ok({ shown: shown.join("\n"), uris, kind: signs.kind });
}

/** The line that the parser gets for a tag, or undefined. Titles and values that are not numbers are omitted. */
function shownTag(name: string, text: string, from: number, to: number): string | undefined {
  switch (name) {
    case "#EXTM3U":
    case "#EXT-X-ENDLIST":
    case "#EXT-X-I-FRAMES-ONLY":
      return name;
    case "#EXTINF":
      return `${name}:${decimal(numberText(text, from, to))},`;
    case "#EXT-X-TARGETDURATION":
      return `${name}:${decimal(numberText(text, from, to))}`;
    case "#EXT-X-PLAYLIST-TYPE":
      return `${name}:${text.slice(from, to).trim().toUpperCase()}`;
    case "#EXT-X-PART":
      return shownAttribute(name, "DURATION", text, from, to);
    case "#EXT-X-PART-INF":
      return shownAttribute(name, "PART-TARGET", text, from, to);
    case "#EXT-X-SKIP":
      return shownAttribute(name, "SKIPPED-SEGMENTS", text, from, to);
    case "#EXT-X-SERVER-CONTROL":
      return shownAttribute(name, "CAN-SKIP-UNTIL", text, from, to);
    default:
      return undefined;
  }
}

function shownAttribute(tag: string, name: string, text: string, from: number, to: number): string | undefined {
  const list = attributeList(text, from, to);
  const value = decimal(list.ok ? (attributeText(text, list.value, name) ?? "") : "");
  return value === "" ? undefined : `${tag}:${name}=${value}`;
}

/** The number as a plain decimal, or "" if there is none. The parser reads no sign and no exponent. */
function decimal(text: string): string {
  const value = Number.parseFloat(text);
  if (!(value >= 0)) return "";
  return value < 1e9 ? value.toFixed(5) : "1000000000";
}

/** The text before the comma, of limited length, so that a title is never read as part of a number. */
function numberText(text: string, from: number, to: number): string {
  const start = text.slice(from, Math.min(to, from + 32));
  const comma = start.indexOf(",");
  return comma < 0 ? start : start.slice(0, comma);
}

function parse(shown: string): ParsedManifest {
  const parser = new Parser();
  parser.push(shown);
  parser.end();
  return parser.manifest;
}

function inspectionOf(manifest: ParsedManifest): Inspection {
  const { playlistType, targetDuration } = manifest;
  const fallback = targetDuration ?? manifest.segments.reduce((most, { duration }) => Math.max(most, duration ?? 0), 0);
  let trailing = 0;
  for (const { duration } of manifest.preloadSegment?.parts ?? []) trailing += duration ?? 0;
  return {
    kind: "media",
    ended: manifest.endList === true,
    playlistType: playlistType === "VOD" || playlistType === "EVENT" ? playlistType : undefined,
    iFramesOnly: manifest.iFramesOnly === true,
    targetDuration,
    durations: manifest.segments.map(({ duration }) => duration ?? (fallback > 0 ? fallback : unknownDuration)),
    trailing,
    lowLatency: manifest.partTargetDuration !== undefined,
    skipped: manifest.skip?.skippedSegments ?? 0,
    canSkipUntil: manifest.serverControl?.canSkipUntil ?? 0,
  };
}
