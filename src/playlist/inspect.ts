/// <reference path="./m3u8-parser.d.ts" />
import { type ParsedManifest, Parser } from "m3u8-parser";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { attributeList, attributeText } from "./attributes.ts";
import { linesOf } from "./lines.ts";
import { KindSigns, type PlaylistKind } from "./template.ts";

/** What the plan has to know of a playlist. Durations are in seconds, and are finite and not negative. */
export interface Inspection {
  readonly kind: PlaylistKind;
  readonly ended: boolean;
  readonly playlistType: "VOD" | "EVENT" | undefined;
  readonly iFramesOnly: boolean;
  readonly targetDuration: number | undefined;
  /** Of each segment, in order. */
  readonly durations: readonly number[];
  /** The sum of the parts behind the last segment. */
  readonly trailing: number;
  /** Whether it announces parts (EXT-X-PART-INF). */
  readonly lowLatency: boolean;
  /** How many segments a delta update leaves out (EXT-X-SKIP). */
  readonly skipped: number;
  /** CAN-SKIP-UNTIL; 0 where the server sends no delta updates. */
  readonly canSkipUntil: number;
}

/** 125,000 segments: more than a day of one second each, and what a worker's memory can hold. */
const mostLines = 250_000;

/** Where neither EXTINF nor EXT-X-TARGETDURATION tells how long a segment is. */
const unknownDuration = 10;

/**
 * Reads a playlist with m3u8-parser. It is shown only the lines that this needs, with attributes that we wrote anew:
 * some of the others make it throw (a short IV), take time that grows with their square (EXT-X-DEFINE, a list of commas)
 * or write to Object.prototype (a GROUP-ID or a DATERANGE's ID of `__proto__`).
 *
 * It decides nothing about the kind: in a media playlist it sees no tags of a multivariant one, and a multivariant playlist
 * has nothing that the plan would have to know.
 *
 * Refuses `playlist_invalid` where variants and segments stand in one playlist, or where the parser sees other URIs than we
 * do: a plan for the wrong segments is worse than none. Refuses `playlist_too_large` above 125,000 segments.
 */
export function inspect(text: string): Result<Inspection, Refusal<"playlist_invalid" | "playlist_too_large">> {
  const excerpt = excerptOf(text);
  if (!excerpt.ok) return excerpt;
  const { shown, uris, kind } = excerpt.value;
  if (kind === "both") return refusal("playlist_invalid", "it has both variants and segments");
  if (kind === "multivariant") return ok(multivariant);
  const manifest = parse(shown);
  if (manifest.segments.length !== uris.length)
    return refusal("playlist_invalid", "its segments cannot be told for certain: an EXTINF is missing");
  for (let i = 0; i < uris.length; i++) {
    if (manifest.segments[i]?.uri !== uris[i]) return refusal("playlist_invalid", "a URI line can be read in two ways");
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
    if (shown.length > mostLines) return refusal("playlist_too_large", "it holds too many segments");
    if (line.kind === "uri") {
      const uri = text.slice(line.start, line.end);
      // Some players trim more than blanks, as String.trim does. They would read another URI than we, or a tag.
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

/** The line to show the parser for a tag, or undefined. A value's title and what is no number are left out. */
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

/** The number as a plain decimal, or "" where the text is none; the parser reads no sign and no exponent. */
function decimal(text: string): string {
  const value = Number.parseFloat(text);
  if (!(value >= 0)) return "";
  return value < 1e9 ? value.toFixed(5) : "1000000000";
}

/** What stands before the comma. A number is no longer than this, so that a title never counts as part of one. */
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
