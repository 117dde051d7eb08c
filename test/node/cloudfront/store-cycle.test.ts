import { beforeEach, describe, expect, it } from "vitest";
import { EmulatedStore, writable } from "../../../cli/cloudfront/key-value-store.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { after, type Seconds, seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import type { WritableStore } from "../../../src/cloudfront/keep-in-step.ts";
import { mayContain } from "../../../src/cloudfront/packed-entry.ts";
import { cycleTimes, type FollowedLog, StoreCycle, storeKeys } from "../../../src/cloudfront/store-cycle.ts";
import type { EdgeKey } from "../../../src/keys/key.ts";
import type { LoggedRevocation } from "../../../src/sessions/revocation.ts";
import { now, ringKeys } from "../../unit/signing/session.ts";

const edgeKeys = ringKeys.map((key): EdgeKey => ({ ...key, purpose: "cloudfront-session" }));
const id = (number: number) => encodeBase64url(new Uint8Array(16).fill(number));

/** A log that is read in pages of two, as every log is read in pages. */
class PagedLog implements FollowedLog {
  readonly rows: LoggedRevocation[] = [];
  readonly cursors: number[] = [];
  isDown = false;
  /** Entries before this cursor are no longer known. */
  beginsAt = 0;

  async since(cursor: number) {
    this.cursors.push(cursor);
    if (this.isDown) throw new Error("no answer");
    const reset = cursor < this.beginsAt;
    const from = reset ? this.beginsAt : cursor;
    const entries = this.rows.slice(from, from + 2);
    return { cursor: from + entries.length, reset, more: from + entries.length < this.rows.length, entries };
  }
}

let time: UnixSeconds;
let log: PagedLog;
let store: EmulatedStore;
let cycle: StoreCycle;

beforeEach(() => {
  time = now;
  log = new PagedLog();
  store = new EmulatedStore(() => time * 1000);
  // Another writer kept it in step until now.
  put("c", `1||${after(time, cycleTimes.lifetime)}|||`);
  cycle = begun();
});

function begun(port: WritableStore = writable(store), capacity?: number): StoreCycle {
  return new StoreCycle({ log, store: port, clock: () => time, ...(capacity !== undefined && { capacity }) });
}

function put(key: string, value: string): void {
  store.update({ puts: [{ key, value }] }, store.describe().etag);
}

function wait(length: Seconds): void {
  time = after(time, length);
}

function revoke(number: number, changes: Partial<LoggedRevocation> = {}): void {
  const until = after(time, seconds(600));
  log.rows.push({ kind: "login", value: id(number), cause: "revoked", at: time, until, ...changes });
}

const logins = () => [...store.list().keys()].filter((key) => key.startsWith("l"));
/** The marks of the packed entry. */
const marks = () => store.list().get("c")?.split("|")[1];
/** When the packed entry expires. */
const until = () => Number(store.list().get("c")?.split("|")[2]);

describe("the cycle that keeps a store in step with the log", () => {
  it("reads every page of the log from its cursor, and writes what changed", async () => {
    for (const number of [1, 2, 3]) revoke(number);
    expect(await cycle.run(edgeKeys)).toEqual({
      status: "in_step",
      ...{ puts: 4, deletes: 0, next: cycleTimes.cycle },
      store: {
        ...{ inStepAt: now, writtenAt: now, until: now + cycleTimes.lifetime, entries: 4 },
        ...{ bytes: store.describe().totalSizeInBytes, capacity: 5_242_880, dropped: 0, filtered: 0 },
        kids: edgeKeys.map(({ kid }) => kid),
      },
    });
    wait(seconds(5));
    revoke(4);
    revoke(1, { until: unixSeconds(0) });
    expect(await cycle.run(edgeKeys)).toMatchObject({ puts: 1, deletes: 1, store: { inStepAt: time, writtenAt: now } });
    expect(logins()).toEqual([2, 3, 4].map((number) => `l${id(number)}`));
    expect(log.cursors).toEqual([0, 2, 3]);
  });

  it("writes nothing while nothing changes, except the packed entry long before the function stops using it", async () => {
    await cycle.run(edgeKeys);
    const { etag } = store.describe();
    wait(seconds(cycleTimes.rewrite - 1));
    expect(await cycle.run(edgeKeys)).toMatchObject({ puts: 0, deletes: 0, store: { inStepAt: time } });
    expect(store.describe().etag).toBe(etag);
    wait(seconds(1));
    expect(await cycle.run(edgeKeys)).toMatchObject({ puts: 1, store: { writtenAt: time } });
    expect(until()).toBe(time + cycleTimes.lifetime);
    expect(cycleTimes.lifetime).toBeGreaterThanOrEqual(4 * cycleTimes.rewrite);
  });

  it("removes entries that have expired, although the log says nothing about them", async () => {
    revoke(1, { until: after(time, seconds(30)) });
    await cycle.run(edgeKeys);
    wait(cycleTimes.sweep);
    expect(await cycle.run(edgeKeys)).toMatchObject({ puts: 0, deletes: 1 });
  });

  it("writes a key of the ring before it signs, keeps it while it retires, and removes it then", async () => {
    const [first, second] = edgeKeys;
    if (first === undefined || second === undefined) throw new Error("two keys");
    const states = (...each: readonly EdgeKey["state"][]) =>
      storeKeys({ keys: [first, second].map((key, at) => ({ ...key, state: each[at] })) }, time).map(({ kid }) => kid);
    expect(states("active", "next")).toEqual([first.kid, second.kid]);
    expect(states("retiring", "active")).toEqual([first.kid, second.kid]);
    expect(states("retired", "active")).toEqual([second.kid]);
    await cycle.run([first]);
    expect(await cycle.run([first, second])).toMatchObject({ puts: 1, store: { kids: [first.kid, second.kid] } });
    expect(store.list().get("c")).toContain(`${second.kid}:`);
    expect(await cycle.run([])).toMatchObject({ status: "failed", fault: "keys" });
  });

  it("writes nothing while the log is down, and waits longer after each failure", async () => {
    await cycle.run(edgeKeys);
    const { etag } = store.describe();
    log.isDown = true;
    wait(cycleTimes.rewrite);
    const pauses: number[] = [];
    for (let failures = 0; failures < 6; failures++) {
      const result = await cycle.run(edgeKeys);
      expect(result).toMatchObject({ status: "failed", fault: "log", detail: "no answer", store: { inStepAt: now } });
      pauses.push(result.next);
    }
    expect(pauses).toEqual([5, 10, 20, 40, 60, 60]);
    expect(store.describe().etag).toBe(etag);
    log.isDown = false;
    expect(await cycle.run(edgeKeys)).toMatchObject({ status: "in_step", next: 5 });
    log.isDown = true;
    expect(await cycle.run(edgeKeys)).toMatchObject({ next: 5 });
  });

  it("reads the log from its beginning after a silence in which the log can have forgotten a lifted entry", async () => {
    revoke(1);
    await cycle.run(edgeKeys);
    wait(seconds(601));
    await cycle.run(edgeKeys);
    expect(log.cursors).toEqual([0, 0]);
    // Ends may be missing too.
    expect(marks()).toBe("o");
  });

  it("follows a log that does not know the cursor any more, and writes only after its last page", async () => {
    for (const number of [1, 2, 3]) revoke(number);
    await cycle.run(edgeKeys);
    log.beginsAt = 4;
    log.rows.push(...log.rows);
    revoke(7, { kind: "asset", value: "film" });
    expect(await cycle.run(edgeKeys)).toMatchObject({ status: "in_step" });
    expect(logins()).toEqual([2, 3].map((number) => `l${id(number)}`));
    expect(store.list().get("c")).toContain("|afilm|");
  });

  it("continues after a crash between two updates, whether it begins again or not", async () => {
    for (let number = 0; number < 120; number++) revoke(number);
    store = new EmulatedStore(() => time * 1000);
    const { read, update, etag } = writable(store);
    let updates = 0;
    const crashing: WritableStore = {
      ...{ read, etag },
      update: (change, match) => (++updates === 2 ? Promise.reject(new Error("it crashed")) : update(change, match)),
    };
    const interrupted = begun(crashing);
    expect(await interrupted.run(edgeKeys)).toMatchObject({ status: "failed", fault: "store", detail: "it crashed" });
    expect(logins().length).toBe(50);
    // The packed entry is the last, so that the function admits nobody with a part of the entries.
    expect(store.list().has("c")).toBe(false);
    const same = await interrupted.run(edgeKeys);
    expect([same, logins().length]).toEqual([expect.objectContaining({ status: "in_step", puts: 72 }), 120]);
    expect(await begun().run(edgeKeys)).toMatchObject({ status: "in_step", deletes: 0 });
    expect(logins().length).toBe(120);
  });

  it("begins again with the ends that the store has and the log has forgotten, and leaves renewals to the manifest host if it missed some", async () => {
    const ended = (number: number) =>
      revoke(number, { kind: "session", lastGrant: unixSeconds(time + 90_000), by: "viewer" });
    ended(1);
    await cycle.run(edgeKeys);
    log.rows.length = 0;
    wait(seconds(600));
    ended(2);
    expect(await begun().run(edgeKeys)).toMatchObject({ status: "in_step", puts: 2, deletes: 0 });
    expect([...store.list().keys()].toSorted()).toEqual(["c", `s${id(1)}`, `s${id(2)}`]);
    expect(marks()).toBe("");
    wait(seconds(601));
    const late = begun();
    expect(await late.run(edgeKeys)).toMatchObject({ status: "in_step", deletes: 0 });
    expect([store.list().has(`s${id(1)}`), store.list().has("o"), marks()]).toEqual([true, true, "o"]);
    wait(seconds(86_400 * 8));
    await begun().run(edgeKeys);
    expect([store.list().has(`s${id(1)}`), marks()]).toEqual([false, "o"]);
  });

  it("leaves all renewals to the manifest host, if it is told to", async () => {
    await new StoreCycle({ log, store: writable(store), clock: () => time, renewal: "manifest" }).run(edgeKeys);
    expect(marks()).toBe("o");
    await begun().run(edgeKeys);
    expect(marks()).toBe("");
  });

  it("removes what somebody else wrote, and reports one that writes all the time", async () => {
    await cycle.run(edgeKeys);
    put("foreign", "1");
    revoke(1);
    expect(await cycle.run(edgeKeys)).toMatchObject({ status: "in_step" });
    expect([...store.list().keys()].toSorted()).toEqual(["c", `l${id(1)}`]);
    revoke(2);
    const contested = begun({ ...writable(store), update: async () => ({ ok: false, refusal: "conflict" }) });
    expect(await contested.run(edgeKeys)).toMatchObject({ fault: "store", detail: expect.stringMatching(/^somebody/) });
  });

  it("finds within a sweep that somebody else wrote, also if the log says nothing", async () => {
    revoke(1);
    await cycle.run(edgeKeys);
    store.update({ puts: [{ key: "foreign", value: "1" }], deletes: [`l${id(1)}`] }, store.describe().etag);
    wait(seconds(cycleTimes.sweep - 1));
    expect(await cycle.run(edgeKeys)).toMatchObject({ puts: 0, deletes: 0 });
    wait(seconds(1));
    expect(await cycle.run(edgeKeys)).toMatchObject({ status: "in_step", puts: 1, deletes: 1 });
    expect([...store.list().keys()].toSorted()).toEqual(["c", `l${id(1)}`]);
  });

  it("says which share of other viewers' requests the revoked ones send to the manifest host", async () => {
    const random = () => crypto.getRandomValues(new Uint8Array(16));
    const revoked = (count: number) => {
      for (let at = 0; at < count; at++)
        revoke(0, { kind: "subject", value: encodeBase64url(random()), by: "operator" });
    };
    const share = async () => {
      const result = await cycle.run(edgeKeys);
      return result.status === "in_step" ? result.store.filtered : -1;
    };
    revoked(1);
    const few = await share();
    revoked(500);
    const many = await share();
    expect([few > 0, few < 1e-6, many > 0.005, many < 0.5]).toEqual([true, true, true, true]);
    const filter = Buffer.from(store.list().get("c")?.split("|")[5] ?? "", "base64url");
    const isHit = () => [random(), random()].some((identifier) => mayContain(filter, Buffer.from(identifier)));
    const hits = Array.from({ length: 20_000 }, isHit).filter(Boolean).length;
    expect(Math.abs(hits / 20_000 - many)).toBeLessThan(0.05);
  });

  it("says what has no room, and writes the keys and the rest nevertheless", async () => {
    for (let number = 0; number < 10; number++) revoke(number, { by: "operator" });
    const small = begun(writable(store), 1100);
    for (const pause of [5, 10])
      expect(await small.run(edgeKeys)).toMatchObject({
        ...{ status: "failed", fault: "room", next: pause, store: { dropped: 9, writtenAt: time } },
        detail: expect.stringMatching(/^the store has 1100 bytes, and 9 entries that must not be left out /),
      });
    expect([logins().length, marks()]).toEqual([1, "o"]);
    wait(cycleTimes.rewrite);
    await small.run(edgeKeys);
    expect(until()).toBe(time + cycleTimes.lifetime);
    log.rows.push(...log.rows.map((row) => ({ ...row, until: unixSeconds(0) })));
    expect(await small.run(edgeKeys)).toMatchObject({ status: "in_step", store: { dropped: 0 } });
  });

  it("writes the packed entry with its usual lifetime although its clock was ahead for a cycle", async () => {
    wait(seconds(100_000));
    await cycle.run(edgeKeys);
    time = now;
    expect(await cycle.run(edgeKeys)).toMatchObject({ store: { writtenAt: now } });
    expect(until()).toBe(now + cycleTimes.lifetime);
  });
});
