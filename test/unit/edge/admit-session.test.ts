import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Refusal } from "../../../src/base/result.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { entryOfEnded, type RevocationKind } from "../../../src/sessions/revocation.ts";
import { in6Hours, now } from "../signing/session.ts";
import { ending, entry, isolate, login, sessionId, subject, tokenHash } from "./admission-stage.ts";

let edge: ReturnType<typeof isolate>;
beforeEach(() => {
  edge = isolate();
});

describe("a session that the isolate knows", () => {
  it("is admitted synchronously and without a look-up", async () => {
    expect(await edge.code("192.0.2.1")).toBe("admitted");
    expect(edge.touches()).toBe(1);
    for (let i = 0; i < 100; i++) expect(edge.admit("192.0.2.1")).toBeUndefined();
    expect(edge.touches()).toBe(1);
  });

  it("is checked again after 30 s, once and in the background", async () => {
    await edge.code("192.0.2.1");
    edge.later(30);
    await edge.parts.revocations.current(() => undefined);
    expect(edge.admit("192.0.2.1")).toBeUndefined();
    expect(edge.admit("192.0.2.1")).toBeUndefined();
    expect(edge.touches()).toBe(2);
  });

  it("is refused at the request after that if it was ended in the meantime", async () => {
    await edge.code("192.0.2.1");
    await edge.streams.end(ending("taken"));
    edge.later(30);
    expect(await edge.code("192.0.2.1")).toBe("admitted");
    await edge.settled();
    expect(await edge.code("192.0.2.1")).toBe("stream_taken");
  });

  it("waits for a check in a new network, and after its lease has expired", async () => {
    await edge.code("192.0.2.1");
    expect(edge.admit("198.51.100.1")).toBeInstanceOf(Promise);
    await edge.code("198.51.100.1");
    edge.later(90);
    expect(edge.admit("192.0.2.1")).toBeInstanceOf(Promise);
  });
});

describe("a revocation", () => {
  it.each<[RevocationKind, string]>([
    ["session", sessionId],
    ["subject", subject],
    ["asset", "film"],
    ["token", tokenHash],
    ["login", login],
    ["key", "2026-a"],
  ])("of the %s refuses a session that is playing within two seconds", async (kind, value) => {
    expect(await edge.code()).toBe("admitted");
    await edge.log.append([entry(kind, value)], "operator");
    edge.later(2);
    expect(await edge.code()).toBe("session_revoked");
  });

  it.each<[RevocationKind, string]>([
    ["session", "BBBBBBBBBBBBBBBBBBBBBA"],
    ["subject", "another"],
    ["asset", "film-2"],
    ["token", "another"],
    ["login", "another"],
    ["key", "2026-b"],
  ])("of another %s refuses nothing", async (kind, value) => {
    await edge.log.append([entry(kind, value)], "operator");
    expect(await edge.code()).toBe("admitted");
  });

  it("is reported with its cause", async () => {
    await edge.log.append([entry("session", sessionId, { cause: "taken" })], "operator");
    expect(await edge.code()).toBe("stream_taken");
  });

  it("of a viewer does not apply to a later session, but a revocation of a key does", async () => {
    edge = isolate({}, now);
    await edge.log.append([entry("subject", subject, { at: unixSeconds(now - 1) })], "operator");
    expect(await edge.code()).toBe("admitted");
    await edge.log.append([entry("key", "2026-a", { at: unixSeconds(now - 1) })], "operator");
    edge.later(2);
    expect(await edge.code()).toBe("session_revoked");
  });

  it("is a blackout where the client is: it refuses a session that is playing within two seconds, before any lease is written", async () => {
    expect(await edge.code()).toBe("admitted");
    const touches = edge.touches();
    await edge.log.append([entry("subject", "blackout:film:DE"), entry("subject", "blackout:film:FR")], "operator");
    edge.later(2);
    expect(await edge.code()).toBe("place_not_allowed");
    expect(await edge.code(undefined, undefined, "playlist")).toBe("place_not_allowed");
    expect(await edge.codeForFiles()).toBe("place_not_allowed");
    expect(edge.admit()).not.toBeInstanceOf(Promise);
    expect(edge.touches()).toBe(touches);
    await edge.log.lift("subject", "blackout:film:DE");
    edge.later(2);
    expect(await edge.code()).toBe("admitted");
  });

  it("is checked before any lease is written", async () => {
    await edge.log.append([entry("asset", "film")], "operator");
    await edge.code();
    expect(edge.touches()).toBe(0);
  });
});

describe("a session's link that was shared", () => {
  const networks = ["192.0.2.1", "198.51.100.1", "2001:db8:1::1", "203.0.113.1"];

  const playlist = (address?: string) => edge.code(address, undefined, "playlist");

  it("is session_shared in the fourth network that loads a playlist, and then in all isolates", async () => {
    for (const address of networks.slice(0, 3)) expect(await playlist(address)).toBe("admitted");
    expect(await playlist("192.0.2.200")).toBe("admitted");
    expect(await playlist(networks[3])).toBe("session_shared");
    expect((await edge.log.since(0)).entries).toEqual([
      entry("session", sessionId, { cause: "shared", until: unixSeconds(now + 90 + 120) }),
    ]);
    expect((await edge.log.since(0, "full")).entries).toMatchObject([
      { by: "viewer", subject, lastGrant: unixSeconds(in6Hours + 120) },
    ]);
    edge.later(2);
    for (const address of networks) expect(await edge.code(address)).toBe("session_shared");
  });

  it("is refused in that network even while the log is down, and the failure is reported", async () => {
    for (const address of networks.slice(0, 3)) await playlist(address);
    edge.state.down = "log";
    expect(await playlist(networks[3])).toBe("session_shared");
    expect(edge.failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
  });

  it("is admitted everywhere if no limit is set", async () => {
    const lenient = { ...edge.parts, sharedNetworks: undefined };
    for (const address of networks) expect(await edge.code(address, lenient, "playlist")).toBe("admitted");
  });
});

describe("a segment's URL that was shared", () => {
  const viewer = "192.0.2.1";
  const others = ["198.51.100.1", "2001:db8:1::1", "203.0.113.1", "203.0.114.1", "203.0.115.1"];
  beforeEach(async () => {
    expect(await edge.code(viewer, undefined, "playlist")).toBe("admitted");
  });

  it("is refused beyond the limit without ending the viewer's session, whichever network came first", async () => {
    expect(await Promise.all(others.map((address) => edge.code(address)))).toEqual([
      ...["admitted", "admitted"],
      ...["session_shared", "session_shared", "session_shared"],
    ]);
    expect(await edge.code(viewer)).toBe("admitted");
    expect((await edge.log.since(0)).entries).toEqual([]);
    const elsewhere = isolate();
    for (const address of others.slice(0, 3)) expect(await elsewhere.code(address)).toBe("admitted");
    expect(await elsewhere.code(viewer, undefined, "playlist")).toBe("admitted");
    expect(await elsewhere.code(viewer)).toBe("admitted");
  });

  it("costs one check in two seconds per address at which it is refused", async () => {
    for (const address of others) await edge.code(address);
    const before = edge.touches();
    expect(await edge.code(others[4])).toBe("session_shared");
    expect(edge.admit(others[4])).toMatchObject({ code: "session_shared" });
    expect(edge.touches()).toBe(before);
    edge.later(2);
    expect(await edge.code(others[4])).toBe("session_shared");
    expect(edge.touches()).toBe(before + 1);
  });

  it("leaves room at once for a network in which the viewer loads a playlist", async () => {
    for (const address of others) await edge.code(address);
    expect(await edge.code(others[4])).toBe("session_shared");
    expect(await edge.code(others[4], undefined, "playlist")).toBe("admitted");
    expect(await edge.code(others[4])).toBe("admitted");
    edge.later(30);
    const again = [others[0], others[1]].map((address) => edge.code(address));
    expect(await Promise.all(again)).toEqual(["admitted", "admitted"]);
    await edge.settled();
    expect(await edge.code(others[0])).toBe("session_shared");
    expect([await edge.code(viewer), await edge.code(others[4])]).toEqual(["admitted", "admitted"]);
  });

  it("does not hide a later playlist request in its network from the viewer's streams", async () => {
    await edge.code(others[0]);
    const before = edge.touches();
    expect(edge.admit(others[0], undefined, "playlist")).toBeUndefined();
    expect(edge.admit(others[0], undefined, "playlist")).toBeUndefined();
    expect(edge.touches()).toBe(before + 1);
    await edge.settled();
    const touch = { sessionId, assetId: "film", login: undefined, issuedAt: now, expiresAt: in6Hours, mostNetworks: 3 };
    const seen = { ...touch, now, network: "4:203.0.113/24", playlist: true };
    expect(await edge.streams.touch(seen)).toMatchObject({ status: "granted" });
    expect(await edge.streams.touch({ ...seen, network: "4:203.0.114/24" })).toMatchObject({ status: "ended" });
  });
});

describe("a session that was ended and is not in the log", () => {
  it.each([
    ["taken", "stream_taken"],
    ["revoked", "session_revoked"],
  ] as const)("is refused without a new log entry: cause %s, code %s", async (cause, code) => {
    await edge.streams.end(ending(cause));
    expect(await edge.code()).toBe(code);
    expect((await edge.log.since(0)).entries).toEqual([]);
  });

  it("costs one check, however long its player continues and from any network", async () => {
    await edge.code("192.0.2.1");
    await edge.streams.end(ending("taken"));
    edge.later(90);
    for (const address of ["192.0.2.1", "198.51.100.1", undefined]) {
      expect(await edge.code(address)).toBe("stream_taken");
      edge.later(600);
    }
    expect(edge.touches()).toBe(2);
  });

  it("stays ended if an earlier answer arrives late", async () => {
    const { streams } = edge.parts;
    let release = () => {};
    const slow: typeof streams = (...names) => ({
      ...streams(...names),
      touch: async (touch) => {
        const early = await streams(...names).touch(touch);
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return early;
      },
    });
    const late = edge.code("192.0.2.1", { ...edge.parts, streams: slow });
    await vi.waitFor(() => expect(edge.touches()).toBe(1));
    await edge.streams.end(ending("revoked"));
    expect(await edge.code("198.51.100.1")).toBe("session_revoked");
    release();
    await late;
    expect(await edge.code("192.0.2.1")).toBe("session_revoked");
  });
});

describe("an ended session that the log has forgotten", () => {
  it("is refused by its row until its last grant has expired, also in an isolate that remembers its lease", async () => {
    for (const address of ["192.0.2.1", "198.51.100.1"]) await edge.code(address);
    const { streams, log, revocations } = edge.parts;
    const another = () => {
      const made = isolate({ streams, log, revocations });
      made.later(edge.state.now - now);
      return made;
    };
    const other = another();
    await other.code("192.0.2.1");
    const stream = await edge.streams.end(ending("revoked"));
    await edge.log.append([entryOfEnded(stream, "revoked", now, "viewer")], "viewer");
    for (const by of [2, 60, 30, 30, 30, 600, 20_000]) {
      edge.later(by);
      other.later(by);
      const codes = [await edge.code("192.0.2.1"), await other.code("192.0.2.1"), await another().code()];
      expect(codes).toEqual(["session_revoked", "session_revoked", "session_revoked"]);
    }
    expect((await edge.log.since(0)).entries).toEqual([]);
  });
});

it("an unknown session is stored with its login, so that its place is free after a sign-out", async () => {
  expect(await edge.code()).toBe("admitted");
  const claim = {
    assetId: "film",
    login: undefined,
    now,
    expiresAt: in6Hours,
    limit: 1,
    takeover: false,
    network: undefined,
  };
  const result = await edge.streams.claim({ ...claim, sessionId: "another" });
  expect(result).toMatchObject({ status: "limited", running: [{ sessionId, login }] });
});

it("a session whose place others took after its lease expired is stream_taken, and costs one check in two seconds", async () => {
  const claim = {
    assetId: "film",
    login: undefined,
    now,
    expiresAt: in6Hours,
    limit: 1,
    takeover: false,
    network: undefined,
  };
  await edge.streams.claim({ ...claim, sessionId });
  expect(await edge.code()).toBe("admitted");
  edge.later(90);
  await edge.streams.claim({ ...claim, sessionId: "another", now: edge.state.now });
  expect(await edge.code()).toBe("stream_taken");
  const before = edge.touches();
  expect([await edge.code(), await edge.code("192.0.2.1")]).toEqual(["stream_taken", "stream_taken"]);
  expect(edge.touches()).toBe(before);
  edge.later(2);
  expect(await edge.code()).toBe("stream_taken");
  expect(edge.touches()).toBe(before + 1);
  edge.later(90);
  expect(await edge.code()).toBe("admitted");
});

describe("a store that is down", () => {
  it.each(["streams", "log"] as const)("is 503 store_unavailable by default, never 403: %s", async (down) => {
    edge.state.down = down;
    expect(await edge.code()).toBe("store_unavailable");
  });

  it("does not make requests wait for ever", async () => {
    edge.state.down = "silent";
    const pending = edge.admit();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ring of edge.rings) ring();
    expect((await pending)?.code).toBe("store_unavailable");
  });

  it("does not affect a session whose lease is known", async () => {
    await edge.code();
    edge.state.down = "streams";
    edge.later(30);
    expect([await edge.code(), await edge.code()]).toEqual(["admitted", "admitted"]);
    await edge.settled();
    edge.later(30);
    expect(await edge.code()).toBe("admitted");
  });

  it.each(["streams", "log"] as const)(
    "admits everyone if the operator has chosen that, and is reported: %s",
    async (down) => {
      const failures: Refusal[] = [];
      edge = isolate({ storeFailure: "open", onFailure: (refusal) => failures.push(refusal) });
      edge.state.down = down;
      expect(await edge.code()).toBe("admitted");
      if (down === "streams") expect(failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
    },
  );

  it("is asked again five seconds after it admitted a session", async () => {
    edge = isolate({ storeFailure: "open" });
    edge.state.down = "streams";
    await edge.code();
    expect([await edge.code(), edge.touches()]).toEqual(["admitted", 1]);
    edge.state.down = undefined;
    edge.later(seconds(5));
    await edge.streams.end(ending("revoked"));
    expect(await edge.code()).toBe("session_revoked");
  });

  it("does not forget earlier revocations, even if it admits everyone", async () => {
    edge = isolate({ storeFailure: "open" });
    await edge.log.append([entry("session", sessionId)], "operator");
    expect(await edge.code()).toBe("session_revoked");
    edge.state.down = "log";
    edge.later(3600);
    expect(await edge.code()).toBe("session_revoked");
  });
});
