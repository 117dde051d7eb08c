import { maxSessionTtl } from "../base/constants.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { after, later, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { entryName, type LoggedRevocation, longestSilence, type RevocationDelta } from "../sessions/revocation.ts";
import { packedKey, packedUntil } from "./packed-entry.ts";
import {
  endedIn,
  endingEntry,
  hostRenewsKey,
  type PackedState,
  packedEntry,
  type StoreEntry,
} from "./store-entries.ts";

/** What a store should contain. */
export interface WantedStore {
  readonly entries: ReadonlyMap<string, string>;
  /** How many entries had no room. While there are any, the manifest host renews expired URLs, which it checks itself. */
  readonly dropped: number;
  /** The bytes of the entries, keys and values. */
  readonly bytes: number;
}

/** The bytes of a KeyValueStore, keys and values: AWS's quota. */
export const storeBytes = 5_242_880;

/** The most bytes of the packed entry and of the time until which the manifest host renews, which always have room. */
const reservedBytes = 1024 + packedKey.length + hostRenewsKey.length + 12;

/** How many entries of one viewer stay in a full store. */
const perSubject = 20;

/** The time until which the manifest host renews is rounded up to this, so that it is not written for each entry. */
const hostRenewsStep = 600;

/**
 * What the KeyValueStore should contain after the deltas of the revocation log, in full. CloudFront has neither rows nor leases,
 * so an ended session stays until the last grant that it can have has expired, even if the log shortens or forgets its entry.
 */
export class StoreContents {
  readonly #entries = new Map<string, LoggedRevocation>();
  #losesEntries = false;
  /** Until then a grant may be valid whose end nobody knows any more. */
  #unknownUntil = unixSeconds(0);

  /**
   * Begins with what a store has, before the log is read from its beginning: the log may have forgotten sessions and logins
   * that viewers ended. What operators revoked, the log still has, unless they lifted it. `lifetime` is how long a packed entry
   * is valid after it was written. If that was too long ago, {@link StoreContents.missEnds}. A store without such an entry has
   * missed nothing: the function admitted nobody with it.
   */
  adopt(store: ReadonlyMap<string, string>, now: UnixSeconds, lifetime: Seconds): void {
    for (const [key, value] of store) {
      const ended = endedIn(key, value);
      if (ended?.by === "viewer" && ended.until > now) this.#entries.set(entryName(ended), ended);
    }
    const packed = store.get(packedKey);
    if (packed !== undefined && !(packedUntil(packed) - lifetime >= now - longestSilence)) this.missEnds(now);
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
  apply({ reset, entries, notBefore }: Pick<RevocationDelta, "reset" | "notBefore" | "entries">): void {
    if (reset) this.#beginAgain();
    this.#losesEntries = notBefore !== undefined;
    for (const entry of entries) {
      const name = entryName(entry);
      if (entry.until === 0) {
        this.#entries.delete(name);
        continue;
      }
      const known = this.#entries.get(name);
      const until = later(later(entry.until, lastGrantOf(entry)), known?.until ?? entry.until);
      this.#entries.set(name, { ...entry, subject: entry.subject ?? known?.subject, until });
    }
  }

  /** A log from its beginning names everything except what viewers ended a while ago. */
  #beginAgain(): void {
    for (const [name, { kind, by }] of this.#entries) {
      const stays = kind === "session" ? by !== "operator" : kind === "login" && by === "viewer";
      if (!stays) this.#entries.delete(name);
    }
  }

  /** Refused if the keys have no room, or the entries that must not be left out. */
  wanted(
    now: UnixSeconds,
    packed: Pick<PackedState, "keys" | "until"> & { readonly renewal?: PackedState["renewal"] | undefined },
    capacity: number = storeBytes,
  ): Result<WantedStore, string> {
    for (const [name, { until }] of this.#entries) if (until <= now) this.#entries.delete(name);
    const all = [...this.#entries.values()];
    const { dropped, bytes } = leftOut(all, capacity - reservedBytes);
    if (bytes > capacity - reservedBytes)
      return refuse(
        `the store has ${capacity} bytes, and the entries that it must not leave out need ${bytes + reservedBytes}: revoke the ` +
          "viewers or an asset with npx stagedoor revoke in place of single sessions",
      );
    const hostRenewsUntil = [...dropped].map(({ until }) => until).reduce(later, this.#unknownUntil);
    const hostRenews = hostRenewsUntil > now ? hostRenewsEntry(hostRenewsUntil) : undefined;
    const hostAlone = hostRenews !== undefined || this.#losesEntries;
    const renewal = hostAlone ? "manifest" : (packed.renewal ?? "function");
    const entry = packedEntry({ ...packed, revocations: all, renewal });
    if (!entry.ok) return entry;
    const endings = all.flatMap((each) => (dropped.has(each) ? [] : (endingEntry(each) ?? [])));
    const added = [{ key: packedKey, value: entry.value }, ...(hostRenews === undefined ? [] : [hostRenews])];
    return ok({
      entries: new Map([...added, ...endings].map(({ key, value }) => [key, value])),
      dropped: dropped.size,
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
 * The entries that have no room, and the bytes of the others: only those that viewers made, first what a viewer has above the
 * most of one, then those that end soonest.
 */
function leftOut(all: readonly LoggedRevocation[], room: number) {
  let bytes = all.reduce((sum, each) => sum + bytesOf(each), 0);
  const dropped = new Set<LoggedRevocation>();
  if (bytes <= room) return { dropped, bytes };
  const droppable = all
    .filter((each) => each.by === "viewer" && each.cause !== "shared" && bytesOf(each) > 0)
    .toSorted((one, other) => one.until - other.until);
  const counts = new Map<string, number>();
  for (const { subject } of droppable) if (subject !== undefined) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  const excess = droppable.filter(({ subject }) => {
    const count = subject === undefined ? 0 : (counts.get(subject) ?? 0);
    if (subject === undefined || count <= perSubject) return false;
    counts.set(subject, count - 1);
    return true;
  });
  for (const each of new Set([...excess, ...droppable])) {
    if (bytes <= room) break;
    dropped.add(each);
    bytes -= bytesOf(each);
  }
  return { dropped, bytes };
}

function bytesOf(revocation: LoggedRevocation): number {
  const entry = endingEntry(revocation);
  return entry === undefined ? 0 : entry.key.length + entry.value.length;
}
