import { beforeEach, describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import type { LeaseClaim } from "../../../src/sessions/lease.ts";
import { rememberLeases } from "../../../src/sessions/lease-memory.ts";
import { entryOfEnded } from "../../../src/sessions/revocation.ts";
import { in6Hours, now } from "../signing/session.ts";
import { entry, isolate, sessionId } from "./admission-stage.ts";

/** The claim that the start of the session wrote. */
const claim: LeaseClaim = {
  sessionId,
  assetId: "film",
  login: undefined,
  now,
  expiresAt: in6Hours,
  limit: 1,
  takeover: false,
  network: undefined,
};
const home = "192.0.2.1";
const networks = [home, "198.51.100.1", "2001:db8:1::1", "203.0.113.1"];

let edge: ReturnType<typeof isolate>;
beforeEach(async () => {
  edge = isolate({}, now);
  await edge.streams.claim(claim);
  await edge.parts.revocations.current(() => undefined);
});

/** Moves the clock and refreshes the revocations, as requests do. */
async function later(by: number): Promise<void> {
  edge.later(by);
  await edge.parts.revocations.current(() => undefined);
}

describe("a session that started less than half a lease ago", () => {
  it.each([0, 1, 44])("is admitted after %i s synchronously and without a lease check", async (age) => {
    await later(age);
    for (let i = 0; i < 10; i++) expect(edge.admit(home)).toBeUndefined();
    expect(edge.admit(home, undefined, "playlist")).toBeUndefined();
    expect(edge.touches()).toBe(0);
  });

  it.each([-1, -60, 45, 89])("is checked first if it seems to be %i s old", async (age) => {
    edge = isolate({}, unixSeconds(now - age));
    await edge.streams.claim(claim);
    await edge.parts.revocations.current(() => undefined);
    expect(edge.admit(home)).toBeInstanceOf(Promise);
    expect(edge.touches()).toBe(1);
  });

  it("is checked at half a lease, once, in the background", async () => {
    await later(10);
    expect(edge.admit(home)).toBeUndefined();
    await later(34);
    expect([edge.admit(home), edge.touches()]).toEqual([undefined, 0]);
    await later(1);
    expect([edge.admit(home), edge.admit(home), edge.touches()]).toEqual([undefined, undefined, 1]);
    await edge.settled();
    expect(await edge.streams.show(sessionId, edge.state.now)).toMatchObject({ networks: 1, leaseUntil: now + 135 });
    await later(89);
    expect([edge.admit(home), edge.touches()]).toEqual([undefined, 2]);
  });

  it("is admitted for half of whatever a lease lasts", async () => {
    const short = { ...edge.parts, leases: rememberLeases({ capacity: 10, leaseTtl: seconds(6) }) };
    await later(2);
    expect(edge.admit(home, short)).toBeUndefined();
    await later(1);
    expect([edge.admit(home, short), edge.touches()]).toEqual([undefined, 1]);
    const another = { ...short, leases: rememberLeases({ capacity: 10, leaseTtl: seconds(6) }) };
    expect(edge.admit(home, another)).toBeInstanceOf(Promise);
  });

  it("is admitted no longer than its claimed lease if the checks fail", async () => {
    expect(edge.admit(home)).toBeUndefined();
    edge.state.down = "streams";
    for (const second of [45, 75, 89]) {
      await later(now + second - edge.state.now);
      expect(edge.admit(home)).toBeUndefined();
      await edge.settled();
    }
    expect(edge.touches()).toBe(2);
    await later(1);
    expect(await edge.code(home)).toBe("store_unavailable");
  });

  it("is admitted no longer than its grant lasts", async () => {
    const leases = rememberLeases({ capacity: 10 });
    const session = { sessionId, issuedAt: now, expiresAt: unixSeconds(now + 20) };
    expect(leases.admitNew(session, home, now)).toBe(true);
    expect(leases.look(sessionId, home, unixSeconds(now + 19))).toBe("granted");
    expect(leases.look(sessionId, home, unixSeconds(now + 20))).toBe("unknown");
  });

  it("keeps its viewer's place in the meantime", async () => {
    expect(edge.admit(home)).toBeUndefined();
    await later(44);
    const another = { ...claim, sessionId: "another", now: edge.state.now };
    expect(await edge.streams.claim(another)).toMatchObject({ status: "limited" });
  });

  it("is refused within two seconds of its end", async () => {
    expect(edge.admit(home)).toBeUndefined();
    await edge.log.append([entry("session", sessionId, { cause: "taken" })], "viewer");
    edge.later(2);
    expect(await edge.code(home)).toBe("stream_taken");
    expect(edge.touches()).toBe(0);
  });
});

describe("a session that was renewed a moment before its end", () => {
  it("stays in the log longer than an isolate may admit its new grant without a check", async () => {
    await edge.streams.claim({ ...claim, sessionId });
    const renewedAt = unixSeconds(now + 29);
    // Too soon after the start to be written: the row's lease is over before the new grant is half a lease old.
    await edge.streams.claim({ ...claim, sessionId, now: renewedAt });
    const stream = await edge.streams.end({ sessionId, expiresAt: in6Hours, cause: "revoked", now: renewedAt });
    const { until } = entryOfEnded(stream, "revoked", renewedAt, "viewer");
    const leases = rememberLeases({ capacity: 10 });
    expect(leases.admitNew({ sessionId, issuedAt: renewedAt, expiresAt: in6Hours }, home, renewedAt)).toBe(true);
    expect(leases.look(sessionId, home, unixSeconds(until - 60))).toBe("unknown");
  });
});

describe("the second network of a session that has just started", () => {
  it("is checked, and both networks are counted", async () => {
    expect(edge.admit(home, undefined, "playlist")).toBeUndefined();
    expect(edge.admit("198.51.100.1")).toBeInstanceOf(Promise);
    await edge.code("198.51.100.1");
    expect(await edge.streams.show(sessionId, now)).toMatchObject({ networks: 2 });
    const before = edge.touches();
    expect([edge.admit(home), edge.admit("198.51.100.1"), edge.touches()]).toEqual([undefined, undefined, before]);
  });

  it.each([
    ["IPv4", home, "192.0.2.200"],
    ["IPv6", "2001:db8:1::1", "2001:db8:1:7::9"],
  ])("is not a new one if only the address changes: %s", async (_, one, other) => {
    expect([edge.admit(one), edge.admit(other), edge.touches()]).toEqual([undefined, undefined, 0]);
  });

  it("ends the session if it is the fourth that loads a playlist, as later on", async () => {
    const codes: string[] = [];
    for (const address of networks) codes.push(await edge.code(address, undefined, "playlist"));
    expect(codes).toEqual(["admitted", "admitted", "admitted", "session_shared"]);
    expect(await edge.code(home)).toBe("session_shared");
  });

  it("ends the session for this isolate even while the log is down", async () => {
    for (const address of networks.slice(0, 3)) await edge.code(address, undefined, "playlist");
    edge.state.down = "log";
    expect(await edge.code(networks[3], undefined, "playlist")).toBe("session_shared");
    expect(await edge.code(home)).toBe("session_shared");
  });

  it("ends nothing if it only requests a segment", async () => {
    expect(edge.admit(home, undefined, "playlist")).toBeUndefined();
    const others = [...networks.slice(1), "203.0.114.1"];
    expect(await Promise.all(others.map((address) => edge.code(address)))).toEqual([
      ...["admitted", "admitted"],
      ...["session_shared", "session_shared"],
    ]);
    expect(edge.admit(home)).toBeUndefined();
  });

  it("reports the first network again if its check failed", async () => {
    expect(edge.admit(home, undefined, "playlist")).toBeUndefined();
    edge.state.down = "streams";
    expect(await edge.code("198.51.100.1")).toBe("store_unavailable");
    expect(edge.admit(home)).toBeUndefined();
    edge.state.down = undefined;
    expect(await edge.code("198.51.100.1")).toBe("admitted");
    expect(await edge.streams.show(sessionId, now)).toMatchObject({ networks: 2 });
  });
});

describe("a session that was renewed", () => {
  it("is checked in a network in which this isolate has not seen it, however new its grant is", async () => {
    edge = isolate();
    await edge.streams.claim(claim);
    expect(await edge.code(home)).toBe("admitted");
    const { leases } = edge.parts;
    const renewed = { sessionId, issuedAt: now, expiresAt: in6Hours };
    expect(leases.admitNew(renewed, "198.51.100.1", now)).toBe(false);
    expect(leases.admitNew(renewed, "192.0.2.9", now)).toBe(true);
  });
});
