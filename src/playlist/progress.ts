import { readDecimal } from "../base/encoding.ts";
import { type Seconds, seconds } from "../base/time.ts";
import { attributeList, attributeText } from "./attributes.ts";
import { linesOf } from "./lines.ts";
import { KindSigns } from "./playlist-kind.ts";
import { Traits } from "./traits.ts";

/** How far a version of a playlist has advanced, and when the next one is due. */
export interface Progress {
  /** Whether it is a media playlist that will change. */
  readonly live: boolean;
  /** EXT-X-SERVER-CONTROL's CAN-BLOCK-RELOAD. */
  readonly canBlock: boolean;
  /** Whether it has parts (EXT-X-PART-INF). */
  readonly lowLatency: boolean;
  /** EXT-X-TARGETDURATION, or the longest segment if it is missing. */
  readonly targetDuration: Seconds;
  /** The expected time until the next version: the last segment's duration, or a part's. */
  readonly period: Seconds;
  /** EXT-X-MEDIA-SEQUENCE: the number of the first segment, or of the first that a delta update omits. */
  readonly firstSegment: number;
  /** The media sequence number after the last segment, and how many parts of that next segment there are. */
  readonly nextSegment: number;
  readonly nextPart: number;
  /** Whether it will not change: EXT-X-ENDLIST or EXT-X-PLAYLIST-TYPE:VOD. */
  readonly ended: boolean;
  /** Whether no segment follows an EXTINF. */
  readonly unfinished: boolean;
}

/** Limits of a period in seconds, whatever the durations are. */
const periods = { shortest: 0.2, longest: 60 };

/**
 * Reads the progress from a playlist's text in one pass, without validation, which compiling does. Text that is not a
 * playlist is not live.
 */
export function progressOf(text: string): Progress {
  const traits = new Traits();
  const signs = new KindSigns();
  let [segments, skipped, duration, longest, target, part] = [0, 0, 0, 0, 0, 0];
  let [timed, ended, unfinished, type] = [false, false, false, ""];
  for (const line of linesOf(text)) {
    if (line.kind === "uri") {
      traits.segment();
      segments++;
      unfinished = false;
    }
    if (line.kind !== "tag") continue;
    const { name, value, end } = line;
    const number = () => Number.parseFloat(text.slice(value, Math.min(end, value + 32))) || 0;
    traits.tag(name, text, value, end);
    signs.see(name);
    if (name === "#EXTINF") {
      timed = true;
      unfinished = true;
      duration = number();
      longest = Math.max(longest, duration);
    } else if (name === "#EXT-X-TARGETDURATION") {
      timed = true;
      target = number();
    } else if (name === "#EXT-X-ENDLIST") ended = true;
    else if (name === "#EXT-X-PLAYLIST-TYPE") type = text.slice(value, end).trim().toUpperCase();
    else if (name === "#EXT-X-PART-INF") part = attributeNumber(text, value, end, "PART-TARGET");
    else if (name === "#EXT-X-SKIP") skipped = attributeNumber(text, value, end, "SKIPPED-SEGMENTS");
  }
  // A multivariant playlist with a stray EXT-X-TARGETDURATION is not live.
  const media = timed && signs.kind !== "multivariant";
  if (type === "VOD") ended = true;
  const targetDuration = seconds(target > 0 ? within(target) : within(longest));
  return {
    live: media && !ended,
    canBlock: media && traits.canBlock,
    lowLatency: media && part > 0,
    targetDuration,
    period: seconds(within(part > 0 ? part : Math.min(duration > 0 ? duration : targetDuration, targetDuration))),
    nextSegment: traits.mediaSequence + skipped + segments,
    nextPart: traits.parts,
    firstSegment: traits.mediaSequence,
    ended,
    unfinished,
  };
}

function attributeNumber(text: string, from: number, to: number, name: string): number {
  const list = attributeList(text, from, to);
  const value = list.ok ? (attributeText(text, list.value, name) ?? "") : "";
  return readDecimal(value) ?? (Number.parseFloat(value) || 0);
}

function within(duration: number): number {
  return Math.min(Math.max(duration, periods.shortest), periods.longest);
}
