import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { type LeaseRouter, leaseRouter } from "../../../src/sessions/lease-router.ts";
import type { LeaseRow, LeaseRows } from "../../../src/sessions/lease-rows.ts";
import { LeaseStore } from "../../../src/sessions/lease-store.ts";
import { memoryStreams } from "../../support/memory-stores.ts";
import { at, claimOf, endingOf, touchOf } from "./streams-contract.ts";

/** Each generated key has other bytes. */
let keyCount = 0;
const secrets = { hmac: nobleHmac, random: (length: number) => new Uint8Array(length).fill(++keyCount) };
const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };

/** Rows in memory, with the number of writes. */
function memoryRows() {
  const stored = new Map<string, LeaseRow>();
  let writes = 0;
  let networkKey: string | undefined;
  const rows: LeaseRows = {
    all: () => stored.values(),
    put: (row) => {
      writes++;
      stored.set(row.sessionId, row);
    },
    remove: (sessionId) => void stored.delete(sessionId),
    markers: () => [],
    putMarker: () => {},
    removeMarker: () => {},
    networkKey: () => networkKey,
    putNetworkKey: (key) => {
      networkKey = key;
    },
    quotas: () => [],
    putQuota: () => {},
    removeQuota: () => {},
  };
  return { rows, stored, writes: () => writes };
}

const newStore = () => {
  const { rows, stored, writes } = memoryRows();
  return { store: new LeaseStore(rows, times, secrets), stored, writes };
};

describe("a start", () => {
  it("with a takeover is refused and ends no stream if the limit is 0", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0));
    expect(store.claim(claimOf("s1", 1, { limit: 0, takeover: true }))).toMatchObject({ status: "limited" });
    expect(store.touch(touchOf("s0", 2))).toMatchObject({ status: "granted" });
  });

  it("with a takeover ends several streams if the limit was lowered", () => {
    const { store } = newStore();
    for (let i = 0; i < 5; i++) store.claim(claimOf(`s${i}`, i, { limit: undefined }));
    const taken = ["s0", "s1", "s2", "s3"].map((sessionId, i) => ({
      sessionId,
      leaseUntil: at(90 + i),
      expiresAt: at(3600 + i),
    }));
    expect(store.claim(claimOf("new", 9, { limit: 2, takeover: true }))).toEqual({ status: "granted", taken });
  });

  it("that is refused lists the running streams without their networks", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0));
    store.touch(touchOf("s0", 1, { network: "a" }));
    const answer = store.claim(claimOf("s1", 2, { limit: 1 }));
    expect(JSON.stringify(answer)).not.toMatch(/network|limit"|expires/);
  });

  it("does not count a session whose last grant has expired", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0, { expiresAt: at(20) }));
    expect(store.claim(claimOf("s1", 19, { limit: 1 }))).toMatchObject({ status: "limited" });
    expect(store.claim(claimOf("s1", 20, { limit: 1 }))).toMatchObject({ status: "granted" });
  });
});

describe("a renewal", () => {
  it("of a session without a lease needs a free stream", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0, { limit: 1 }));
    store.claim(claimOf("s1", 100, { limit: 1 }));
    expect(store.claim(claimOf("s0", 101, { limit: 1 }))).toMatchObject({ status: "limited" });
    expect(store.claim(claimOf("s0", 101, { limit: 1, takeover: true }))).toMatchObject({
      taken: [{ sessionId: "s1" }],
    });
  });

  it("keeps the session's start time, so that it stays the oldest", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0));
    store.claim(claimOf("s1", 1));
    store.claim(claimOf("s0", 50));
    expect(store.claim(claimOf("s2", 51, { limit: 2, takeover: true }))).toMatchObject({
      taken: [{ sessionId: "s0" }],
    });
  });
});

describe("a renewal of a session with a lease", () => {
  it.each([
    ["less than 30 s after it was seen", 29, { expiresAt: at(3660) }, 0],
    ["30 s after it was seen", 30, {}, 1],
    ["with an expiry that moves by more than a minute", 1, { expiresAt: at(3661) }, 1],
    ["with another limit", 1, { limit: 2 }, 1],
  ])("%s, at %i s with %j, is written %i times", (_, second, more, expected) => {
    const { store, writes } = newStore();
    store.claim(claimOf("s0", 0));
    const before = writes();
    expect(store.claim(claimOf("s0", second, { expiresAt: at(3600), ...more }))).toEqual({
      status: "granted",
      taken: [],
    });
    expect(writes() - before).toBe(expected);
  });

  it("that is not written is remembered, but extends no lease", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0));
    store.claim(claimOf("s0", 20));
    expect(store.show("s0", at(20))).toMatchObject({ expiresAt: at(3620), leaseUntil: at(90) });
    expect(store.end(endingOf("s0", 21, { expiresAt: at(21) }))).toEqual({
      sessionId: "s0",
      leaseUntil: at(90),
      expiresAt: at(3620),
    });
    expect(store.show("s0", at(21))).toMatchObject({ expiresAt: at(3620) });
  });
});

describe("a touch", () => {
  it("that arrives late shortens no lease", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 60));
    expect(store.touch(touchOf("s0", 10, { network: "a" }))).toEqual({ status: "granted", until: at(150) });
  });

  it("grants no lease beyond the expiry of the last grant", () => {
    const { store } = newStore();
    expect(store.touch(touchOf("s0", 3550))).toEqual({ status: "granted", until: at(3600) });
  });

  it("from a new network is not written if networks are not limited, and 17 networks are kept", () => {
    const { store, writes } = newStore();
    store.claim(claimOf("s0", 0));
    const before = writes();
    for (let i = 0; i < 29; i++) store.touch(touchOf("s0", i, { network: `n${i}`, mostNetworks: undefined }));
    expect(writes()).toBe(before);
    expect(store.show("s0", at(29))?.networks).toBe(17);
  });

  it("with a later grant is written at once", () => {
    const { store, writes } = newStore();
    store.claim(claimOf("s0", 0));
    const before = writes();
    store.touch(touchOf("s0", 1, { expiresAt: at(9000) }));
    store.touch(touchOf("s0", 2, { expiresAt: at(9000) }));
    expect(writes() - before).toBe(1);
  });

  it("of an ended session with a later grant keeps the session ended until that grant expires", () => {
    const { store } = newStore();
    store.end(endingOf("s0", 1, { expiresAt: at(100) }));
    expect(store.touch(touchOf("s0", 50))).toEqual({ status: "ended", cause: "revoked", stream: undefined });
    store.prune(at(1000));
    expect(store.touch(touchOf("s0", 1000))).toMatchObject({ status: "ended" });
  });
});

describe("the end of a session", () => {
  it("keeps its first cause, frees the stream, and is written once", () => {
    const { store, writes } = newStore();
    store.claim(claimOf("s0", 0, { limit: 1 }));
    store.end(endingOf("s0", 1));
    const before = writes();
    expect(store.end(endingOf("s0", 2, { cause: "taken" }))).toEqual({
      sessionId: "s0",
      leaseUntil: at(90),
      expiresAt: at(3600),
    });
    expect(writes()).toBe(before);
    store.end(endingOf("s0", 3, { cause: "taken", expiresAt: at(5000) }));
    expect(store.show("s0", at(3))).toMatchObject({ expiresAt: at(5000), ended: "revoked" });
    expect(store.touch(touchOf("s0", 1))).toMatchObject({ cause: "revoked" });
    expect(store.claim(claimOf("s1", 1, { limit: 1 }))).toMatchObject({ status: "granted" });
  });
});

describe("the lease store", () => {
  it("forgets a session a lease and two minutes after its last grant has expired, and not before", () => {
    const { store, stored } = newStore();
    store.claim(claimOf("s0", 0));
    store.claim(claimOf("s1", 10));
    expect(store.nextRemoval).toBe(at(3810));
    store.prune(at(3809));
    expect(stored.size).toBe(2);
    store.prune(at(3810));
    expect([...stored.keys()]).toEqual(["s1"]);
    expect(store.nextRemoval).toBe(at(3820));
    store.prune(at(3820));
    expect(store.nextRemoval).toBeUndefined();
  });

  it("keeps at most 1,000 rows by forgetting silent sessions without a limit", () => {
    const { store, stored } = newStore();
    store.end(endingOf("ended", 0));
    store.claim(claimOf("limited", 0));
    for (let i = 0; i < 1500; i++) store.claim(claimOf(`s${i}`, 2 * i, { limit: undefined }));
    expect(stored.size).toBe(1000);
    expect(stored.has("ended") && stored.has("limited") && stored.has("s1499")).toBe(true);
  });

  it("merges the rows of a session that two names have", () => {
    const [older, newer] = [newStore().store, newStore().store];
    older.claim(claimOf("s0", 0, { limit: 1, login: "mine" }));
    older.touch(touchOf("s0", 1, { network: "a" }));
    newer.touch(touchOf("s0", 40, { network: "b", issuedAt: at(5), expiresAt: at(9000) }));
    newer.takeOver("older", older.handOver("newer", at(0)));
    const state = { startedAt: at(0), seenAt: at(40), leaseUntil: at(130), expiresAt: at(9000) };
    expect(newer.show("s0", at(41))).toMatchObject(state);
    newer.takeOver("older", older.handOver("newer", at(0)));
    expect(newer.show("s0", at(41))).toMatchObject(state);
    expect(newer.claim(claimOf("s1", 41, { limit: 1 }))).toMatchObject({ running: [{ login: "mine" }] });
    newer.claim(claimOf("s1", 200, { limit: 1 }));
    expect(newer.touch(touchOf("s0", 201))).toEqual({ status: "limited" });
  });

  it("keeps networks as hashes with its own key, and hands none of them over", () => {
    const [one, other] = [newStore(), newStore()];
    const hashes = [one, other].map(({ store, stored }) => {
      store.touch(touchOf("s0", 0, { network: "4:192.0.2/24" }));
      return stored.get("s0")?.networks[0]?.network;
    });
    expect(hashes[0]).toMatch(/^[\w-]{22}$/);
    expect(hashes[0]).not.toBe(hashes[1]);
    expect(one.store.handOver("newer", at(0)).rows).toMatchObject([{ sessionId: "s0", networks: [] }]);
    expect(one.store.show("s0", at(1))?.networks).toBe(1);
  });

  it("forwards requests until every grant that it handed over has expired", () => {
    const { store } = newStore();
    store.claim(claimOf("s0", 0));
    expect(store.handOver("newer", at(100)).until).toBe(at(3600));
    expect(store.handOver("newer", at(5000)).until).toBe(at(5000));
    expect(store.handOver("newest", at(0)).until).toBe(at(5000));
    expect(store.successor()).toBe("newest");
  });

  it("forwards requests until the last grant that it forwarded has expired", () => {
    const { store } = newStore();
    store.handOver("newer", at(100));
    store.forwardedUntil(at(500));
    store.prune(at(400));
    expect(store.successor()).toBe("newer");
    store.prune(at(709));
    expect(store.successor()).toBe("newer");
    store.prune(at(710));
    expect(store.successor()).toBeUndefined();
  });
});

describe("two names of a subject", () => {
  it("hand over their rows once, even if several streams start", async () => {
    let handOvers = 0;
    const older = leaseRouter(newStore().store, never);
    const newer = leaseRouter(newStore().store, () => ({
      ...older,
      handOver: async (to, until) => {
        handOvers++;
        return older.handOver(to, until);
      },
    }));
    for (let i = 0; i < 3; i++) await newer.claim(claimOf(`s${i}`, i), "newer", ["older"]);
    expect(handOvers).toBe(1);
  });

  it("refuse a claim if the older name does not answer", async () => {
    const silent = async () => Promise.reject(new Error("down"));
    const newer = leaseRouter(newStore().store, () => ({ ...leaseRouter(newStore().store, never), handOver: silent }));
    await expect(newer.claim(claimOf("s0", 0), "newer", ["older"])).rejects.toThrow("down");
  });

  it("do not take over from each other at the same time, which would create a forwarding loop", async () => {
    const routers = new Map<string, LeaseRouter>();
    const remote = (name: string): LeaseRouter => ({
      ...routerOf(name),
      handOver: async (to, until) => Promise.resolve().then(() => routerOf(name).handOver(to, until)),
    });
    const routerOf = (name: string) => routers.get(name) ?? never();
    for (const name of ["a", "b"]) routers.set(name, leaseRouter(newStore().store, remote));
    const claims = [
      routerOf("a").claim(claimOf("s0", 0), "a", ["b"]),
      routerOf("b").claim(claimOf("s1", 0), "b", ["a"]),
    ];
    expect((await Promise.allSettled(claims)).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await routerOf("b").claim(claimOf("s1", 1), "b", ["a"])).toMatchObject({ status: "granted" });
    expect(await routerOf("a").touch(touchOf("s1", 2))).toMatchObject({ status: "granted" });
  });

  it("forget expired sessions at any request, even without an alarm", async () => {
    const { streamsOf, size } = memoryStreams();
    const streams = streamsOf("subject");
    await streams.claim(claimOf("s0", 0));
    await streams.touch(touchOf("s1", 4000, { expiresAt: at(8000) }));
    expect(size("subject")).toBe(1);
    await streams.claim(claimOf("s2", 9000));
    expect(size("subject")).toBe(1);
  });
});

function never(): never {
  throw new Error("unexpected call of another name");
}
