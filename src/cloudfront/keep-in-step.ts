import { ok, type Result, refuse } from "../base/result.ts";
import { atMarks, packedKey } from "./packed-entry.ts";
import { hostRenewsKey } from "./store-entries.ts";

/** Changes of one update of a KeyValueStore: all or none. */
export interface StoreChange {
  readonly puts: readonly { readonly key: string; readonly value: string }[];
  readonly deletes: readonly string[];
}

/** The port to a KeyValueStore's data API. Its methods reject if it does not answer. */
export interface WritableStore {
  /** All entries, and the ETag of this state. */
  readonly read: () => Promise<{ readonly etag: string; readonly entries: ReadonlyMap<string, string> }>;
  /** The ETag of the store's state, without the entries. */
  readonly etag: () => Promise<string>;
  /** The new ETag; `conflict` if the ETag is not that of the store's state any more. */
  readonly update: (change: StoreChange, ifMatch: string) => Promise<Result<string, "conflict">>;
}

/** The state of a store as its writer remembers it. */
export interface KnownStore {
  readonly etag: string;
  readonly entries: ReadonlyMap<string, string>;
}

/** A store that was brought in step, and how many entries that changed. */
export interface StoreInStep extends KnownStore {
  readonly puts: number;
  readonly deletes: number;
}

/** The most keys of one update. With keys of 512 and values of 1,024 bytes they never reach its 3 MB. */
const updateKeys = 50;

/** How often a store that somebody else writes to is read again. */
const attempts = 5;

/**
 * The updates that turn the entries of a store into the wanted ones. Removals come first, so that there is room. The packed
 * entry is the first of all if it tells the function to leave renewals to the manifest host, because entries are missing from
 * then on, and otherwise the last, because they are missing until then: also in a store that has none, with which the function
 * admits nobody. The time of these renewals goes with it.
 */
export function changesOf(
  has: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): readonly StoreChange[] {
  const removed = [...has.keys()].filter((key) => !wanted.has(key));
  const put = [...wanted].filter(([key, value]) => has.get(key) !== value).map(([key, value]) => ({ key, value }));
  const isGuiding = (key: string) => key === packedKey || key === hostRenewsKey;
  const guiding = [...removed.filter(isGuiding), ...put.filter(({ key }) => isGuiding(key))];
  const others = [...removed.filter((key) => !isGuiding(key)), ...put.filter(({ key }) => !isGuiding(key))];
  const isMarked = (wanted.get(packedKey)?.split("|")[atMarks] ?? "").includes("o");
  const steps = isMarked && has.has(packedKey) ? [...guiding, ...others] : [...others, ...guiding];
  return Array.from({ length: Math.ceil(steps.length / updateKeys) }, (_, index) => {
    const some = steps.slice(index * updateKeys, (index + 1) * updateKeys);
    return {
      puts: some.filter((step) => typeof step !== "string"),
      deletes: some.filter((step) => typeof step === "string"),
    };
  });
}

/**
 * Brings a store in step, and returns its new state for the next time. Without a known state, or if somebody else wrote in
 * the meantime, the store is read first. `conflict`: somebody else writes all the time.
 */
export async function bringInStep(
  store: WritableStore,
  wanted: ReadonlyMap<string, string>,
  known?: KnownStore,
): Promise<Result<StoreInStep, "conflict">> {
  let state = known;
  for (let attempt = 0; attempt < attempts; attempt++) {
    state ??= await store.read();
    const changes = changesOf(state.entries, wanted);
    // Without a change no precondition finds what somebody else wrote.
    const isForeign = known !== undefined && changes.length === 0 && (await store.etag()) !== state.etag;
    const etag = isForeign ? undefined : await write(store, changes, state.etag);
    if (etag !== undefined) {
      const sum = (length: (change: StoreChange) => number) => changes.reduce((all, one) => all + length(one), 0);
      const [puts, deletes] = [sum((change) => change.puts.length), sum((change) => change.deletes.length)];
      return ok({ etag, entries: new Map(wanted), puts, deletes });
    }
    state = undefined;
  }
  return refuse("conflict");
}

/** The ETag after all changes; undefined if one of them found another ETag. */
async function write(
  store: WritableStore,
  changes: readonly StoreChange[],
  ifMatch: string,
): Promise<string | undefined> {
  let etag = ifMatch;
  for (const change of changes) {
    const written = await store.update(change, etag);
    if (!written.ok) return undefined;
    etag = written.value;
  }
  return etag;
}
