import { describe, expect, it } from "vitest";
import { EmulatedStore, writable } from "../../../cli/cloudfront/key-value-store.ts";
import { maxSessionTtl } from "../../../src/base/constants.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { after, seconds, type UnixSeconds, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { bringInStep, changesOf } from "../../../src/cloudfront/keep-in-step.ts";
import { StoreContents } from "../../../src/cloudfront/store-contents.ts";
import { entryOfEnded, type LoggedRevocation, type Revocation } from "../../../src/sessions/revocation.ts";
import { memoryRevocationLog } from "../../support/memory-stores.ts";
import { now, ringKeys } from "../../unit/signing/session.ts";

const at = (offset: number) => after(now, seconds(offset));
const until = at(1_000_000);
const packed = { keys: ringKeys, until };
const id = (number: number) => encodeBase64url(new Uint8Array(16).fill(number));
const logins = (count: number, changes: Partial<LoggedRevocation> = {}) =>
  Array.from({ length: count }, (_, index) => login(id(index), { until: at(100 + index), ...changes }));

function login(value: string, changes: Partial<LoggedRevocation> = {}): LoggedRevocation {
  return { kind: "login", value, cause: "revoked", at: now, until: at(600), by: "viewer", ...changes };
}

function contentsOf(...entries: readonly LoggedRevocation[]): StoreContents {
  const contents = new StoreContents();
  contents.apply({ reset: true, entries }, now);
  return contents;
}

function wantedOf(contents: StoreContents, time: UnixSeconds = now, capacity?: number) {
  const wanted = contents.wanted(time, packed, capacity);
  if (!wanted.ok) throw new Error(wanted.refusal);
  const keys = [...wanted.value.entries.keys()].filter((key) => key !== "c" && key !== "o");
  const [, marks] = wanted.value.entries.get("c")?.split("|") ?? [];
  return { ...wanted.value, keys, marks };
}

/** Room for the packed entry, the time of renewals by the manifest host, and this many entries of logins. */
const room = (count: number) => 1025 + 13 + count * (23 + `r${now}`.length);

describe("what the store should contain", () => {
  it("has an ended session until its last grant can have expired, although the log shortens its entry", () => {
    const session: LoggedRevocation = { ...login(id(1)), kind: "session" };
    const contents = contentsOf(session);
    contents.apply({ reset: false, entries: [{ ...session, until: at(1) }] }, now);
    expect(wantedOf(contents, at(maxSessionTtl - 1)).keys).toEqual([`s${id(1)}`]);
    expect(wantedOf(contents, at(maxSessionTtl)).keys).toEqual([]);
  });

  it("has an entry until the last grant that the log names, which may come earlier or later than the entry's own end", () => {
    const entries = [
      login(id(1), { kind: "session", until: at(200), lastGrant: at(900) }),
      login(id(2), { until: at(200), lastGrant: at(700) }),
    ];
    const contents = contentsOf(...entries);
    expect(wantedOf(contents, at(699)).keys).toEqual([`s${id(1)}`, `l${id(2)}`]);
    expect(wantedOf(contents, at(899)).keys).toEqual([`s${id(1)}`]);
    expect(wantedOf(contents, at(900)).keys).toEqual([]);
  });

  it("no longer has what was lifted and what has ended", () => {
    const contents = contentsOf(login(id(1)), login(id(2)), login(id(3), { until: at(5) }));
    contents.apply({ reset: false, entries: [login(id(2), { until: unixSeconds(0) })] }, now);
    expect(wantedOf(contents, at(5)).keys).toEqual([`l${id(1)}`]);
  });

  it("keeps what viewers ended if the log begins again, because the log forgets that, and only that", () => {
    const contents = contentsOf(
      login(id(1)),
      login(id(2), { kind: "session" }),
      login(id(3), { by: "operator" }),
      login(id(4), { kind: "session", by: "operator" }),
      login(id(5), { kind: "session", by: undefined }),
      login("film", { kind: "asset", by: "operator" }),
    );
    contents.apply({ reset: true, entries: [] }, now);
    const { keys, entries } = wantedOf(contents);
    expect(keys).toEqual([`l${id(1)}`, `s${id(2)}`, `s${id(5)}`]);
    expect(entries.get("c")).toMatch(/\|\|$/);
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

  it("leaves out the entries of operators and of sharing only if nothing else is left, and says how many of them", () => {
    const kept = [
      login(id(101), { by: "operator" }),
      login(id(102), { cause: "shared" }),
      login(id(103), { by: undefined }),
    ];
    const contents = contentsOf(...logins(5), ...kept.map((each) => ({ ...each, until: at(1) })));
    expect(wantedOf(contents, now, room(3) + 1).keys).toEqual([101, 102, 103].map((number) => `l${id(number)}`));
    expect(wantedOf(contents, now, room(3) + 1)).toMatchObject({ dropped: 5, lost: 0 });
    const full = wantedOf(contents, now, room(2) + 1);
    expect(full).toMatchObject({ keys: [101, 103].map((number) => `l${id(number)}`), dropped: 6, lost: 1, marks: "o" });
    expect(full.entries.get("c")).toContain(ringKeys[0]?.k);
  });

  it("leaves out what one viewer's sharing has in excess, so that nobody fills the store", () => {
    const shared = logins(30, { kind: "session", cause: "shared", subject: "me", until: at(900) });
    const contents = contentsOf(...shared, login(id(101), { by: "operator", until: at(1) }));
    const full = wantedOf(contents, now, room(21) + 1);
    expect(full).toMatchObject({ dropped: 10, lost: 0, marks: "o" });
    expect(full.keys).toContain(`l${id(101)}`);
    expect(wantedOf(contents, now, room(20) + 1)).toMatchObject({ dropped: 11, lost: 1 });
  });

  it("leaves out first what one viewer has in excess, so that nobody makes others' entries disappear", () => {
    const mine = logins(30, { subject: "me", until: at(900) });
    const contents = contentsOf(...mine, login(id(101), { subject: "you", until: at(1) }));
    expect(wantedOf(contents, now, room(21)).keys).toContain(`l${id(101)}`);
    expect(wantedOf(contents, now, room(20)).keys).not.toContain(`l${id(101)}`);
  });

  it("leaves renewals to the manifest host until the last grant from before the log lost entries has expired", () => {
    const contents = new StoreContents();
    contents.apply({ reset: true, entries: [], notBefore: now }, now);
    expect(wantedOf(contents).marks).toBe("o");
    expect(wantedOf(contents, at(maxSessionTtl - 1)).marks).toBe("o");
    expect(wantedOf(contents, at(maxSessionTtl)).marks).toBe("");
  });

  it.each(["ends-left-out", "sign-outs-left-out"])(
    "leaves renewals to the manifest host while the full log says that it left ends out: %s",
    (value) => {
      const contents = contentsOf(login(value, { kind: "subject", until: at(600) }));
      expect([wantedOf(contents).marks, wantedOf(contents).entries.get("c")]).toEqual([
        "o",
        expect.stringMatching(/\|\|$/),
      ]);
      expect(wantedOf(contents, at(600)).marks).toBe("");
    },
  );

  it("keeps what operators revoked if the log begins again because it lost entries", () => {
    const lost = [
      login(id(1), { kind: "session", by: "operator" }),
      login(id(2), { by: "operator" }),
      login("film", { kind: "asset", by: "operator" }),
      login("old", { kind: "key", by: "operator" }),
      login(id(3), { kind: "subject", by: "operator" }),
    ];
    const contents = contentsOf(...lost);
    contents.apply({ reset: true, entries: [], notBefore: at(10) }, at(10));
    const kept = wantedOf(contents);
    expect(kept.keys).toEqual([`s${id(1)}`, `l${id(2)}`]);
    const [names, filter] = kept.entries.get("c")?.split("|").slice(4) ?? [];
    expect([names, filter]).toEqual(["afilm,kold", expect.stringMatching(/^A+CA+$/)]);
    // What was revoked and lifted since then, the log knows.
    contents.apply(
      { reset: false, entries: [login("film", { kind: "asset", until: unixSeconds(0) })], notBefore: at(10) },
      at(20),
    );
    contents.apply(
      { reset: false, entries: [login(id(4), { at: at(20), by: "operator" })], notBefore: at(10) },
      at(20),
    );
    contents.apply({ reset: true, entries: [], notBefore: at(10) }, at(30));
    expect(wantedOf(contents).entries.get("c")).toContain("|kold|");
    expect(wantedOf(contents).keys).toEqual([`s${id(1)}`, `l${id(2)}`]);
  });
});

describe("a writer that starts again with what the store has", () => {
  const validFor = seconds(1000);
  const written = (offset: number) => `1||${at(offset) + validFor}|||`;
  const startedWith = (...entries: readonly (readonly [string, string])[]) => startedAfter(undefined, ...entries);
  const startedAfter = (notBefore: UnixSeconds | undefined, ...entries: readonly (readonly [string, string])[]) => {
    const contents = new StoreContents();
    contents.adopt(new Map(entries), now, validFor);
    contents.apply({ reset: true, entries: [], notBefore }, now);
    return wantedOf(contents);
  };

  it("keeps sessions and logins that the log has forgotten, and forgets what operators have lifted and what is no entry", () => {
    const { keys, marks, entries } = startedWith(
      ["c", written(-10)],
      [`s${id(1)}`, `t${at(5)}`],
      [`s${id(2)}`, `s${at(5)}`],
      [`l${id(3)}`, `r${at(5)}`],
      [`s${id(4)}`, `r${at(5)}o`],
      [`s${id(5)}`, `r${at(0)}`],
      [`s${id(6)}`, "x"],
      ["foreign", `r${at(5)}`],
    );
    expect([keys, marks]).toEqual([[`s${id(1)}`, `s${id(2)}`, `l${id(3)}`], ""]);
    expect(entries.get(`s${id(1)}`)).toBe(`t${at(5)}`);
  });

  it("reads from the store what it would write again", () => {
    const first = wantedOf(
      contentsOf(
        login(id(1), { kind: "session", cause: "taken", until: at(100), lastGrant: at(900), subject: id(9) }),
        login(id(2), { kind: "session", cause: "shared" }),
        login(id(3)),
      ),
    ).entries;
    const contents = new StoreContents();
    contents.adopt(first, now, seconds(until - now));
    contents.apply({ reset: true, entries: [] }, now);
    expect(new Map(wantedOf(contents).entries)).toEqual(first);
  });

  it("counts a viewer's entries of the store and of the log together, and knows entries without a viewer", () => {
    const [me, you] = [id(200), id(201)];
    const ended = { kind: "session", until: at(900), lastGrant: at(900) } as const;
    const before = wantedOf(contentsOf(...logins(20, { ...ended, subject: me }))).entries;
    const tagged = room(31) + 31 * `.${me.slice(0, 4)}`.length;
    const contents = new StoreContents();
    contents.adopt(new Map([...before, [`s${id(100)}`, `r${at(1)}`]]), now, seconds(until - now));
    const mine = Array.from({ length: 10 }, (_, index) => login(id(50 + index), { ...ended, subject: me }));
    const others = login(id(101), { ...ended, until: at(2), lastGrant: at(2), subject: you });
    contents.apply({ reset: true, entries: [...mine, others] }, now);
    const { keys, entries } = wantedOf(contents, now, tagged);
    expect([keys.length, keys.slice(-2)]).toEqual([31, [`s${id(59)}`, `s${id(101)}`]]);
    expect([keys.includes(`s${id(100)}`), entries.get(`s${id(101)}`)]).toEqual([true, `r${at(2)}.ycnJ`]);
  });

  it("leaves renewals to the manifest host for as long as a session can last, if the log may have forgotten ends meanwhile", () => {
    expect(startedWith(["c", written(-600)]).marks).toBe("");
    const late = startedWith(["c", written(-601)]);
    expect([late.marks, Number(late.entries.get("o")) - now - maxSessionTtl]).toEqual(["o", expect.closeTo(300, -3)]);
    expect(startedWith(["c", "of another version"]).marks).toBe("o");
  });

  it("leaves renewals to the manifest host with a store that has no packed entry: it may replace another one", () => {
    expect(startedWith()).toMatchObject({ keys: [], marks: "o" });
    expect(startedWith([`s${id(1)}`, `r${at(5)}`])).toMatchObject({ keys: [`s${id(1)}`], marks: "o" });
  });

  it("keeps what operators revoked if the log lost entries within the longest session", () => {
    const entries = [
      ["c", `1||${at(-10) + validFor}||afilm,kold|`],
      [`s${id(1)}`, `r${at(5)}o`],
      [`l${id(2)}`, `r${at(5)}o`],
    ] as const;
    const kept = startedAfter(at(-maxSessionTtl + 1), ...entries);
    expect(kept.keys).toEqual([`s${id(1)}`, `l${id(2)}`]);
    expect(kept.entries.get("c")).toContain("|afilm,kold|");
    const later = startedAfter(at(-maxSessionTtl), ...entries);
    expect([later.keys, later.entries.get("c")]).toEqual([[], expect.stringMatching(/\|\|$/)]);
  });

  it("knows until when entries are missing that had no room", () => {
    const full = wantedOf(contentsOf(...logins(10)), now, room(7));
    const said = Number(full.entries.get("o"));
    expect(said).toBeGreaterThanOrEqual(at(102));
    const contents = new StoreContents();
    contents.adopt(full.entries, now, seconds(until - now));
    contents.apply({ reset: true, entries: [] }, now);
    expect(wantedOf(contents, unixSeconds(said - 1))).toMatchObject({ dropped: 0, marks: "o" });
    expect(wantedOf(contents, unixSeconds(said)).marks).toBe("");
  });
});

describe("a store that follows a real log", () => {
  it("has every end until the last grant, and leaves out viewers' ends alone when it is full", async () => {
    const clock = () => unixMilliseconds(now * 1000);
    const log = memoryRevocationLog(clock);
    const ended = (number: number, subject: string) => ({
      sessionId: id(number),
      leaseUntil: at(90),
      expiresAt: at(3000),
      subject,
    });
    for (let number = 0; number < 30; number++) {
      const { subject, ...stream } = ended(number, number < 25 ? "me" : `viewer ${number}`);
      await log.append([entryOfEnded(stream, number === 0 ? "shared" : "taken", now, subject)], "viewer");
    }
    const operators: Revocation = { kind: "session", value: id(99), cause: "revoked", at: now, until: at(200) };
    await log.append([operators], "operator");
    const contents = new StoreContents();
    contents.apply(await log.since(0, "full"), now);
    expect(wantedOf(contents, at(3119)).keys.length).toBe(31);
    const full = wantedOf(contents, now, room(27) + 1);
    expect(full).toMatchObject({ dropped: 4, marks: "o" });
    const left = [0, 25, 26, 27, 28, 29, 99].map((number) => `s${id(number)}`);
    expect(full.keys).toEqual(expect.arrayContaining(left));
    expect(full.entries.get(`s${id(99)}`)).toBe(`r${at(maxSessionTtl)}o`);
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
    const has = new Map([["c", ""]]);
    const full = wantedOf(contents, now, room(90)).entries;
    const whole = wantedOf(contents).entries;
    const isFirst = (entries: ReadonlyMap<string, string>) => changesOf(has, entries)[0]?.puts[0]?.key === "c";
    expect([isFirst(full), isFirst(whole)]).toEqual([true, false]);
    expect(changesOf(has, whole).at(-1)?.puts.at(-1)?.key).toBe("c");
    // With a store that has no packed entry the function admits nobody, until it has all entries.
    const [last, ...before] = (changesOf(new Map(), full).at(-1)?.puts ?? []).toReversed();
    expect([last?.key, before[0]?.key, isFirst(full)]).toEqual(["o", "c", true]);
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
    const { read, update, etag } = writable(store);
    const wanted = wantedOf(contentsOf(login(id(1)))).entries;
    let reads = 0;
    const contested = {
      etag,
      read: () => {
        reads++;
        return read();
      },
      update: () => update({ puts: [], deletes: [] }, "old"),
    };
    expect(await bringInStep(contested, wanted)).toEqual({ ok: false, refusal: "conflict" });
    expect(reads).toBe(5);
    const silent = { read, etag, update: () => Promise.reject(new Error("no answer")) };
    await expect(bringInStep(silent, wanted)).rejects.toThrow("no answer");
  });
});
