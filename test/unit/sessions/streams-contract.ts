import { describe, expect, it } from "vitest";
import { type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import type { LeaseClaim, LeaseTouch, StreamEnding, StreamsOf } from "../../../src/sessions/lease.ts";

export interface StreamsUnderTest {
  readonly streamsOf: StreamsOf;
  /** How many writes of sessions there were under a name since it was last started. */
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

/** What the port promises, whoever implements it, with leases of 90 s and a write every 30 s. */
export function streamsContract(name: string, open: () => StreamsUnderTest): void {
  let made = 0;
  const subject = () => `${name}-${made++}`;
  /** The streams of a subject of their own, with so many sessions started a second apart: s0, s1 and so on. */
  async function started(count: number) {
    const own = subject();
    const under = open();
    const streams = under.streamsOf(own);
    for (let i = 0; i < count; i++) await streams.claim(claimOf(`s${i}`, i));
    return { own, under, streams };
  }

  describe(`${name}, as the streams of subjects`, () => {
    it("lets a storm of starts have as many as the limit says, and not one more", async () => {
      const { streams } = await started(0);
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => streams.claim(claimOf(`storm${i}`, 0))));
      expect(answers.filter(({ status }) => status === "granted")).toHaveLength(3);
      expect(answers.filter(({ status }) => status === "limited")).toHaveLength(27);
      expect(answers.filter(({ status }) => status === "throttled")).toHaveLength(20);
    });

    it("says to who starts too fast when to come again", async () => {
      const { streams } = await started(0);
      for (let i = 0; i < 30; i++) await streams.claim(claimOf(`fast${i}`, 0));
      expect(await streams.claim(claimOf("faster", 0))).toEqual({ status: "throttled", retryAfter: 2 });
      expect(await streams.claim(claimOf("slower", 2))).toMatchObject({ status: "limited" });
    });

    it("names what is running, oldest first, to a start that finds no room", async () => {
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

    it("remembers which login a session came from, over a crash and a renewal from another", async () => {
      const { own, under, streams } = await started(0);
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s1", 1, { login: "mine" }));
      await streams.claim(claimOf("s1", 2, { login: "another" }));
      await streams.touch(touchOf("s2", 2, { login: "touched" }));
      await under.restart(own);
      const answer = await under.streamsOf(own).claim(claimOf("late", 5));
      const logins =
        answer.status === "limited" ? answer.running.map(({ sessionId, login }) => [sessionId, login]) : [];
      expect(logins.sort()).toEqual([
        ["s0", "mine"],
        ["s1", "another"],
        ["s2", "touched"],
      ]);
    });

    it("ends the oldest for a takeover, and tells it so whenever it asks", async () => {
      const { streams } = await started(3);
      const taken = { sessionId: "s0", leaseUntil: at(90) };
      expect(await streams.claim(claimOf("new", 5, { takeover: true }))).toEqual({ status: "granted", taken: [taken] });
      expect(await streams.touch(touchOf("s0", 6))).toEqual({ status: "ended", cause: "taken", stream: undefined });
      expect(await streams.claim(claimOf("s0", 7))).toEqual({ status: "ended", cause: "taken" });
      expect(await streams.touch(touchOf("s1", 6))).toMatchObject({ status: "granted" });
    });

    it("names what a takeover ended to each start, as long as an isolate may remember the lease", async () => {
      const { streams } = await started(3);
      await streams.claim(claimOf("new", 5, { takeover: true }));
      const taken = [
        { sessionId: "s0", leaseUntil: at(90) },
        { sessionId: "s1", leaseUntil: at(91) },
      ];
      expect(await streams.claim(claimOf("newer", 6, { takeover: true }))).toEqual({ status: "granted", taken });
      expect(await streams.claim(claimOf("newer", 40))).toEqual({ status: "granted", taken: [] });
      await streams.end(endingOf("newer", 41));
      expect(await streams.claim(claimOf("newest", 90))).toEqual({ status: "granted", taken: taken.slice(1) });
      expect(await streams.claim(claimOf("last", 92))).toEqual({ status: "granted", taken: [] });
    });

    it("frees the place of a session that was silent for a lease", async () => {
      const { streams } = await started(3);
      expect(await streams.claim(claimOf("early", 89))).toMatchObject({ status: "limited" });
      expect(await streams.claim(claimOf("later", 90))).toEqual({ status: "granted", taken: [] });
    });

    it("keeps the place of a session that goes on asking", async () => {
      const { streams } = await started(3);
      for (const second of [30, 60, 90, 120])
        for (const id of ["s0", "s1", "s2"]) await streams.touch(touchOf(id, second));
      expect(await streams.claim(claimOf("late", 200))).toMatchObject({ status: "limited" });
    });

    it("gives a lease back where the limit leaves room, and not where others fill it", async () => {
      const { streams } = await started(3);
      await streams.claim(claimOf("x", 100));
      expect(await streams.touch(touchOf("s0", 101))).toEqual({ status: "granted", until: at(191) });
      expect(await streams.touch(touchOf("s1", 102))).toEqual({ status: "granted", until: at(192) });
      expect(await streams.touch(touchOf("s2", 103))).toEqual({ status: "limited" });
    });

    it("renews a session without counting it, and keeps the later end of its grants", async () => {
      const { streams } = await started(3);
      expect(await streams.claim(claimOf("s0", 50, { expiresAt: at(9000) }))).toEqual({ status: "granted", taken: [] });
      expect(await streams.end(endingOf("s0", 60))).toEqual({ sessionId: "s0", leaseUntil: at(140) });
      expect(await streams.show("s0", at(60))).toMatchObject({ expiresAt: at(9000), ended: "revoked" });
    });

    it("ends a session that loaded playlists in too many networks, in the answer to the one too many", async () => {
      const { streams } = await started(1);
      for (const [i, network] of ["a", "b", "a", "c"].entries())
        expect(await streams.touch(touchOf("s0", 10 + i, { network, playlist: true }))).toMatchObject({
          status: "granted",
        });
      const shared = { status: "ended", cause: "shared", stream: { sessionId: "s0", leaseUntil: at(103) } };
      expect(await streams.touch(touchOf("s0", 20, { network: "d", playlist: true }))).toEqual(shared);
      expect(await streams.touch(touchOf("s0", 21, { network: "a" }))).toEqual({ ...shared, stream: undefined });
    });

    it("refuses a segment in one network too many, and lets the session go on in the others", async () => {
      const { own, under, streams } = await started(1);
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
      await under.restart(own);
      expect(await streams.touch(touchOf("s0", 14, { network: "d" }))).toEqual({ status: "elsewhere" });
      expect(await streams.touch(touchOf("s0", 104, { network: "d" }))).toMatchObject({ status: "granted" });
    });

    it("admits a network that loaded a playlist in place of one that did not", async () => {
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
      ["loaded a playlist", { playlist: true }],
      ["only requested segments", { playlist: false }],
    ])("knows a network again after a pause that %s", async (_, { playlist }) => {
      const { own, under, streams } = await started(1);
      await streams.touch(touchOf("s0", 1, { network: "home", playlist }));
      for (const network of ["b", "c", "d"])
        expect(await streams.touch(touchOf("s0", 200, { network }))).toMatchObject({ status: "granted" });
      await under.restart(own);
      const status = playlist ? "granted" : "elsewhere";
      expect(await streams.touch(touchOf("s0", 201, { network: "home" }))).toMatchObject({ status });
    });

    it.each([["started"], ["renewed"]])(
      "trusts the network that a session was %s in, before it is seen there",
      async (how) => {
        const { own, under, streams } = await started(1);
        await streams.claim(claimOf(how === "started" ? "s9" : "s0", 2, { network: "home" }));
        await under.restart(own);
        const id = how === "started" ? "s9" : "s0";
        expect(await streams.show(id, at(3))).toMatchObject({ networks: 0 });
        for (const network of ["b", "c", "d"]) await streams.touch(touchOf(id, 10, { network }));
        expect(await streams.touch(touchOf(id, 11, { network: "e" }))).toEqual({ status: "elsewhere" });
        expect(await streams.touch(touchOf(id, 12, { network: "home" }))).toMatchObject({ status: "granted" });
        expect(await streams.show(id, at(12))).toMatchObject({ networks: 3, ended: undefined });
      },
    );

    it("lets a client move through any number of networks, one after the other", async () => {
      const { streams } = await started(1);
      for (let i = 0; i < 12; i++)
        expect(await streams.touch(touchOf("s0", 30 * i, { network: `n${i}` }))).toMatchObject({ status: "granted" });
    });

    it("knows a network again over a restart, so that it counts once", async () => {
      const { own, under, streams } = await started(1);
      for (let i = 0; i < 12; i++) {
        expect(await streams.touch(touchOf("s0", i, { network: "ab"[i % 2] }))).toMatchObject({ status: "granted" });
        await under.restart(own);
      }
      expect(await streams.show("s0", at(12))).toMatchObject({ networks: 2 });
    });

    it("takes in a session that it does not know", async () => {
      const { streams } = await started(3);
      expect(await streams.touch(touchOf("lost", 10))).toEqual({ status: "granted", until: at(100) });
      expect(await streams.show("lost", at(10))).toMatchObject({ startedAt: at(0), leaseUntil: at(100) });
    });

    it("ends a session that it does not know, and does not take it in any more", async () => {
      const { streams } = await started(0);
      expect(await streams.end(endingOf("s9", 9))).toEqual({ sessionId: "s9", leaseUntil: at(99) });
      expect(await streams.touch(touchOf("s9", 10))).toMatchObject({ status: "ended", cause: "revoked" });
    });

    it("writes a session down once in 30 s at the most", async () => {
      const { own, under, streams } = await started(1);
      await streams.touch(touchOf("s0", 1, { network: "a" }));
      const before = await under.writes(own);
      for (let second = 1; second <= 91; second++) await streams.touch(touchOf("s0", second, { network: "a" }));
      expect((await under.writes(own)) - before).toBe(3);
    });

    it("never promises the edge more than it has written down", async () => {
      const { streams } = await started(1);
      expect(await streams.touch(touchOf("s0", 29))).toEqual({ status: "granted", until: at(90) });
      expect(await streams.touch(touchOf("s0", 30))).toEqual({ status: "granted", until: at(120) });
    });

    it("remembers everything over a restart", async () => {
      const { own, under, streams } = await started(3);
      await streams.touch(touchOf("s1", 10, { network: "a" }));
      await streams.end(endingOf("s2", 10));
      const before = await Promise.all(["s0", "s1", "s2"].map((id) => streams.show(id, at(10))));
      await under.restart(own);
      expect(await Promise.all(["s0", "s1", "s2"].map((id) => streams.show(id, at(10))))).toEqual(before);
      expect(before[1]).toMatchObject({ networks: 1, ended: undefined });
      expect(await streams.touch(touchOf("s2", 11))).toMatchObject({ status: "ended", cause: "revoked" });
      await streams.claim(claimOf("s3", 11));
      expect(await streams.claim(claimOf("s4", 11))).toMatchObject({ status: "limited" });
    });

    it("knows after a restart too which of two came first that began within a second", async () => {
      const { own, under, streams } = await started(0);
      for (const id of ["b", "a"]) await streams.claim(claimOf(id, 0));
      await under.restart(own);
      const takeover = claimOf("c", 1, { limit: 2, takeover: true });
      expect(await streams.claim(takeover)).toMatchObject({ taken: [{ sessionId: "b" }] });
    });

    it("says nothing of a session that it does not know", async () => {
      expect(await (await started(1)).streams.show("other", at(1))).toBeUndefined();
    });
  });

  describe(`${name}, when a subject's name changes`, () => {
    it("counts under the new name what runs under the old", async () => {
      const { own, under } = await started(3);
      const newer = under.streamsOf(subject(), [own]);
      expect(await newer.claim(claimOf("new", 5))).toMatchObject({ status: "limited" });
      expect(await newer.claim(claimOf("new", 5, { takeover: true }))).toMatchObject({ status: "granted" });
    });

    it("sends on what the old name is asked", async () => {
      const { own, under, streams } = await started(3);
      const newer = under.streamsOf(subject(), [own]);
      await newer.claim(claimOf("new", 5, { takeover: true }));
      expect(await streams.touch(touchOf("s0", 6))).toMatchObject({ status: "ended", cause: "taken" });
      await streams.end(endingOf("s1", 7));
      expect(await newer.show("s1", at(7))).toMatchObject({ ended: "revoked" });
      expect(await streams.show("s1", at(7))).toMatchObject({ ended: "revoked" });
      expect(await streams.claim(claimOf("s3", 8))).toMatchObject({ status: "granted" });
      expect(await newer.claim(claimOf("s4", 8))).toMatchObject({ status: "limited" });
    });

    it("ends nobody for two networks, be they seen under both names", async () => {
      const { own, under, streams } = await started(1);
      const [second, third] = [subject(), subject()];
      const name = { of: streams };
      const seen = async (second: number) => {
        for (const network of ["a", "b"])
          expect(await name.of.touch(touchOf("s0", second, { network, playlist: true }))).toMatchObject({
            status: "granted",
          });
      };
      await seen(1);
      for (const [i, [next, before]] of [[second, own] as const, [third, second] as const].entries()) {
        const newer = under.streamsOf(next, [before]);
        await newer.claim(claimOf("s0", 3 * i + 2));
        name.of = newer;
        await seen(3 * i + 3);
        name.of = streams;
        await seen(3 * i + 4);
      }
    });

    it("knows the way over several names, and over a restart", async () => {
      const { own, under, streams } = await started(2);
      const [second, third] = [subject(), subject()];
      await under.streamsOf(second, [own]).claim(claimOf("s2", 5));
      await under.streamsOf(third, [second]).claim(claimOf("s3", 6, { takeover: true }));
      for (const name of [own, second, third]) await under.restart(name);
      expect(await streams.touch(touchOf("s0", 7))).toMatchObject({ status: "ended", cause: "taken" });
      expect(await streams.claim(claimOf("s4", 8))).toMatchObject({ status: "limited" });
      expect(await under.streamsOf(third, [second, own]).claim(claimOf("s5", 9))).toMatchObject({ status: "limited" });
    });

    it("names what runs to who only looks, under whichever name, and moves nothing", async () => {
      const { own, under, streams } = await started(2);
      const newer = under.streamsOf(subject(), [own]);
      const ids = async (of: typeof newer) => (await of.running(at(5))).map(({ sessionId }) => sessionId);
      expect([await ids(streams), await ids(newer)]).toEqual([
        ["s0", "s1"],
        ["s0", "s1"],
      ]);
      // It is still his own to end: nothing has moved.
      expect(await streams.show("s0", at(6))).toMatchObject({ ended: undefined });
      await newer.claim(claimOf("s2", 7));
      expect(await ids(newer)).toEqual(["s0", "s1", "s2"]);
      expect(await ids(streams)).toEqual(["s0", "s1", "s2"]);
      await newer.end(endingOf("s1", 8));
      expect(await ids(newer)).toEqual(["s0", "s2"]);
      expect((await newer.running(at(500))).length).toBe(0);
    });

    it("lets no storm overshoot while the streams move", async () => {
      const { own, under, streams } = await started(1);
      const newer = under.streamsOf(subject(), [own]);
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => (i % 2 ? newer : streams).claim(claimOf(`m${i}`, 1))),
      );
      expect(answers.filter(({ status }) => status === "granted")).toHaveLength(2);
    });

    it("goes on where the order of the names was turned round", async () => {
      const { own, under, streams } = await started(2);
      const name = subject();
      await under.streamsOf(name, [own]).claim(claimOf("s2", 5));
      expect(await under.streamsOf(own, [name]).claim(claimOf("s3", 6))).toMatchObject({ status: "limited" });
      expect(await streams.touch(touchOf("s2", 7))).toMatchObject({ status: "granted" });
    });
  });
}
