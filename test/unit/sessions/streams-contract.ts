import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import type { LeaseClaim, LeaseTouch, StreamEnding, StreamsOf } from "../../../src/sessions/lease.ts";

export interface StreamsUnderTest {
  readonly streamsOf: StreamsOf;
  /** The number of session writes under a name since its last restart. */
  readonly writes: (subject: string) => Promise<number>;
  readonly restart: (subject: string) => Promise<void>;
}

const start = 2_000_000_000;
export const at = (second: number): UnixSeconds => unixSeconds(start + second);

export const claimOf = (sessionId: string, second: number, more: Partial<LeaseClaim> = {}): LeaseClaim => ({
  sessionId,
  assetId: "vod",
  login: undefined,
  now: at(second),
  expiresAt: at(second + 3600),
  limit: 3,
  takeover: false,
  network: undefined,
  ...more,
});

export const touchOf = (sessionId: string, second: number, more: Partial<LeaseTouch> = {}): LeaseTouch => ({
  sessionId,
  assetId: "vod",
  login: undefined,
  now: at(second),
  issuedAt: at(0),
  expiresAt: at(3600),
  network: undefined,
  playlist: false,
  mostNetworks: 3,
  ...more,
});

export const endingOf = (sessionId: string, second: number, more: Partial<StreamEnding> = {}): StreamEnding => ({
  sessionId,
  now: at(second),
  expiresAt: at(3600),
  cause: "revoked",
  ...more,
});

/** The port's contract, for every implementation, with leases of 90 s and a write every 30 s. */
export function streamsContract(label: string, open: () => StreamsUnderTest): void {
  let count = 0;
  const subject = () => `${label}-${count++}`;
  /** The streams of a new subject, with sessions s0, s1 and so on, started a second apart. */
  async function started(sessions: number) {
    const name = subject();
    const implementation = open();
    const streams = implementation.streamsOf(name);
    for (let i = 0; i < sessions; i++) await streams.claim(claimOf(`s${i}`, i));
    return { name, implementation, streams };
  }

  describe(`the streams of a subject (${label})`, () => {
    it("allow exactly the limit of 50 simultaneous starts", async () => {
      const { streams } = await started(0);
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => streams.claim(claimOf(`storm${i}`, 0))));
      expect(answers.filter(({ status }) => status === "granted")).toHaveLength(3);
      expect(answers.filter(({ status }) => status === "limited")).toHaveLength(27);
      expect(answers.filter(({ status }) => status === "throttled")).toHaveLength(20);
    });

    it("report when to retry after too many starts", async () => {
      const { streams } = await started(0);
      for (let i = 0; i < 30; i++) await streams.claim(claimOf(`fast${i}`, 0));
      expect(await streams.claim(claimOf("faster", 0))).toEqual({ status: "throttled", retryAfter: 2 });
      expect(await streams.claim(claimOf("slower", 2))).toMatchObject({ status: "limited" });
    });

    it("list the running sessions, oldest first, when they refuse a start", async () => {
      const { streams } = await started(3);
      const running = [0, 1, 2].map((i) => ({
        sessionId: `s${i}`,
        assetId: "vod",
        login: undefined,
        startedAt: at(i),
        seenAt: at(i),
      }));
      expect(await streams.claim(claimOf("late", 5))).toEqual({ status: "limited", running });
      expect(await streams.touch(touchOf("s0", 5))).toMatchObject({ status: "granted" });
    });

    it("remember the login of a session's last claim over a restart", async () => {
      const { name, implementation, streams } = await started(0);
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s1", 1, { login: "mine" }));
      await streams.claim(claimOf("s1", 2, { login: "another" }));
      await streams.touch(touchOf("s2", 2, { login: "touched" }));
      await implementation.restart(name);
      const answer = await implementation.streamsOf(name).claim(claimOf("late", 5));
      const logins =
        answer.status === "limited" ? answer.running.map(({ sessionId, login }) => [sessionId, login]) : [];
      expect(logins.sort()).toEqual([
        ["s0", "mine"],
        ["s1", "another"],
        ["s2", "touched"],
      ]);
    });

    it("end the oldest session for a takeover, and refuse its later requests as taken", async () => {
      const { streams } = await started(3);
      const taken = { sessionId: "s0", leaseUntil: at(90), expiresAt: at(3600) };
      expect(await streams.claim(claimOf("new", 5, { takeover: true }))).toEqual({ status: "granted", taken: [taken] });
      expect(await streams.touch(touchOf("s0", 6))).toEqual({ status: "ended", cause: "taken", stream: undefined });
      expect(await streams.claim(claimOf("s0", 7))).toEqual({ status: "ended", cause: "taken" });
      expect(await streams.touch(touchOf("s1", 6))).toMatchObject({ status: "granted" });
    });

    it("list the sessions that takeovers ended at each start until their leases end", async () => {
      const { streams } = await started(3);
      await streams.claim(claimOf("new", 5, { takeover: true }));
      const taken = [
        { sessionId: "s0", leaseUntil: at(90), expiresAt: at(3600) },
        { sessionId: "s1", leaseUntil: at(91), expiresAt: at(3601) },
      ];
      expect(await streams.claim(claimOf("newer", 6, { takeover: true }))).toEqual({ status: "granted", taken });
      expect(await streams.claim(claimOf("newer", 40))).toEqual({ status: "granted", taken: [] });
      await streams.end(endingOf("newer", 41));
      expect(await streams.claim(claimOf("newest", 90))).toEqual({ status: "granted", taken: taken.slice(1) });
      expect(await streams.claim(claimOf("last", 92))).toEqual({ status: "granted", taken: [] });
    });

    it("do not count a session that was silent for a lease", async () => {
      const { streams } = await started(3);
      expect(await streams.claim(claimOf("early", 89))).toMatchObject({ status: "limited" });
      expect(await streams.claim(claimOf("later", 90))).toEqual({ status: "granted", taken: [] });
    });

    it("count a session that keeps sending requests", async () => {
      const { streams } = await started(3);
      for (const second of [30, 60, 90, 120])
        for (const id of ["s0", "s1", "s2"]) await streams.touch(touchOf(id, second));
      expect(await streams.claim(claimOf("late", 200))).toMatchObject({ status: "limited" });
    });

    it("grant a lost lease again if the limit allows it, and not if it is reached", async () => {
      const { streams } = await started(3);
      await streams.claim(claimOf("x", 100));
      expect(await streams.touch(touchOf("s0", 101))).toEqual({ status: "granted", until: at(191) });
      expect(await streams.touch(touchOf("s1", 102))).toEqual({ status: "granted", until: at(192) });
      expect(await streams.touch(touchOf("s2", 103))).toEqual({ status: "limited" });
    });

    it("renew a session at the limit, and keep the latest expiry of its grants", async () => {
      const { streams } = await started(3);
      expect(await streams.claim(claimOf("s0", 50, { expiresAt: at(9000) }))).toEqual({ status: "granted", taken: [] });
      expect(await streams.end(endingOf("s0", 60))).toEqual({
        sessionId: "s0",
        leaseUntil: at(140),
        expiresAt: at(9000),
      });
      expect(await streams.show("s0", at(60))).toMatchObject({ expiresAt: at(9000), ended: "revoked" });
    });

    it("end a session that loads playlists in more networks than allowed", async () => {
      const { streams } = await started(1);
      for (const [i, network] of ["a", "b", "a", "c"].entries())
        expect(await streams.touch(touchOf("s0", 10 + i, { network, playlist: true }))).toMatchObject({
          status: "granted",
        });
      const shared = {
        status: "ended",
        cause: "shared",
        stream: { sessionId: "s0", leaseUntil: at(103), expiresAt: at(3600) },
      };
      expect(await streams.touch(touchOf("s0", 20, { network: "d", playlist: true }))).toEqual(shared);
      expect(await streams.touch(touchOf("s0", 21, { network: "a" }))).toEqual({ ...shared, stream: undefined });
    });

    it("refuse a segment in one network too many, while the session continues in the others", async () => {
      const { name, implementation, streams } = await started(1);
      await streams.touch(touchOf("s0", 10, { network: "home", playlist: true }));
      for (const network of ["b", "c"])
        expect(await streams.touch(touchOf("s0", 11, { network }))).toMatchObject({ status: "granted" });
      const before = await streams.show("s0", at(12));
      for (const network of ["d", "e", "f"])
        expect(await streams.touch(touchOf("s0", 12, { network, expiresAt: at(9000) }))).toEqual({
          status: "elsewhere",
        });
      expect(await streams.show("s0", at(12))).toEqual(before);
      for (const network of ["home", "b", "c"])
        expect(await streams.touch(touchOf("s0", 13, { network }))).toMatchObject({ status: "granted" });
      await implementation.restart(name);
      expect(await streams.touch(touchOf("s0", 14, { network: "d" }))).toEqual({ status: "elsewhere" });
      expect(await streams.touch(touchOf("s0", 104, { network: "d" }))).toMatchObject({ status: "granted" });
    });

    it("admit a network that loads a playlist in place of one that did not", async () => {
      const { streams } = await started(1);
      await streams.touch(touchOf("s0", 10, { network: "home", playlist: true }));
      await streams.touch(touchOf("s0", 11, { network: "b" }));
      await streams.touch(touchOf("s0", 12, { network: "c" }));
      expect(await streams.touch(touchOf("s0", 13, { network: "d", playlist: true }))).toMatchObject({
        status: "granted",
      });
      expect(await streams.touch(touchOf("s0", 14, { network: "b" }))).toEqual({ status: "elsewhere" });
      for (const network of ["home", "c", "d"])
        expect(await streams.touch(touchOf("s0", 15, { network }))).toMatchObject({ status: "granted" });
      expect(await streams.show("s0", at(15))).toMatchObject({ networks: 3, ended: undefined });
    });

    it.each([
      ["admit a network that loaded a playlist", { playlist: true }],
      ["refuse a network that only requested segments", { playlist: false }],
    ])("%s when it returns after a pause and three others came since", async (_, { playlist }) => {
      const { name, implementation, streams } = await started(1);
      await streams.touch(touchOf("s0", 1, { network: "home", playlist }));
      for (const network of ["b", "c", "d"])
        expect(await streams.touch(touchOf("s0", 200, { network }))).toMatchObject({ status: "granted" });
      await implementation.restart(name);
      const status = playlist ? "granted" : "elsewhere";
      expect(await streams.touch(touchOf("s0", 201, { network: "home" }))).toMatchObject({ status });
    });

    it.each([["started"], ["renewed"]])(
      "admit the network that a session was %s in before any request from there",
      async (how) => {
        const { name, implementation, streams } = await started(1);
        await streams.claim(claimOf(how === "started" ? "s9" : "s0", 2, { network: "home" }));
        await implementation.restart(name);
        const id = how === "started" ? "s9" : "s0";
        expect(await streams.show(id, at(3))).toMatchObject({ networks: 0 });
        for (const network of ["b", "c", "d"]) await streams.touch(touchOf(id, 10, { network }));
        expect(await streams.touch(touchOf(id, 11, { network: "e" }))).toEqual({ status: "elsewhere" });
        expect(await streams.touch(touchOf(id, 12, { network: "home" }))).toMatchObject({ status: "granted" });
        expect(await streams.show(id, at(12))).toMatchObject({ networks: 3, ended: undefined });
      },
    );

    it("let a client move through any number of networks, one after the other", async () => {
      const { streams } = await started(1);
      for (let i = 0; i < 12; i++)
        expect(await streams.touch(touchOf("s0", 30 * i, { network: `n${i}` }))).toMatchObject({ status: "granted" });
    });

    it("recognize a network after a restart, so that it counts once", async () => {
      const { name, implementation, streams } = await started(1);
      for (let i = 0; i < 12; i++) {
        expect(await streams.touch(touchOf("s0", i, { network: "ab"[i % 2] }))).toMatchObject({ status: "granted" });
        await implementation.restart(name);
      }
      expect(await streams.show("s0", at(12))).toMatchObject({ networks: 2 });
    });

    it("grant a lease to an unknown session", async () => {
      const { streams } = await started(3);
      expect(await streams.touch(touchOf("lost", 10))).toEqual({ status: "granted", until: at(100) });
      expect(await streams.show("lost", at(10))).toMatchObject({ startedAt: at(0), leaseUntil: at(100) });
    });

    it("can end an unknown session, which then gets no lease", async () => {
      const { streams } = await started(0);
      expect(await streams.end(endingOf("s9", 9))).toEqual({
        sessionId: "s9",
        leaseUntil: at(99),
        expiresAt: at(3600),
      });
      expect(await streams.touch(touchOf("s9", 10))).toMatchObject({ status: "ended", cause: "revoked" });
    });

    it("write a session at most once in 30 s", async () => {
      const { name, implementation, streams } = await started(1);
      await streams.touch(touchOf("s0", 1, { network: "a" }));
      const before = await implementation.writes(name);
      for (let second = 1; second <= 91; second++) await streams.touch(touchOf("s0", second, { network: "a" }));
      expect((await implementation.writes(name)) - before).toBe(3);
    });

    it("never grant the edge a longer lease than is written", async () => {
      const { streams } = await started(1);
      expect(await streams.touch(touchOf("s0", 29))).toEqual({ status: "granted", until: at(90) });
      expect(await streams.touch(touchOf("s0", 30))).toEqual({ status: "granted", until: at(120) });
    });

    it("keep everything over a restart", async () => {
      const { name, implementation, streams } = await started(3);
      await streams.touch(touchOf("s1", 10, { network: "a" }));
      await streams.end(endingOf("s2", 10));
      const before = await Promise.all(["s0", "s1", "s2"].map((id) => streams.show(id, at(10))));
      await implementation.restart(name);
      expect(await Promise.all(["s0", "s1", "s2"].map((id) => streams.show(id, at(10))))).toEqual(before);
      expect(before[1]).toMatchObject({ networks: 1, ended: undefined });
      expect(await streams.touch(touchOf("s2", 11))).toMatchObject({ status: "ended", cause: "revoked" });
      await streams.claim(claimOf("s3", 11));
      expect(await streams.claim(claimOf("s4", 11))).toMatchObject({ status: "limited" });
    });

    it("keep the order of two sessions from the same second over a restart", async () => {
      const { name, implementation, streams } = await started(0);
      for (const id of ["b", "a"]) await streams.claim(claimOf(id, 0));
      await implementation.restart(name);
      const takeover = claimOf("c", 1, { limit: 2, takeover: true });
      expect(await streams.claim(takeover)).toMatchObject({ taken: [{ sessionId: "b" }] });
    });

    it("show nothing for an unknown session", async () => {
      expect(await (await started(1)).streams.show("other", at(1))).toBeUndefined();
    });
  });

  describe(`the streams of a subject whose name changes (${label})`, () => {
    it("count under the new name the sessions of the old one", async () => {
      const { name, implementation } = await started(3);
      const newer = implementation.streamsOf(subject(), [name]);
      expect(await newer.claim(claimOf("new", 5))).toMatchObject({ status: "limited" });
      expect(await newer.claim(claimOf("new", 5, { takeover: true }))).toMatchObject({ status: "granted" });
    });

    it("forward requests from the old name to the new one", async () => {
      const { name, implementation, streams } = await started(3);
      const newer = implementation.streamsOf(subject(), [name]);
      await newer.claim(claimOf("new", 5, { takeover: true }));
      expect(await streams.touch(touchOf("s0", 6))).toMatchObject({ status: "ended", cause: "taken" });
      await streams.end(endingOf("s1", 7));
      expect(await newer.show("s1", at(7))).toMatchObject({ ended: "revoked" });
      expect(await streams.show("s1", at(7))).toMatchObject({ ended: "revoked" });
      expect(await streams.claim(claimOf("s3", 8))).toMatchObject({ status: "granted" });
      expect(await newer.claim(claimOf("s4", 8))).toMatchObject({ status: "limited" });
    });

    it("count two networks as two, even if both names saw them", async () => {
      const { name, implementation, streams } = await started(1);
      const [second, third] = [subject(), subject()];
      const current = { streams };
      const touchFromBoth = async (second: number) => {
        for (const network of ["a", "b"])
          expect(await current.streams.touch(touchOf("s0", second, { network, playlist: true }))).toMatchObject({
            status: "granted",
          });
      };
      await touchFromBoth(1);
      for (const [i, [next, before]] of [[second, name] as const, [third, second] as const].entries()) {
        const newer = implementation.streamsOf(next, [before]);
        await newer.claim(claimOf("s0", 3 * i + 2));
        current.streams = newer;
        await touchFromBoth(3 * i + 3);
        current.streams = streams;
        await touchFromBoth(3 * i + 4);
      }
    });

    it("forward requests over several names and after a restart", async () => {
      const { name, implementation, streams } = await started(2);
      const [second, third] = [subject(), subject()];
      await implementation.streamsOf(second, [name]).claim(claimOf("s2", 5));
      await implementation.streamsOf(third, [second]).claim(claimOf("s3", 6, { takeover: true }));
      for (const each of [name, second, third]) await implementation.restart(each);
      expect(await streams.touch(touchOf("s0", 7))).toMatchObject({ status: "ended", cause: "taken" });
      expect(await streams.claim(claimOf("s4", 8))).toMatchObject({ status: "limited" });
      expect(await implementation.streamsOf(third, [second, name]).claim(claimOf("s5", 9))).toMatchObject({
        status: "limited",
      });
    });

    it("list the running sessions under every name without moving them", async () => {
      const { name, implementation, streams } = await started(2);
      const newer = implementation.streamsOf(subject(), [name]);
      const ids = async (of: typeof newer) => (await of.running(at(5))).map(({ sessionId }) => sessionId);
      expect([await ids(streams), await ids(newer)]).toEqual([
        ["s0", "s1"],
        ["s0", "s1"],
      ]);
      // Nothing has moved: the old name still has the session.
      expect(await streams.show("s0", at(6))).toMatchObject({ ended: undefined });
      await newer.claim(claimOf("s2", 7));
      expect(await ids(newer)).toEqual(["s0", "s1", "s2"]);
      expect(await ids(streams)).toEqual(["s0", "s1", "s2"]);
      await newer.end(endingOf("s1", 8));
      expect(await ids(newer)).toEqual(["s0", "s2"]);
      expect((await newer.running(at(500))).length).toBe(0);
    });

    it("keep the limit during simultaneous starts while they move", async () => {
      const { name, implementation, streams } = await started(1);
      const newer = implementation.streamsOf(subject(), [name]);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? newer : streams).claim(claimOf(`m${i}`, 1))),
      );
      expect(answers.filter(({ status }) => status === "granted")).toHaveLength(2);
    });

    it("keep working if the order of the names is reversed", async () => {
      const { name, implementation, streams } = await started(2);
      const other = subject();
      await implementation.streamsOf(other, [name]).claim(claimOf("s2", 5));
      expect(await implementation.streamsOf(name, [other]).claim(claimOf("s3", 6))).toMatchObject({
        status: "limited",
      });
      expect(await streams.touch(touchOf("s2", 7))).toMatchObject({ status: "granted" });
    });
  });
}
