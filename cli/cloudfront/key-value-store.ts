import { createHash } from "node:crypto";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import type { WritableStore } from "../../src/cloudfront/keep-in-step.ts";

/** CloudFront's limits for a KeyValueStore and for one update of it, in bytes and keys. */
export const storeLimits = { store: 5_242_880, key: 512, value: 1024, updateKeys: 50, update: 3_145_728 };

/** Changes of one update. */
export interface StoreUpdate {
  readonly puts?: readonly { readonly key: string; readonly value: string }[];
  readonly deletes?: readonly string[];
}

/** Why an update is refused, as AWS's exceptions name it. */
export type UpdateFault =
  | "ConflictException"
  | "ResourceNotFoundException"
  | "ServiceQuotaExceededException"
  | "ValidationException";

interface Change {
  readonly visibleAt: number;
  readonly key: string;
  readonly value: string | undefined;
}

const bytesOf = (text: string) => Buffer.byteLength(text);

/**
 * An emulation of CloudFront's KeyValueStore. Writers use {@link describe} and {@link update}, as its data API has them:
 * each needs the ETag of the state that it changes. Functions read what was written `propagation` milliseconds ago.
 */
export class EmulatedStore {
  readonly #clock: () => number;
  readonly #propagation: number;
  readonly #written = new Map<string, string>();
  readonly #visible = new Map<string, string>();
  #pending: Change[] = [];
  #version = 0;
  #size = 0;
  /** While it is set, reads of functions fail. */
  isFailing = false;
  /** How many reads functions have made. */
  reads = 0;

  constructor(clock: () => number, propagation = 0) {
    this.#clock = clock;
    this.#propagation = propagation;
  }

  describe(): { readonly etag: string; readonly itemCount: number; readonly totalSizeInBytes: number } {
    const etag = createHash("sha256").update(String(this.#version)).digest("hex").slice(0, 20);
    return { etag, itemCount: this.#written.size, totalSizeInBytes: this.#size };
  }

  /** All entries, as they were written. */
  list(): ReadonlyMap<string, string> {
    return new Map(this.#written);
  }

  /** All changes or none. Returns the new ETag. */
  update({ puts = [], deletes = [] }: StoreUpdate, ifMatch: string): Result<string, UpdateFault> {
    if (ifMatch !== this.describe().etag) return refuse("ConflictException");
    const keys = [...puts.map(({ key }) => key), ...deletes];
    const sent = puts.reduce((sum, { key, value }) => sum + bytesOf(key) + bytesOf(value), 0);
    const isAllowed = keys.every((key) => key !== "" && bytesOf(key) <= storeLimits.key);
    if (!isAllowed || new Set(keys).size !== keys.length || keys.length === 0) return refuse("ValidationException");
    if (puts.some(({ value }) => bytesOf(value) > storeLimits.value)) return refuse("ValidationException");
    if (keys.length > storeLimits.updateKeys || sent > storeLimits.update) return refuse("ValidationException");
    if (deletes.some((key) => !this.#written.has(key))) return refuse("ResourceNotFoundException");
    const replaced = keys.reduce((sum, key) => sum + this.#sizeOf(key), 0);
    if (this.#size - replaced + sent > storeLimits.store) return refuse("ServiceQuotaExceededException");
    this.#size += sent - replaced;
    this.#version++;
    const visibleAt = this.#clock() + this.#propagation;
    for (const { key, value } of puts) {
      this.#written.set(key, value);
      this.#pending.push({ visibleAt, key, value });
    }
    for (const key of deletes) {
      this.#written.delete(key);
      this.#pending.push({ visibleAt, key, value: undefined });
    }
    return ok(this.describe().etag);
  }

  #sizeOf(key: string): number {
    const value = this.#written.get(key);
    return value === undefined ? 0 : bytesOf(key) + bytesOf(value);
  }

  /** What `cf.kvs()` returns to a function. */
  handle() {
    return {
      get: async (key: string) => {
        const value = this.#read().get(key);
        if (value === undefined) throw new Error("KeyNotFound");
        return value;
      },
      exists: async (key: string) => this.#read().has(key),
    };
  }

  #read(): ReadonlyMap<string, string> {
    this.reads++;
    if (this.isFailing) throw new Error("InternalError");
    const now = this.#clock();
    for (const { key, value } of this.#pending.filter(({ visibleAt }) => visibleAt <= now)) {
      if (value === undefined) this.#visible.delete(key);
      else this.#visible.set(key, value);
    }
    this.#pending = this.#pending.filter(({ visibleAt }) => visibleAt > now);
    return this.#visible;
  }
}

/** The emulated store behind the port of those who write to it. */
export function writable(store: EmulatedStore): WritableStore {
  return {
    etag: async () => store.describe().etag,
    read: async () => ({ etag: store.describe().etag, entries: store.list() }),
    update: async (change, ifMatch) => {
      const written = store.update(change, ifMatch);
      if (!written.ok && written.refusal !== "ConflictException") throw new Error(written.refusal);
      return written.ok ? written : refuse("conflict");
    },
  };
}
