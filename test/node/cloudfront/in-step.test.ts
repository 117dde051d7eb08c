import { describe, expect, it } from "vitest";
import { EmulatedStore, writable } from "../../../cli/cloudfront/key-value-store.ts";
import { maxSessionTtl } from "../../../src/base/constants.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { after, seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { bringInStep, changesOf } from "../../../src/cloudfront/keep-in-step.ts";
import { StoreContents, type StoreRevocation } from "../../../src/cloudfront/store-contents.ts";
import { now, ringKeys } from "../../unit/signing/session.ts";

const at = (offset: number) => after(now, seconds(offset));
const until = at(1_000_000);
const packed = { keys: ringKeys, until };
const id = (number: number) => encodeBase64url(new Uint8Array(16).fill(number));
const logins = (count: number, changes: Partial<StoreRevocation> = {}) =>
  Array.from({ length: count }, (_, index) => login(id(index), { until: at(100 + index), ...changes }));

function login(value: string, changes: Partial<StoreRevocation> = {}): StoreRevocation {
  return { kind: "login", value, cause: "revoked", at: now, until: at(600), by: "viewer", ...changes };
}

function contentsOf(...entries: readonly StoreRevocation[]): StoreContents {
  const contents = new StoreContents();
  contents.apply({ reset: true, entries });
  return contents;
}

function wantedOf(contents: StoreContents, time: UnixSeconds = now, capacity?: number) {
  const wanted = contents.wanted(time, packed, capacity);
  if (!wanted.ok) throw new Error(wanted.refusal);
  const keys = [...wanted.value.entries.keys()].filter((key) => key !== "c");
  const [, marks] = wanted.value.entries.get("c")?.split("|") ?? [];
  return { ...wanted.value, keys, marks };
}

/** Room for the packed entry and this many entries of logins. */
const room = (count: number) => 1025 + count * (23 + `r${now}`.length);

describe("what the store should contain", () => {
  it("has an ended session until its last grant can have expired, although the log shortens its entry", () => {
    const session: StoreRevocation = { ...login(id(1)), kind: "session" };
    const contents = contentsOf(session);
    contents.apply({ reset: false, entries: [{ ...session, until: at(1) }] });
    expect(wantedOf(contents, at(maxSessionTtl - 1)).keys).toEqual([`s${id(1)}`]);
    expect(wantedOf(contents, at(maxSessionTtl)).keys).toEqual([]);
  });

  it("no longer has what was lifted, what has ended, and what a log that begins again does not have", () => {
    const contents = contentsOf(login(id(1)), login(id(2)), login(id(3), { until: at(5) }));
    contents.apply({ reset: false, entries: [login(id(2), { until: unixSeconds(0) })] });
    expect(wantedOf(contents, at(5)).keys).toEqual([`l${id(1)}`]);
    contents.apply({ reset: true, entries: [] });
    expect(wantedOf(contents).keys).toEqual([]);
  });

  it("leaves out what ends soonest if it is full, and leaves renewals to the manifest host while it does", () => {
    const contents = contentsOf(...logins(10));
    expect(wantedOf(contents, now, room(10))).toMatchObject({ dropped: 0, marks: "" });
    const full = wantedOf(contents, now, room(7));
    expect(full).toMatchObject({ dropped: 3, marks: "o" });
    expect(full.keys).toEqual([3, 4, 5, 6, 7, 8, 9].map((number) => `l${id(number)}`));
    expect(full.bytes).toBeLessThanOrEqual(room(7));
    expect(wantedOf(contents, at(103), room(7))).toMatchObject({ dropped: 0, marks: "" });
  });

  it("never leaves out the entries of operators and of sharing, and says how much room they need", () => {
    const kept = [
      login(id(101), { by: "operator" }),
      login(id(102), { cause: "shared" }),
      login(id(103), { by: undefined }),
    ];
    const contents = contentsOf(...logins(5), ...kept.map((each) => ({ ...each, until: at(1) })));
    expect(wantedOf(contents, now, room(3)).keys).toEqual([101, 102, 103].map((number) => `l${id(number)}`));
    expect(contents.wanted(now, packed, room(2))).toMatchObject({
      refusal: expect.stringMatching(/^the store has \d+ bytes, and the entries .* need \d+: /),
    });
  });

  it("leaves out first what one viewer has in excess, so that nobody makes others' entries disappear", () => {
    const mine = logins(30, { subject: "me", until: at(900) });
    const contents = contentsOf(...mine, login(id(101), { subject: "you", until: at(1) }));
    expect(wantedOf(contents, now, room(21)).keys).toContain(`l${id(101)}`);
    expect(wantedOf(contents, now, room(20)).keys).not.toContain(`l${id(101)}`);
  });

  it("leaves renewals to the manifest host while the log has lost entries", () => {
    const contents = new StoreContents();
    contents.apply({ reset: true, entries: [], notBefore: now });
    expect(wantedOf(contents).marks).toBe("o");
  });
});

describe("the loop that keeps a store in step", () => {
  const clock = () => now * 1000;

  it("writes any number of entries, in updates of 50 keys, and only what is different", async () => {
    const store = new EmulatedStore(clock);
    const first = wantedOf(contentsOf(...logins(120))).entries;
    expect(changesOf(new Map(), first).map(({ puts }) => puts.length)).toEqual([50, 50, 21]);
    const known = await bringInStep(writable(store), first);
    expect(store.list()).toEqual(first);
    if (!known.ok) throw new Error(known.refusal);
    const second = wantedOf(contentsOf(...logins(121).slice(1))).entries;
    expect(changesOf(first, second)).toEqual([
      { puts: [{ key: `l${id(120)}`, value: `r${at(220)}` }], deletes: [`l${id(0)}`] },
    ]);
    expect(await bringInStep(writable(store), second, known.value)).toMatchObject({ ok: true });
    expect(store.list()).toEqual(second);
    expect(changesOf(second, second)).toEqual([]);
  });

  it("writes the packed entry first if entries will be missing, and otherwise last", () => {
    const contents = contentsOf(...logins(100));
    const isFirst = (entries: ReadonlyMap<string, string>) => changesOf(new Map(), entries)[0]?.puts[0]?.key === "c";
    expect(isFirst(wantedOf(contents, now, room(90)).entries)).toBe(true);
    expect(isFirst(wantedOf(contents).entries)).toBe(false);
    expect(changesOf(new Map(), wantedOf(contents).entries).at(-1)?.puts.at(-1)?.key).toBe("c");
  });

  it("reads the store again if somebody else wrote to it, and removes what does not belong there", async () => {
    const store = new EmulatedStore(clock);
    const wanted = wantedOf(contentsOf(...logins(3))).entries;
    const known = await bringInStep(writable(store), wanted);
    if (!known.ok) throw new Error(known.refusal);
    store.update({ puts: [{ key: "foreign", value: "1" }], deletes: [`l${id(0)}`] }, store.describe().etag);
    const next = wantedOf(contentsOf(...logins(4))).entries;
    expect(await bringInStep(writable(store), next, known.value)).toMatchObject({ ok: true });
    expect(store.list()).toEqual(next);
  });

  it("gives up if every update finds another state, and rejects if the store does not answer", async () => {
    const store = new EmulatedStore(clock);
    const { read, update } = writable(store);
    const wanted = wantedOf(contentsOf(login(id(1)))).entries;
    let reads = 0;
    const contested = {
      read: () => {
        reads++;
        return read();
      },
      update: () => update({ puts: [], deletes: [] }, "old"),
    };
    expect(await bringInStep(contested, wanted)).toEqual({ ok: false, refusal: "conflict" });
    expect(reads).toBe(5);
    const silent = { read, update: () => Promise.reject(new Error("no answer")) };
    await expect(bringInStep(silent, wanted)).rejects.toThrow("no answer");
  });
});
