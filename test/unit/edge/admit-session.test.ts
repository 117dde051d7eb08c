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
  it("is admitted without a promise and without a look-up", async () => {
    expect(await edge.code("192.0.2.1")).toBe("admitted");
    expect(edge.touches()).toBe(1);
    for (let i = 0; i < 100; i++) expect(edge.ask("192.0.2.1")).toBeUndefined();
    expect(edge.touches()).toBe(1);
  });

  it("is asked about again after 30 s, behind the viewer's back, once", async () => {
    await edge.code("192.0.2.1");
    edge.later(30);
    await edge.parts.revocations.current(() => undefined);
    expect(edge.ask("192.0.2.1")).toBeUndefined();
    expect(edge.ask("192.0.2.1")).toBeUndefined();
    expect(edge.touches()).toBe(2);
  });

  it("is refused at the request after that, where it was ended in the meantime", async () => {
    await edge.code("192.0.2.1");
    await edge.streams.end(ending("taken"));
    edge.later(30);
    expect(await edge.code("192.0.2.1")).toBe("admitted");
    await edge.settled();
    expect(await edge.code("192.0.2.1")).toBe("stream_taken");
  });

  it("is waited for in a network that it was not seen in, and once its lease has run out", async () => {
    await edge.code("192.0.2.1");
    expect(edge.ask("198.51.100.1")).toBeInstanceOf(Promise);
    await edge.code("198.51.100.1");
    edge.later(90);
    expect(edge.ask("192.0.2.1")).toBeInstanceOf(Promise);
  });
});

describe("what is forbidden", () => {
  it.each<[RevocationKind, string]>([
    ["session", sessionId],
    ["subject", subject],
    ["asset", "film"],
    ["token", tokenHash],
    ["login", login],
    ["key", "2026-a"],
  ])("%s: a session that is playing is refused within two seconds", async (kind, value) => {
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
  ])("%s: another one's entry forbids nothing", async (kind, value) => {
    await edge.log.append([entry(kind, value)], "operator");
    expect(await edge.code()).toBe("admitted");
  });

  it("is told with its cause", async () => {
    await edge.log.append([entry("session", sessionId, { cause: "taken" })], "operator");
    expect(await edge.code()).toBe("stream_taken");
  });

  it("does not apply to a later session of the same viewer, but a key's entry does", async () => {
    edge = isolate({}, now);
    await edge.log.append([entry("subject", subject, { at: unixSeconds(now - 1) })], "operator");
    expect(await edge.code()).toBe("admitted");
    await edge.log.append([entry("key", "2026-a", { at: unixSeconds(now - 1) })], "operator");
    edge.later(2);
    expect(await edge.code()).toBe("session_revoked");
  });

  it("is asked before any lease is written", async () => {
    await edge.log.append([entry("asset", "film")], "operator");
    await edge.code();
    expect(edge.touches()).toBe(0);
  });
});

describe("a session's link that was passed around", () => {
  const networks = ["192.0.2.1", "198.51.100.1", "2001:db8:1::1", "203.0.113.1"];

  const playlist = (address?: string) => edge.code(address, undefined, "playlist");

  it("is session_shared in the fourth network that loads a playlist, and told to all other isolates", async () => {
    for (const address of networks.slice(0, 3)) expect(await playlist(address)).toBe("admitted");
    expect(await playlist("192.0.2.200")).toBe("admitted");
    expect(await playlist(networks[3])).toBe("session_shared");
    expect((await edge.log.since(0)).entries).toEqual([
      entry("session", sessionId, { cause: "shared", until: unixSeconds(now + 90 + 120) }),
    ]);
    edge.later(2);
    for (const address of networks) expect(await edge.code(address)).toBe("session_shared");
  });

  it("is refused in that network even while the log is down, and the failure is told", async () => {
    for (const address of networks.slice(0, 3)) await playlist(address);
    edge.state.down = "log";
    expect(await playlist(networks[3])).toBe("session_shared");
    expect(edge.failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
  });

  it("is nobody's concern where no number is set", async () => {
    const lenient = { ...edge.parts, sharedNetworks: undefined };
    for (const address of networks) expect(await edge.code(address, lenient, "playlist")).toBe("admitted");
  });
});

describe("a segment's URL that was passed around", () => {
  const viewer = "192.0.2.1";
  const others = ["198.51.100.1", "2001:db8:1::1", "203.0.113.1", "203.0.114.1", "203.0.115.1"];
  beforeEach(async () => {
    expect(await edge.code(viewer, undefined, "playlist")).toBe("admitted");
  });

  it("is refused beyond the limit, and the viewer's session goes on, wherever the others asked first", async () => {
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

  it("costs one question in two seconds for each address that it is refused at", async () => {
    for (const address of others) await edge.code(address);
    const before = edge.touches();
    expect(await edge.code(others[4])).toBe("session_shared");
    expect(edge.ask(others[4])).toMatchObject({ code: "session_shared" });
    expect(edge.touches()).toBe(before);
    edge.later(2);
    expect(await edge.code(others[4])).toBe("session_shared");
    expect(edge.touches()).toBe(before + 1);
  });

  it("leaves room for a network in which the viewer loads a playlist, at once", async () => {
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

  it("tells the viewer's streams of a playlist in a network that only segments came from before", async () => {
    await edge.code(others[0]);
    const before = edge.touches();
    expect(edge.ask(others[0], undefined, "playlist")).toBeUndefined();
    expect(edge.ask(others[0], undefined, "playlist")).toBeUndefined();
    expect(edge.touches()).toBe(before + 1);
    await edge.settled();
    const touch = { sessionId, assetId: "film", login: undefined, issuedAt: now, expiresAt: in6Hours, mostNetworks: 3 };
    const seen = { ...touch, now, network: "4:203.0.113/24", playlist: true };
    expect(await edge.streams.touch(seen)).toMatchObject({ status: "granted" });
    expect(await edge.streams.touch({ ...seen, network: "4:203.0.114/24" })).toMatchObject({ status: "ended" });
  });
});

describe("a session that was ended, and that the log does not name", () => {
  it.each([
    ["taken", "stream_taken"],
    ["revoked", "session_revoked"],
  ] as const)("%s: is refused, and nothing is added to the log", async (cause, code) => {
    await edge.streams.end(ending(cause));
    expect(await edge.code()).toBe(code);
    expect((await edge.log.since(0)).entries).toEqual([]);
  });

  it("costs one question, however long its player goes on and from wherever", async () => {
    await edge.code("192.0.2.1");
    await edge.streams.end(ending("taken"));
    edge.later(90);
    for (const address of ["192.0.2.1", "198.51.100.1", undefined]) {
      expect(await edge.code(address)).toBe("stream_taken");
      edge.later(600);
    }
    expect(edge.touches()).toBe(2);
  });

  it("stays ended where an answer from before that arrives late", async () => {
    const { streams } = edge.parts;
    let answer = () => {};
    const slow: typeof streams = (...names) => ({
      ...streams(...names),
      touch: async (touch) => {
        const early = await streams(...names).touch(touch);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
        return early;
      },
    });
    const late = edge.code("192.0.2.1", { ...edge.parts, streams: slow });
    await vi.waitFor(() => expect(edge.touches()).toBe(1));
    await edge.streams.end(ending("revoked"));
    expect(await edge.code("198.51.100.1")).toBe("session_revoked");
    answer();
    await late;
    expect(await edge.code("192.0.2.1")).toBe("session_revoked");
  });
});

describe("a session that was ended, once the log has forgotten it", () => {
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
    await edge.log.append([entryOfEnded(stream, "revoked", now)], "viewer");
    for (const by of [2, 60, 30, 30, 30, 600, 20_000]) {
      edge.later(by);
      other.later(by);
      const codes = [await edge.code("192.0.2.1"), await other.code("192.0.2.1"), await another().code()];
      expect(codes).toEqual(["session_revoked", "session_revoked", "session_revoked"]);
    }
    expect((await edge.log.since(0)).entries).toEqual([]);
  });
});

it("a session that nobody knew of is taken in with its login, so that its place is free once that was signed out of", async () => {
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
  const answer = await edge.streams.claim({ ...claim, sessionId: "another" });
  expect(answer).toMatchObject({ status: "limited", running: [{ sessionId, login }] });
});

it("a session that lost its lease while others filled the limit is stream_taken, and costs one question in two seconds", async () => {
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
  it.each(["streams", "log"] as const)("%s: is 503 store_unavailable by default, never 403", async (down) => {
    edge.state.down = down;
    expect(await edge.code()).toBe("store_unavailable");
  });

  it("lets nobody wait for ever", async () => {
    edge.state.down = "silent";
    const asked = edge.ask();
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ring of edge.rings) ring();
    expect((await asked)?.code).toBe("store_unavailable");
  });

  it("takes nothing from a session whose lease is known", async () => {
    await edge.code();
    edge.state.down = "streams";
    edge.later(30);
    expect([await edge.code(), await edge.code()]).toEqual(["admitted", "admitted"]);
    await edge.settled();
    edge.later(30);
    expect(await edge.code()).toBe("admitted");
  });

  it.each(["streams", "log"] as const)(
    "%s: lets all in where that is what the operator wants, and says so",
    async (down) => {
      const failures: Refusal[] = [];
      edge = isolate({ storeFailure: "open", onFailure: (why) => failures.push(why) });
      edge.state.down = down;
      expect(await edge.code()).toBe("admitted");
      if (down === "streams") expect(failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
    },
  );

  it("is asked again five seconds after it let somebody in", async () => {
    edge = isolate({ storeFailure: "open" });
    edge.state.down = "streams";
    await edge.code();
    expect([await edge.code(), edge.touches()]).toEqual(["admitted", 1]);
    edge.state.down = undefined;
    edge.later(seconds(5));
    await edge.streams.end(ending("revoked"));
    expect(await edge.code()).toBe("session_revoked");
  });

  it("does not forget what was forbidden before it went down, even where it lets all in", async () => {
    edge = isolate({ storeFailure: "open" });
    await edge.log.append([entry("session", sessionId)], "operator");
    expect(await edge.code()).toBe("session_revoked");
    edge.state.down = "log";
    edge.later(3600);
    expect(await edge.code()).toBe("session_revoked");
  });
});
