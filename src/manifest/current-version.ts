import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type MillisecondClock, type Seconds, seconds, type UnixMilliseconds, unixMilliseconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { needsImport } from "../playlist/compile.ts";
import {
  type DeliveryDirectives,
  directiveQuery,
  holds,
  isAhead,
  type Position,
} from "../playlist/delivery-directives.ts";
import { type Progress, progressOf } from "../playlist/progress.ts";
import { freshAfterFailure, mayStandIn } from "./playlist-pace.ts";
import type { PlaylistShelf, PlaylistVersion, ShelvedPlaylist } from "./playlist-shelf.ts";
import { canBeCovered, type PlaylistQuestion, type PlaylistSource, playlistName } from "./playlist-source.ts";

/** Which playlist: `rest` is its path below the asset's prefix, `query` the origin's own, both as the origin spells them. */
export interface PlaylistAddress {
  readonly asset: Asset;
  readonly rest: string;
  readonly query: string;
}

export interface VersionContext {
  readonly source: PlaylistSource;
  readonly shelf: PlaylistShelf;
  /** The time as it goes on while a request waits. */
  readonly milliseconds: MillisecondClock;
  /** Told of a failure in place of which a kept version was given out: for the log. */
  readonly onRefusal?: (refusal: Refusal) => void;
}

/** How long a version is given out beyond its time while one request is asking whether it still is the one. */
const givenWhileChecked = { live: 2000, still: 50_000 };

/** How long the others leave it to the request that asks: milliseconds. */
const checkTime = 2000;

/** How long an origin may hold a playlist that it is to wait for, in target durations (RFC 8216bis §6.2.5.2). */
const mostHeld = 3;

/**
 * The version that is given out now. What is not on the shelf, or has lain there too long, each request asks for itself:
 * none may wait for what another one reads, and there is nothing yet that it could be given instead.
 */
export async function currentVersion(
  address: PlaylistAddress,
  key: string,
  directives: DeliveryDirectives,
  context: VersionContext,
): Promise<Result<PlaylistVersion, Refusal>> {
  const { shelf, milliseconds: clock, source } = context;
  const { asset, rest: path, query } = address;
  const shelved = shelf.get(key);
  const now = clock();
  if (shelved !== undefined && mayBeGiven(shelved, directives.least, now)) return ok(shelved.version);
  const kept = shelved?.version;
  // One that waits for the next version keeps nobody from asking for this one.
  const checks = directives.least === undefined ? kept : undefined;
  const checkingUntil = unixMilliseconds(now + checkTime);
  if (checks !== undefined) checks.checkingUntil = checkingUntil;
  const answered = await source({
    asset,
    path,
    query,
    directives,
    hold: holdFor(address, shelf),
    known: tagOf(shelved),
  });
  if (checks?.checkingUntil === checkingUntil) delete checks.checkingUntil;
  // Nor has it failed for others where one of them was told in the meantime that this still is the one.
  const standIn = (why: Refusal) =>
    shelved !== undefined && covers(shelved, why, context, checks !== undefined && shelved.version.checkedAt <= now);
  if (!answered.ok) {
    // What is gone shall not be given to those who come while somebody is asking for it. What anybody may have made up
    // says nothing about it.
    if (checks !== undefined && answered.refusal.code === "object_unknown") shelf.remove(key);
    return shelved !== undefined && standIn(answered.refusal) ? ok(shelved.version) : answered;
  }
  const { text, etag, location, checkedAt, freshUntil, failure } = answered.value;
  if (failure !== undefined) context.onRefusal?.(failure);
  if (text !== undefined && text !== kept?.text) {
    const [imports, progress] = [needsImport(text), progressOf(text)];
    const version = { text, etag, location, imports, progress, checkedAt, freshUntil };
    // An answer from before the kept version may well end before it.
    const fault = kept !== undefined && checkedAt > kept.checkedAt ? cutFault(version, kept) : undefined;
    if (kept === undefined || fault === undefined) return ok(version);
    const why = refusal("origin_failed", `${asset.id}: the origin sent a part of the playlist: ${fault}`);
    return ok(standIn(why.refusal) ? kept : version);
  }
  if (kept === undefined) return refusal("internal_error", `${asset.id}: a version was named that nobody has`);
  // The same text from another place leads to other files.
  if (kept.location !== location) return ok({ ...kept, etag, location, checkedAt, freshUntil });
  kept.etag = etag;
  if (checkedAt >= kept.checkedAt) [kept.checkedAt, kept.freshUntil] = [checkedAt, freshUntil];
  return ok(kept);
}

/**
 * Whether the version on the shelf is given in place of what was refused. It tells the log then and, if `forOthers`, keeps
 * the others from asking for a moment; the next one asks again.
 */
export function covers(
  shelved: ShelvedPlaylist,
  why: Refusal,
  { milliseconds: clock, onRefusal }: VersionContext,
  forOthers: boolean,
): boolean {
  const { live, reloads } = shelved.compiled.template;
  const { checkedAt } = shelved.version;
  const now = clock();
  if (!canBeCovered(why) || !mayStandIn({ live, targetDuration: reloads.targetDuration }, checkedAt, now)) return false;
  onRefusal?.(why);
  if (forOthers) shelved.version.freshUntil = freshAfterFailure(now);
  return true;
}

/** One request asks about a version that is no longer fresh; meanwhile the others are given what is kept. */
function mayBeGiven(
  { version, compiled }: ShelvedPlaylist,
  least: Position | undefined,
  now: UnixMilliseconds,
): boolean {
  const { live, reloads } = compiled.template;
  if (least !== undefined && live && !holds(reloads, least)) return false;
  const { freshUntil, checkingUntil } = version;
  const beingChecked = checkingUntil !== undefined && now < checkingUntil;
  return now < freshUntil + (beingChecked ? givenWhileChecked[live ? "live" : "still"] : 0);
}

function holdFor(address: PlaylistAddress, shelf: PlaylistShelf): Seconds {
  const known = shelf.get(keyOf(address, {}))?.compiled.template;
  return seconds(mostHeld * (known?.reloads.targetDuration ?? 0));
}

function tagOf(shelved: ShelvedPlaylist | undefined): PlaylistQuestion["known"] {
  const etag = shelved?.version.etag;
  return shelved === undefined || etag === undefined ? undefined : { etag, live: shelved.compiled.template.live };
}

/** A playlist's place on the shelf. */
export function keyOf({ asset, rest: path, query }: PlaylistAddress, { skip }: DeliveryDirectives): string {
  const parts = [query, directiveQuery(skip === undefined ? {} : { skip })].filter((part) => part !== "");
  return playlistName({ asset, path, query: parts.join("&") });
}

/** A version of a playlist: its text, and how far that has come. */
export interface SeenVersion {
  readonly text: string;
  readonly progress: Progress;
}

/**
 * Why a version of a live playlist looks as if it were only the beginning of one, or undefined. An origin that reads the
 * file while the packager writes it sends such a text with the right length, so its bytes do not tell; the version before
 * it does:
 *
 * - Its last line has no end, and before it had one: `…\nseg-1042.t`. Both are legal, but no packager does now this, now that.
 * - It stops behind an EXTINF, or has no segments at all.
 * - It lost segments or parts at its end, which no playlist may (RFC 8216bis §6.2.1), without beginning again before its
 *   former beginning, as it does when an encoder restarts.
 *
 * A playlist with EXT-X-ENDLIST is whole: that is its last line. Since a packager may restart in ways that look like this,
 * callers believe it only for as long as the version before can stand in.
 */
export function cutFault({ text, progress }: SeenVersion, before: SeenVersion): string | undefined {
  if (progress.ended || !before.progress.live) return undefined;
  if (before.text.endsWith("\n") && !text.endsWith("\n")) return "it stops in the middle of a line";
  if (progress.unfinished && !before.progress.unfinished) return "its last segment has no URI";
  if (isEmpty(progress) && !isEmpty(before.progress)) return "it has no segments";
  const restarted = progress.firstSegment < before.progress.firstSegment;
  return !restarted && isAhead(before.progress, progress) ? "it ends before the end of the last version" : undefined;
}

function isEmpty({ firstSegment, nextSegment, nextPart }: Progress): boolean {
  return nextSegment === firstSegment && nextPart === 0;
}
