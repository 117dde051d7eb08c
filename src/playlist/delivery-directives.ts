import { readDecimal } from "../base/encoding.ts";
import type { Progress } from "./progress.ts";
import type { PlaylistReloads, PlaylistTemplate } from "./template.ts";

/** The delivery directives of a request for a playlist (RFC 8216bis §6.2.5). */
export interface DeliveryDirectives {
  /** `_HLS_msn` and `_HLS_part`: the response must contain this. */
  readonly least?: Position;
  /** `_HLS_skip`: a delta update is accepted. */
  readonly skip?: "YES" | "v2";
}

/** A segment by its media sequence number, or one of its parts, counted from 0. */
export interface Position {
  readonly segment: number;
  readonly part?: number;
}

/** How far after the last segment a request may ask: beyond that, an origin answers 400 (RFC 8216bis §6.2.5.2). */
const mostAhead = 2;

/** An isolate may know one segment less than the playlist's object, which decides. */
const mostBehind = 1;

/** A segment of 10 s has 50 parts of 200 ms. */
const mostParts = 100;

/**
 * The directives in the text that a player appended to a playlist's URL: the first of each name, in the standard's
 * form. They are not signed, because the player chooses them.
 */
export function deliveryDirectives(appended: string): DeliveryDirectives {
  const found = new Map<string, string>();
  for (const pair of appended.split("&")) {
    const mark = pair.indexOf("=");
    const [name, value] = [pair.slice(0, mark), pair.slice(mark + 1)];
    if (isValid(name, value) && !found.has(name)) found.set(name, value);
  }
  const segment = readDecimal(found.get("_HLS_msn") ?? "");
  const part = readDecimal(found.get("_HLS_part") ?? "");
  const skip = found.get("_HLS_skip");
  return {
    ...(segment !== undefined && { least: part === undefined ? { segment } : { segment, part } }),
    ...((skip === "YES" || skip === "v2") && { skip }),
  };
}

/**
 * The directives to forward to the origin. `known` is the last known version of the playlist; `given` the version that
 * could be served (a delta update is another one; undefined if there is none). Each new query is another request to the
 * origin, and anyone can append directives to a signed URL. So nothing is forwarded that the playlist does not offer,
 * that was answered already, or that is too far ahead.
 */
export function admitted(
  { least, skip }: DeliveryDirectives,
  { live, reloads }: PlaylistTemplate,
  given: PlaylistTemplate | undefined,
): DeliveryDirectives {
  const isGiven = least !== undefined && given !== undefined && holds(given.reloads, least);
  const waits = least !== undefined && live && reloads.canBlock && !isGiven && isNear(reloads, least);
  return { ...(waits && { least }), ...(skip !== undefined && reloads.canSkip && { skip }) };
}

/** Directives as a query without `?`, in the order of RFC 8216bis §6.2.5; empty if there are none. */
export function directiveQuery({ least, skip }: DeliveryDirectives): string {
  return [
    ...(least === undefined ? [] : [`_HLS_msn=${least.segment}`]),
    ...(least?.part === undefined ? [] : [`_HLS_part=${least.part}`]),
    ...(skip === undefined ? [] : [`_HLS_skip=${skip}`]),
  ].join("&");
}

/** Whether a playlist contains a segment or part. */
export function holds({ nextSegment, nextPart }: Reached, { segment, part }: Position): boolean {
  return segment < nextSegment || (segment === nextSegment && part !== undefined && part < nextPart);
}

/**
 * The end of a playlist: the sequence number after its last segment, and how many parts of that next segment it has.
 */
export type Reached = Pick<PlaylistReloads, "nextSegment" | "nextPart">;

/** Whether one playlist has advanced further than another. */
export function isAhead(one: Reached, other: Reached): boolean {
  if (one.nextSegment !== other.nextSegment) return one.nextSegment > other.nextSegment;
  return one.nextPart > other.nextPart;
}

function isNear({ nextSegment }: Reached, { segment, part = 0 }: Position): boolean {
  return segment < nextSegment + mostAhead + mostBehind && part < mostParts;
}

/**
 * Whether an origin waits for a position that a version lacks (RFC 8216bis §6.2.5.2): up to two segments after the last
 * one, and for parts up to its Advance Part Limit, 3 s and at least three parts. A position in the segment after the
 * next counts from that segment's start, because the number of parts of the next one is unknown.
 */
export function willBeWaitedFor(progress: Progress, { segment, part }: Position): boolean {
  const { nextSegment, nextPart, period } = progress;
  if (segment >= nextSegment + mostAhead) return false;
  const last = segment === nextSegment ? nextPart : 0;
  return part === undefined || part < last + Math.ceil(3 / Math.min(period, 1));
}

function isValid(name: string, value: string): boolean {
  if (name === "_HLS_msn" || name === "_HLS_part") return readDecimal(value) !== undefined;
  return name === "_HLS_skip" && (value === "YES" || value === "v2");
}
