import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import type { LeaseRow } from "../../../src/sessions/lease-rows.ts";
import { LeaseStore } from "../../../src/sessions/lease-store.ts";
import { claimBudget } from "../../../src/sessions/lease-throttle.ts";
import { at, claimOf, endingOf } from "./streams-contract.ts";

const sixHours = 21_600;
let sessionCount = 0;

/** A store with a write counter, and a function that starts a stream and ends it at once. */
function newStore(rows = new Map<string, LeaseRow>()) {
  let writes = 0;
  const leaseRows = {
    all: () => rows.values(),
    put: (row: LeaseRow) => {
      writes++;
      rows.set(row.sessionId, row);
    },
    remove: (sessionId: string) => void rows.delete(sessionId),
    markers: () => [],
    putMarker: () => {},
    removeMarker: () => {},
    networkKey: () => undefined,
    putNetworkKey: () => {},
    quotas: () => [],
    putQuota: () => {},
    removeQuota: () => {},
  };
  const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };
  const secrets = { hmac: nobleHmac, random: (length: number) => new Uint8Array(length) };
  const store = new LeaseStore(leaseRows, times, secrets);
  /** The answer to a start at `second` with a grant of `lasting` seconds. */
  const startAndEnd = (second: number, lasting = sixHours) => {
    const sessionId = `session-${sessionCount++}`;
    const expiresAt = at(second + lasting);
    const answer = store.claim(claimOf(sessionId, second, { expiresAt, limit: undefined }));
    if (answer.status === "granted") store.end(endingOf(sessionId, second, { expiresAt }));
    return answer;
  };
  return { store, rows, startAndEnd, writes: () => writes };
}

describe("a subject's budget of claims", () => {
  it("allows thirty at once, and then one every two seconds", () => {
    const budget = claimBudget();
    const waits = Array.from({ length: 32 }, () => budget(at(0)));
    expect(waits).toEqual([...Array(30).fill(undefined), 2, 2]);
    expect([budget(at(1)), budget(at(2)), budget(at(2)), budget(at(4))]).toEqual([1, undefined, 2, undefined]);
  });

  it("is full again after a minute, and never exceeds thirty", () => {
    const budget = claimBudget();
    for (let i = 0; i < 30; i++) budget(at(0));
    const allowed = Array.from({ length: 60 }, () => budget(at(1000))).filter((wait) => wait === undefined);
    expect(allowed).toHaveLength(30);
  });

  it("is not refilled by a clock that jumps back and forth", () => {
    const budget = claimBudget();
    for (let i = 0; i < 30; i++) budget(at(100));
    for (let i = 0; i < 50; i++) expect([budget(at(50)), budget(at(100))]).toEqual([2, 2]);
  });

  it("counts starts and renewals, and a throttled claim is not written", () => {
    const { store, writes } = newStore();
    for (let i = 0; i < 15; i++) store.claim(claimOf("s0", 0));
    for (let i = 0; i < 15; i++) store.claim(claimOf("s1", 0, { limit: 1 }));
    const before = writes();
    expect(store.claim(claimOf("s0", 0))).toEqual({ status: "throttled", retryAfter: 2 });
    expect(store.claim(claimOf("s2", 0, { takeover: true }))).toEqual({ status: "throttled", retryAfter: 2 });
    expect(writes()).toBe(before);
  });
});

describe("the ended sessions of a subject whose grants have not expired", () => {
  it("never throttle a viewer who changes the channel every minute all day", () => {
    const { store, startAndEnd } = newStore();
    for (let minute = 0; minute < 1440; minute++) {
      store.prune(at(60 * minute));
      expect(startAndEnd(60 * minute).status).toBe("granted");
    }
  });

  it("number at most 920 even with a start and an end every second", () => {
    const { rows, startAndEnd } = newStore();
    for (let second = 0; second < sixHours; second++) startAndEnd(second);
    expect(rows.size).toBeLessThanOrEqual(920);
  });

  it("number at most 1,000 with grants of several days, and the next start waits until the first one expires", () => {
    const { store, startAndEnd, rows } = newStore();
    const days = 5 * 86_400;
    for (let i = 0; i < 1000; i++) expect(startAndEnd(60 * i, days).status).toBe("granted");
    expect(startAndEnd(60_000, days)).toEqual({ status: "throttled", retryAfter: days - 60_000 });
    expect(rows.size).toBe(1000);
    expect(startAndEnd(days, days).status).toBe("granted");
    expect(startAndEnd(days, days)).toEqual({ status: "throttled", retryAfter: 60 });
    store.prune(at(20 * 86_400));
    expect(startAndEnd(20 * 86_400).status).toBe("granted");
  });

  it("throttle starts even after a restart, and renewals never", () => {
    const { store, startAndEnd, rows } = newStore();
    store.claim(claimOf("kept", 0, { limit: undefined, expiresAt: at(sixHours) }));
    for (let i = 1; i <= 200; i++) startAndEnd(2 * i);
    expect(startAndEnd(405)).toEqual({ status: "throttled", retryAfter: 25 });
    expect(newStore(rows).startAndEnd(406)).toEqual({ status: "throttled", retryAfter: 24 });
    expect(store.claim(claimOf("kept", 406, { limit: undefined }))).toMatchObject({ status: "granted" });
    expect(startAndEnd(430).status).toBe("granted");
  });
});
