import { describe, expect, it } from "vitest";
import type { Refusal } from "../../../src/base/result.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { keepCatalog } from "../../../src/catalog/catalog-source.ts";
import { sampleDocument } from "./sample.ts";

const document = (id: string) => JSON.stringify({ version: 1, assets: [sampleDocument({ id })] });
const faulty = JSON.stringify({ version: 1, assets: [sampleDocument({ entry: "../x", session: 1 })] });

/** A store whose content and clock a test sets: a text, nothing, or an error. */
function fakeStore(first: string | undefined | Error) {
  const store = { now: 1_800_000_000, content: first, loads: 0, refusals: [] as Refusal[] };
  const catalog = keepCatalog({
    load: async () => {
      store.loads++;
      if (store.content instanceof Error) throw store.content;
      return store.content;
    },
    clock: () => unixSeconds(store.now),
    maxAge: seconds(30),
    maxStale: seconds(600),
    onRefusal: (refusal) => store.refusals.push(refusal),
  });
  const id = async () => {
    const result = await catalog();
    return result.ok ? result.value.assets()[0]?.id : result.refusal.code;
  };
  return { store, catalog, id };
}

describe("the cached catalog", () => {
  it("is read once per maximum age, for all requests", async () => {
    const { store, id } = fakeStore(document("one"));
    expect(await id()).toBe("one");
    store.content = document("two");
    store.now += 29;
    expect(await id()).toBe("one");
    expect(store.loads).toBe(1);
    store.now += 1;
    expect(await id()).toBe("two");
    expect(store.loads).toBe(2);
  });

  it("is the same value after a reload of the same text", async () => {
    const { store, catalog } = fakeStore(document("one"));
    const first = await catalog();
    store.now += 30;
    const second = await catalog();
    expect(store.loads).toBe(2);
    expect(second.ok && first.ok && second.value === first.value).toBe(true);
  });

  it.each([
    ["down", new Error("down"), "store_unavailable"],
    ["empty", undefined, "configuration_invalid"],
    ["faulty", faulty, "configuration_invalid"],
    ["not JSON", "{", "configuration_invalid"],
  ])("stays in use for a limited time if the store is %s, and is refused after that", async (_, content, code) => {
    const { store, id } = fakeStore(document("one"));
    await id();
    store.content = content;
    store.now += 30;
    expect(await id()).toBe("one");
    expect(store.refusals.map((refusal) => refusal.code)).toEqual([code]);
    store.now += 599;
    expect(await id()).toBe("one");
    store.now += 1;
    expect(await id()).toBe(code);
    store.content = document("two");
    expect(await id()).toBe("two");
  });

  it.each([
    ["down", new Error("down"), "store_unavailable"],
    ["empty", undefined, "configuration_invalid"],
    ["faulty", faulty, "configuration_invalid"],
  ])("is refused at once if no valid one was ever read and the store is %s", async (_, content, code) => {
    expect(await fakeStore(content).id()).toBe(code);
  });

  it("names every fault in the reason of its refusal", async () => {
    const { store, id } = fakeStore(faulty);
    await id();
    expect(store.refusals[0]?.reason).toMatch(/2 faults.*path_not_canonical: film: entry.*schema: film: session/);
  });

  it("does not repeat the store's error message", async () => {
    const { store, id } = fakeStore(new Error("token=abc"));
    await id();
    expect(store.refusals[0]?.reason).not.toContain("abc");
  });

  it("is loaded again only after a pause while the store is down", async () => {
    const { store, id } = fakeStore(document("one"));
    await id();
    store.content = new Error("down");
    store.now += 30;
    for (let i = 0; i < 10; i++) await id();
    expect(store.loads).toBe(2);
    store.now += 5;
    await id();
    expect(store.loads).toBe(3);
  });

  it("does not make one request wait for the reload of another", async () => {
    const clock = { now: 1_800_000_000 };
    const hanging = Promise.withResolvers<string>();
    const contents = [Promise.resolve(document("one")), hanging.promise];
    const catalog = keepCatalog({
      load: () => contents.shift() ?? Promise.reject(new Error("loaded too often")),
      clock: () => unixSeconds(clock.now),
    });
    await catalog();
    clock.now += 30;
    const first = catalog();
    const second = await catalog();
    expect(second.ok && second.value.asset("one")?.id).toBe("one");
    hanging.resolve(document("two"));
    const reloaded = await first;
    expect(reloaded.ok && reloaded.value.asset("two")?.id).toBe("two");
  });
});
