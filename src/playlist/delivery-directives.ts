import { readDecimal } from "../base/encoding.ts";
import type { Progress } from "./progress.ts";
import type { PlaylistReloads, PlaylistTemplate } from "./template.ts";

/** The delivery directives of a request for a playlist (RFC 8216bis §6.2.5). */
export interface DeliveryDirectives {
  /** `_HLS_msn` and `_HLS_part`: the playlist is wanted as soon as it holds this. */
  readonly least?: Position;
  /** `_HLS_skip`: a delta update will do. */
  readonly skip?: "YES" | "v2";
}

/** A segment by its media sequence number, or one of its parts, counted from 0. */
export interface Position {
  readonly segment: number;
  readonly part?: number;
}

/** How far behind the last segment one may ask: an origin answers 400 to more (RFC 8216bis §6.2.5.2). */
const mostAhead = 2;

/** What an isolate knows may be a segment behind what the playlist's object knows, which decides. */
const mostBehind = 1;

/** A segment of 10 s has 50 parts of 200 ms. */
const mostParts = 100;

/**
 * The directives among what a player appended to a playlist's URL: the first of each name, and of no other form than the
 * standard's. They are not signed, since the player makes them up as it goes.
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
 * What of it the origin is told, where `known` is the last version of the playlist that was seen, and `given` the one that
 * could be given out: another one where that is a delta update, none where there is none yet. Each new query is one more
 * question to the origin, and anybody can write directives behind a signed URL. So the origin is told nothing that the
 * playlist does not offer, that it has answered already, or that it would refuse for lying too far ahead.
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

/** Directives as a query without `?`, empty where there are none; in the order that RFC 8216bis §6.2.5 asks for. */
export function directiveQuery({ least, skip }: DeliveryDirectives): string {
  return [
    ...(least === undefined ? [] : [`_HLS_msn=${least.segment}`]),
    ...(least?.part === undefined ? [] : [`_HLS_part=${least.part}`]),
    ...(skip === undefined ? [] : [`_HLS_skip=${skip}`]),
  ].join("&");
}

/** Whether a playlist holds a segment, or a part of one. */
export function holds({ nextSegment, nextPart }: Reached, { segment, part }: Position): boolean {
  return segment < nextSegment || (segment === nextSegment && part !== undefined && part < nextPart);
}

/** How far a playlist has come: the number behind its last segment's, and how many parts of that segment are there. */
export type Reached = Pick<PlaylistReloads, "nextSegment" | "nextPart">;

/** Whether one playlist has come further than another. */
export function isAhead(one: Reached, other: Reached): boolean {
  if (one.nextSegment !== other.nextSegment) return one.nextSegment > other.nextSegment;
  return one.nextPart > other.nextPart;
}

function isNear({ nextSegment }: Reached, { segment, part = 0 }: Position): boolean {
  return segment < nextSegment + mostAhead + mostBehind && part < mostParts;
}

/**
 * Whether an origin will wait for what a version lacks, as RFC 8216bis §6.2.5.2 has it: two segments behind the last one,
 * and in parts its Advance Part Limit, 3 s of them and at least three. What lies in the segment behind the next one is
 * counted from that one's beginning, since nobody knows how many parts the next one will have.
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
