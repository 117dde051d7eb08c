import { maxSessionTtl } from "../base/constants.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { after, later, type UnixSeconds } from "../base/time.ts";
import { entryName, type Revocation, type RevocationDelta, type RevocationMaker } from "../sessions/revocation.ts";
import { packedKey } from "./packed-entry.ts";
import { endingEntry, type PackedState, packedEntry } from "./store-entries.ts";

/** A revocation with what decides whether a full store may leave it out. */
export interface StoreRevocation extends Revocation {
  /** If it is unknown, the entry stays. */
  readonly by?: RevocationMaker | undefined;
  /** The `subjectHash` of the viewer whose session it ends, if it is known. */
  readonly subject?: string | undefined;
}

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

/** The most bytes of the packed entry, which always has room. */
const packedBytes = 1024 + packedKey.length;

/** How many entries of one viewer stay in a full store. */
const perSubject = 20;

/**
 * What the KeyValueStore should contain after the deltas of the revocation log. CloudFront has neither rows nor leases, so an
 * ended session stays until the last grant that it can have has expired, even if the log shortens or forgets its entry.
 */
export class StoreContents {
  readonly #entries = new Map<string, StoreRevocation>();
  #losesEntries = false;

  /** Follows the log. An entry whose `until` is 0 was lifted. */
  apply({
    reset,
    entries,
    notBefore,
  }: Pick<RevocationDelta, "reset" | "notBefore"> & { readonly entries: readonly StoreRevocation[] }): void {
    if (reset) this.#entries.clear();
    this.#losesEntries = notBefore !== undefined;
    for (const entry of entries) {
      const name = entryName(entry);
      if (entry.until === 0) {
        this.#entries.delete(name);
        continue;
      }
      const known = this.#entries.get(name);
      const lastGrant = entry.kind === "session" ? after(entry.at, maxSessionTtl) : entry.until;
      const until = later(later(entry.until, lastGrant), known?.until ?? entry.until);
      this.#entries.set(name, { ...entry, until });
    }
  }

  /** Refused if the keys have no room, or the entries that must not be left out. */
  wanted(
    now: UnixSeconds,
    packed: Pick<PackedState, "keys" | "until">,
    capacity: number = storeBytes,
  ): Result<WantedStore, string> {
    for (const [name, { until }] of this.#entries) if (until <= now) this.#entries.delete(name);
    const all = [...this.#entries.values()];
    const { dropped, bytes } = leftOut(all, capacity - packedBytes);
    if (bytes > capacity - packedBytes)
      return refuse(
        `the store has ${capacity} bytes, and the entries that it must not leave out need ${bytes + packedBytes}: revoke the ` +
          "viewers or an asset with npx stagedoor revoke in place of single sessions",
      );
    const renewal = dropped.size > 0 || this.#losesEntries ? "manifest" : "function";
    const entry = packedEntry({ ...packed, revocations: all, renewal });
    if (!entry.ok) return entry;
    const endings = all.flatMap((each) => (dropped.has(each) ? [] : (endingEntry(each) ?? [])));
    return ok({
      entries: new Map([[packedKey, entry.value], ...endings.map(({ key, value }) => [key, value] as const)]),
      dropped: dropped.size,
      bytes: bytes + packedKey.length + entry.value.length,
    });
  }
}

/**
 * The entries that have no room, and the bytes of the others: only those that viewers made, first what a viewer has above the
 * most of one, then those that end soonest.
 */
function leftOut(all: readonly StoreRevocation[], room: number) {
  let bytes = all.reduce((sum, each) => sum + bytesOf(each), 0);
  const dropped = new Set<StoreRevocation>();
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

function bytesOf(revocation: Revocation): number {
  const entry = endingEntry(revocation);
  return entry === undefined ? 0 : entry.key.length + entry.value.length;
}
