import { beforeEach, describe, expect, it } from "vitest";
import { type Timer, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import type { CatalogEditing } from "../../../src/catalog/edit-catalog.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { memoryCatalogEditing } from "../../support/memory-stores.ts";
import { r2, sampleDocument } from "./sample.ts";

const film = (id: string, more: object = {}) => sampleDocument({ id, origin: r2(`${id}/`), ...more });
const textOf = (...ids: readonly string[]) => JSON.stringify({ version: 1, assets: ids.map((id) => film(id)) });

/** A store that shows a new text only after a lag, and fails on demand. */
class LaggingStore {
  now = 1_800_000_000;
  lag = 60;
  failures = 0;
  saves = 0;
  waits = 0;
  down = false;
  readonly #written: { readonly text: string; readonly at: number }[] = [];

  readonly clock = (): UnixSeconds => unixSeconds(this.now);
  /** Fires at once for a pause between two tries, and never for a timeout. */
  readonly timer: Timer = (length, ring) => {
    if (length > 2) return () => undefined;
    this.waits++;
    ring();
    return () => undefined;
  };

  load = async (): Promise<string | undefined> => {
    if (this.down) throw new Error("MARKEDREASON");
    return this.#written.findLast(({ at }) => at + this.lag <= this.now)?.text ?? this.#written[0]?.text;
  };

  /** Changes of another process, each made just before a save: the save then compares and loses. */
  readonly others: string[] = [];

  save = async (text: string): Promise<boolean> => {
    this.saves++;
    const other = this.others.shift();
    if (other !== undefined) {
      this.write(other);
      return false;
    }
    if (this.failures > 0) {
      this.failures--;
      throw new Error("429 Too Many Requests");
    }
    this.write(text);
    return true;
  };

  write(text: string): void {
    this.#written.push({ text, at: this.now });
  }

  get last(): readonly string[] {
    return Object(JSON.parse(this.#written.at(-1)?.text ?? "{}")).assets?.map(({ id }: { id: string }) => id);
  }
}

let store: LaggingStore;
let editing: CatalogEditing;
beforeEach(() => {
  store = new LaggingStore();
  const { clock, timer } = store;
  editing = memoryCatalogEditing({ text: undefined }, nodeSha256, { store, clock, timer });
});

const put = async (id: string) => {
  const result = await editing.put(id, film(id));
  return result.ok ? result.value.was : result.refusal.code;
};

describe("a store that shows a write a minute late", () => {
  it("loses no change, however fast changes come", async () => {
    store.write(textOf("zero"));
    for (let i = 0; i < 30; i++) {
      await put(`film-${i}`);
      store.now += 3;
    }
    expect(store.last).toEqual(["zero", ...Array.from({ length: 30 }, (_, i) => `film-${i}`)]);
  });

  it("is trusted again after two minutes", async () => {
    store.lag = 0;
    store.write(textOf("zero"));
    await put("one");
    store.write(textOf("zero"));
    store.now += 119;
    expect(await editing.read()).toMatchObject({ value: { assets: [{ id: "zero" }, { id: "one" }] } });
    store.now += 1;
    expect(await editing.read()).toMatchObject({ value: { assets: [{ id: "zero" }] } });
  });

  it("keeps another writer's change, whose text is recognized as old when it appears again", async () => {
    store.lag = 0;
    await put("one");
    store.write(textOf("theirs"));
    await put("two");
    expect(store.last).toEqual(["theirs", "two"]);
    store.write(textOf("theirs"));
    await put("three");
    expect(store.last).toEqual(["theirs", "two", "three"]);
  });
});

describe("a store that compares", () => {
  it("gets a change again on top of another process's, and the change is answered by what it found there", async () => {
    store.lag = 0;
    store.others.push(textOf("theirs"), textOf("theirs", "one"));
    expect([await put("one"), store.saves, store.last]).toEqual(["unchanged", 2, ["theirs", "one"]]);
    store.others.push(textOf("theirs"));
    expect([await put("two"), store.last]).toEqual(["added", ["theirs", "two"]]);
  });
});

describe("a store that fails", () => {
  it("is tried again after a pause, because KV accepts one write per second", async () => {
    store.failures = 2;
    expect([await put("one"), store.saves, store.waits, store.last]).toEqual(["added", 3, 2, ["one"]]);
  });

  it("leaves no trace of a failed change in the next one", async () => {
    store.write(textOf("zero"));
    store.failures = 3;
    expect([await put("one"), store.last]).toEqual(["store_unavailable", ["zero"]]);
    expect([await put("two"), store.last]).toEqual(["added", ["zero", "two"]]);
  });

  it("fails the change that is being written, and none after it", async () => {
    store.failures = 3;
    const first = put("one");
    const rest = [put("two"), put("three")];
    expect([await first, ...(await Promise.all(rest)), store.last]).toEqual([
      "store_unavailable",
      "added",
      "added",
      ["two", "three"],
    ]);
  });

  it("is not overwritten while it cannot be read", async () => {
    store.write(textOf("zero"));
    store.down = true;
    const read = await editing.read();
    expect([await put("one"), read.ok || read.refusal.code, store.saves]).toEqual([
      "store_unavailable",
      "store_unavailable",
      0,
    ]);
    expect(JSON.stringify(read)).not.toContain("MARKED");
    store.down = false;
    expect([await put("one"), store.last]).toEqual(["added", ["zero", "one"]]);
  });
});

describe("changes that arrive during a write", () => {
  it("are written together after it", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => put(`film-${i}`)));
    expect([new Set(results), store.last.length, store.saves]).toEqual([new Set(["added"]), 20, 2]);
  });

  it("are not written if they change nothing", async () => {
    await put("one");
    expect([await put("one"), store.saves]).toEqual(["unchanged", 1]);
  });
});
