import { maxSessionTtl } from "../base/constants.ts";
import { ok, type Result } from "../base/result.ts";
import { after, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import {
  entryName,
  type LoggedRevocation,
  leftOutNotes,
  longestSilence,
  type RevocationDelta,
} from "../sessions/revocation.ts";
import { packedKey, packedUntil } from "./packed-entry.ts";
import {
  endedIn,
  endingEntry,
  filterShare,
  hostRenewsKey,
  type PackedState,
  packedEntry,
  revokedNames,
  type StoreEntry,
  viewerOf,
} from "./store-entries.ts";

/** What a store should contain. */
export interface WantedStore {
  readonly entries: ReadonlyMap<string, string>;
  /** How many entries had no room. While there are any, the manifest host renews expired URLs, which it checks itself. */
  readonly dropped: number;
  /** How many of these must not be left out: the function serves what they end until its URLs have expired. */
  readonly lost: number;
  /** The bytes of the entries, keys and values. */
  readonly bytes: number;
  /** See {@link filterShare}. */
  readonly filtered: number;
}

/** The bytes of a KeyValueStore, keys and values: AWS's quota. */
export const storeBytes = 5_242_880;

/** The most bytes of the packed entry and of the time until which the manifest host renews, which always have room. */
const reservedBytes = 1024 + packedKey.length + hostRenewsKey.length + 12;

/** How many entries of one viewer stay in a full store, of those that a viewer makes and of those that sharing makes. */
const perSubject = 20;

/** The time until which the manifest host renews is rounded up to this, so that it is not written for each entry. */
const hostRenewsStep = 600;

/**
 * What the KeyValueStore should contain after the deltas of the revocation log, in full. CloudFront has neither rows nor leases,
 * so an ended session stays until the last grant that it can have has expired, even if the log shortens or forgets its entry.
 */
export class StoreContents {
  readonly #entries = new Map<string, LoggedRevocation>();
  /** Since then the log has all entries, if it lost some. */
  #lostBefore: UnixSeconds | undefined;
  /** Until then a grant may be valid whose end nobody knows any more. */
  #unknownUntil = unixSeconds(0);

  /**
   * Begins with what a store has, before the log is read from its beginning: the log may have forgotten sessions and logins
   * that viewers ended. What operators revoked, it still has, unless they lifted it, or the log lost it. `lifetime` is how long
   * a packed entry is valid after it was written. If that was too long ago, {@link StoreContents.missEnds}. So too for a store
   * without such an entry: it may replace another one, while sessions whose end the log has forgotten go on.
   */
  adopt(store: ReadonlyMap<string, string>, now: UnixSeconds, lifetime: Seconds): void {
    const packed = store.get(packedKey) ?? "";
    const endings = [...store].flatMap(([key, value]) => endedIn(key, value) ?? []);
    for (const entry of [...endings, ...revokedNames(packed, after(now, maxSessionTtl))])
      if (entry.until > now) this.#entries.set(entryName(entry), entry);
    if (!(packedUntil(packed) - lifetime >= now - longestSilence)) this.missEnds(now);
    const known = Number(store.get(hostRenewsKey) ?? 0);
    if (known > this.#unknownUntil && known <= after(now, seconds(2 * maxSessionTtl)))
      this.#unknownUntil = unixSeconds(known);
  }

  /**
   * Notes that nobody followed the log for longer than it reports an end: ends are missing, so the manifest host has to renew
   * until the last grants from before have expired.
   */
  missEnds(now: UnixSeconds): void {
    this.#unknownUntil = later(this.#unknownUntil, after(now, maxSessionTtl));
  }

  /** Follows the log. An entry whose `until` is 0 was lifted. */
  apply(
    { reset, entries, notBefore }: Pick<RevocationDelta, "reset" | "notBefore" | "entries">,
    now: UnixSeconds,
  ): void {
    this.#lostBefore = notBefore !== undefined && after(notBefore, maxSessionTtl) > now ? notBefore : undefined;
    if (reset) this.#beginAgain();
    for (const entry of entries) {
      const name = entryName(entry);
      if (entry.until === 0) {
        this.#entries.delete(name);
        continue;
      }
      const known = this.#entries.get(name);
      // The log shortens the entries of sessions and logins.
      const isEnding = entry.kind === "session" || entry.kind === "login";
      const until = later(later(entry.until, lastGrantOf(entry)), (isEnding && known?.until) || entry.until);
      this.#entries.set(name, { ...entry, subject: entry.subject ?? known?.subject, until });
    }
  }

  /**
   * A log from its beginning names everything except what viewers ended a while ago, and what it lost: that stays until it is
   * revoked and lifted again, because the function does not know that grants from before the loss are refused elsewhere.
   */
  #beginAgain(): void {
    for (const [name, { kind, by, at }] of this.#entries) {
      const isLost = this.#lostBefore !== undefined && at <= this.#lostBefore;
      const stays = isLost || (kind === "session" ? by !== "operator" : kind === "login" && by === "viewer");
      if (!stays) this.#entries.delete(name);
    }
  }

  /** Refused if the keys have no room. */
  wanted(
    now: UnixSeconds,
    packed: Pick<PackedState, "keys" | "until"> & { readonly renewal?: PackedState["renewal"] | undefined },
    capacity: number = storeBytes,
  ): Result<WantedStore, string> {
    for (const [name, { until }] of this.#entries) if (until <= now) this.#entries.delete(name);
    const all = [...this.#entries.values()];
    const { dropped, lost, bytes } = leftOut(all, capacity - reservedBytes);
    const hostRenewsUntil = [...dropped].map(({ until }) => until).reduce(later, this.#unknownUntil);
    const hostRenews = hostRenewsUntil > now ? hostRenewsEntry(hostRenewsUntil) : undefined;
    const losesEntries = this.#lostBefore !== undefined && after(this.#lostBefore, maxSessionTtl) > now;
    const leavesOut = leftOutNotes.some((value) => this.#entries.has(entryName({ kind: "subject", value })));
    const hostAlone = hostRenews !== undefined || losesEntries || leavesOut;
    const renewal = hostAlone ? "manifest" : (packed.renewal ?? "function");
    const entry = packedEntry({ ...packed, revocations: all, renewal });
    if (!entry.ok) return entry;
    const endings = all.flatMap((each) => (dropped.has(each) ? [] : (endingEntry(each) ?? [])));
    const added = [{ key: packedKey, value: entry.value }, ...(hostRenews === undefined ? [] : [hostRenews])];
    return ok({
      entries: new Map([...added, ...endings].map(({ key, value }) => [key, value])),
      dropped: dropped.size,
      lost,
      filtered: filterShare(entry.value),
      bytes: added.reduce((sum, { key, value }) => sum + key.length + value.length, bytes),
    });
  }
}

/** When the last grant that an entry ends expires, at the latest. */
function lastGrantOf({ kind, at, until, lastGrant }: LoggedRevocation): UnixSeconds {
  return lastGrant ?? (kind === "session" ? after(at, maxSessionTtl) : until);
}

function hostRenewsEntry(until: UnixSeconds): StoreEntry {
  return { key: hostRenewsKey, value: String(Math.ceil(until / hostRenewsStep) * hostRenewsStep) };
}

/**
 * The entries that have no room, and the bytes of the others: first what viewers made, of which first what a viewer has above the
 * most of one, then those that end soonest; then what a viewer has above the most of sharing, because it is the viewer who causes
 * that. `lost` is the number of the rest, which should never be left out.
 */
function leftOut(all: readonly LoggedRevocation[], room: number) {
  let bytes = all.reduce((sum, each) => sum + bytesOf(each), 0);
  const dropped = new Set<LoggedRevocation>();
  if (bytes <= room) return { dropped, lost: 0, bytes };
  const sized = all.filter((each) => bytesOf(each) > 0).toSorted((one, other) => one.until - other.until);
  const viewers = sized.filter(({ by }) => by === "viewer");
  const others = sized.filter(({ by }) => by !== "viewer");
  const shared = viewers.filter(({ cause }) => cause === "shared");
  const made = viewers.filter(({ cause }) => cause !== "shared");
  const droppable = new Set([...excessOf(made), ...made, ...excessOf(shared)]);
  for (const each of new Set([...droppable, ...shared, ...others])) {
    if (bytes <= room) break;
    dropped.add(each);
    bytes -= bytesOf(each);
  }
  return { dropped, lost: Math.max(0, dropped.size - droppable.size), bytes };
}

/** What each viewer has above the most of one: those of these entries that come first. */
function excessOf(entries: readonly LoggedRevocation[]): readonly LoggedRevocation[] {
  const counts = new Map<string, number>();
  const viewers = entries.map(viewerOf);
  for (const viewer of viewers) if (viewer !== undefined) counts.set(viewer, (counts.get(viewer) ?? 0) + 1);
  return entries.filter((_, at) => {
    const viewer = viewers[at];
    const count = viewer === undefined ? 0 : (counts.get(viewer) ?? 0);
    if (viewer === undefined || count <= perSubject) return false;
    counts.set(viewer, count - 1);
    return true;
  });
}

function bytesOf(revocation: LoggedRevocation): number {
  const entry = endingEntry(revocation);
  return entry === undefined ? 0 : entry.key.length + entry.value.length;
}
