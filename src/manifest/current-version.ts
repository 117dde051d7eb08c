import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
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
import {
  canBeCovered,
  type PlaylistQuestion,
  type PlaylistSource,
  playlistName,
  type SourceRefusal,
} from "./playlist-source.ts";

/**
 * Identifies a playlist: `rest` is its path below the asset's prefix, `query` the origin's own, both in the origin's
 * spelling.
 */
export interface PlaylistAddress {
  readonly asset: Asset;
  readonly rest: string;
  readonly query: string;
}

export interface VersionContext {
  readonly source: PlaylistSource;
  readonly shelf: PlaylistShelf;
  /** The current time, which advances while a request waits. */
  readonly milliseconds: MillisecondClock;
  /** Called when a kept version replaces a failed response: for the log. */
  readonly onRefusal?: (refusal: Refusal) => void;
}

/** How long an expired version is still served while one request checks it, in milliseconds. */
const givenWhileChecked = { live: 2000, still: 50_000 };

/** How long the other requests leave the check to that request, in milliseconds. */
const checkTime = 2000;

/** How long an origin may hold a blocking reload, in target durations (RFC 8216bis §6.2.5.2). */
const mostHeld = 3;

/** `internal_error`: the source named a version that is not known here. */
export type VersionRefusal = Refusal<SourceRefusal["code"] | "internal_error">;

/**
 * The version to serve now. If it is not on the shelf, or has been there for too long, each request asks the source
 * itself, because requests cannot wait for each other (see `base/concurrency.ts`) and there is nothing else to serve.
 * One request at a time checks a version that has just expired. The mark is on the version, since another version needs
 * its own check.
 */
export async function currentVersion(
  address: PlaylistAddress,
  key: string,
  directives: DeliveryDirectives,
  context: VersionContext,
): Promise<Result<PlaylistVersion, VersionRefusal>> {
  const { shelf, milliseconds: clock, source } = context;
  const { asset, rest: path, query } = address;
  const shelved = shelf.get(key);
  const now = clock();
  if (shelved !== undefined && mayBeGiven(shelved, directives.least, now)) return ok(shelved.version);
  const kept = shelved?.version;
  // A blocking reload does not check the current version for others.
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
  // It has not failed for the others either, if one of them has confirmed this version since.
  const standIn = (why: Refusal) =>
    shelved !== undefined && covers(shelved, why, context, checks !== undefined && shelved.version.checkedAt <= now);
  if (!answered.ok) {
    const why = inPlaylist(answered.refusal, address);
    // A playlist that is gone must not be served while others check it. A blocking reload proves nothing: its position
    // may be forged.
    if (checks !== undefined && why.code === "object_unknown") shelf.remove(key);
    return shelved !== undefined && standIn(why) ? ok(shelved.version) : refuse(why);
  }
  const { text, etag, location, checkedAt, freshUntil, failure } = answered.value;
  if (failure !== undefined) context.onRefusal?.(inPlaylist(failure, address));
  if (text !== undefined && text !== kept?.text) {
    const [imports, progress] = [needsImport(text), progressOf(text)];
    const version = { text, etag, location, imports, progress, checkedAt, freshUntil };
    // A response from before the kept version may end earlier.
    const fault = kept !== undefined && checkedAt > kept.checkedAt ? cutFault(version, kept) : undefined;
    if (kept === undefined || fault === undefined) return ok(version);
    const why = refusal("origin_failed", `${asset.id}: the origin sent a truncated playlist: ${fault}`);
    return ok(standIn(why.refusal) ? kept : version);
  }
  if (kept === undefined)
    return refusal("internal_error", `${asset.id}: the source named a version that is not known here`);
  // The same text at another location leads to other files.
  if (kept.location !== location) return ok({ ...kept, etag, location, checkedAt, freshUntil });
  kept.etag = etag;
  if (checkedAt >= kept.checkedAt) [kept.checkedAt, kept.freshUntil] = [checkedAt, freshUntil];
  return ok(kept);
}

/**
 * Names the asset and the playlist in the reason of a refusal, which the log shows: `live, index.m3u8: it is empty`.
 * Only the file's name: some origins have tokens in the directories of a path.
 */
export function inPlaylist<Reason extends Refusal>(why: Reason, { asset, rest }: PlaylistAddress): Reason {
  if (why.reason.startsWith(`${asset.id}:`)) return why;
  return { ...why, reason: `${asset.id}, ${rest.slice(rest.lastIndexOf("/") + 1)}: ${why.reason}` };
}

/**
 * Whether the shelved version may replace a refused one. If so, it tells the log and, with `forOthers`, keeps the
 * others from asking for a moment.
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

/** One request checks an expired version while the others get the kept one. */
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

/** A playlist's key on the shelf. */
export function keyOf({ asset, rest: path, query }: PlaylistAddress, { skip }: DeliveryDirectives): string {
  const parts = [query, directiveQuery(skip === undefined ? {} : { skip })].filter((part) => part !== "");
  return playlistName({ asset, path, query: parts.join("&") });
}

/** A version of a playlist: its text and its progress. */
export interface SeenVersion {
  readonly text: string;
  readonly progress: Progress;
}

/**
 * Why a version of a live playlist looks truncated, or undefined. An origin that reads the file while the packager
 * writes it sends such a text with the right length, so only the previous version tells:
 *
 * - Its last line has no line break, and the previous version's had one: `…\nseg-1042.t`. Both are legal, but a
 *   packager does not alternate.
 * - It ends after an EXTINF, or has no segments.
 * - It lost segments or parts at its end, which is not allowed (RFC 8216bis §6.2.1), without starting before its former
 *   start as after an encoder's restart.
 *
 * A playlist with EXT-X-ENDLIST is complete. Since a restarted packager may look like this, callers believe it only
 * while the previous version can replace it.
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
