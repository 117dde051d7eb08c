import { attributeList, attributeText } from "./attributes.ts";
import { linesOf } from "./lines.ts";

/**
 * When the last segment or part of a media playlist ends, in milliseconds since 1970, by EXT-X-PROGRAM-DATE-TIME (RFC 8216bis
 * §4.4.4.6) and the durations after it. Undefined if no segment has a date.
 */
export function liveEndOf(text: string): number | undefined {
  let end: number | undefined;
  /** Of the segment that is being read. */
  let date: number | undefined;
  let duration = 0;
  let parts = 0;
  for (const line of linesOf(text)) {
    if (line.kind === "uri") {
      end = plus(date ?? end, duration);
      [date, duration, parts] = [undefined, 0, 0];
    }
    if (line.kind !== "tag") continue;
    const value = () => text.slice(line.value, line.end);
    if (line.name === "#EXT-X-PROGRAM-DATE-TIME") date = dateOf(value().trim());
    else if (line.name === "#EXTINF") duration = lengthOf(value());
    else if (line.name === "#EXT-X-PART") {
      const list = attributeList(text, line.value, line.end);
      parts += list.ok ? lengthOf(attributeText(text, list.value, "DURATION") ?? "") : 0;
    }
  }
  // Parts after the last segment belong to one that is not complete.
  return plus(date ?? end, parts);
}

function plus(start: number | undefined, length: number): number | undefined {
  return start === undefined ? undefined : start + 1000 * length;
}

function dateOf(text: string): number | undefined {
  const time = Date.parse(text);
  return Number.isFinite(time) ? time : undefined;
}

function lengthOf(text: string): number {
  const length = Number.parseFloat(text);
  return length >= 0 && length < 1e6 ? length : 0;
}
