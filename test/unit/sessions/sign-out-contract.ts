import { describe, expect, it } from "vitest";
import { at, claimOf, type StreamsUnderTest, touchOf } from "./streams-contract.ts";

/** What the port to a subject's streams promises of sign-outs, whoever implements it, with leases of 90 s. */
export function signOutContract(name: string, open: () => StreamsUnderTest): void {
  let made = 0;
  const subject = () => `${name}-signs-out-${made++}`;
  const fresh = () => {
    const own = subject();
    const under = open();
    return { own, under, streams: under.streamsOf(own) };
  };

  describe(`${name}, when a viewer signs out`, () => {
    const signOut = { login: "mine", now: at(10), until: at(9000) };

    it("ends the sessions of that login, and leaves the others", async () => {
      const { own, under, streams } = fresh();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s1", 1, { login: "another" }));
      await streams.claim(claimOf("s2", 2));
      expect(await streams.endLogin(signOut)).toEqual({ leaseUntil: at(100), complete: true });
      await under.restart(own);
      expect((await streams.running(at(11))).map(({ sessionId }) => sessionId)).toEqual(["s1", "s2"]);
      const ended = { status: "ended", cause: "revoked", stream: undefined };
      expect(await streams.touch(touchOf("s0", 12, { login: "mine" }))).toEqual(ended);
      expect(await streams.touch(touchOf("s1", 12, { login: "another" }))).toMatchObject({ status: "granted" });
    });

    it("refuses what comes from that login later: a claim, and a grant whose session has no row", async () => {
      const { own, under, streams } = fresh();
      await streams.endLogin(signOut);
      await under.restart(own);
      expect(await streams.claim(claimOf("s0", 11, { login: "mine" }))).toEqual({ status: "signed_out" });
      expect(await streams.touch(touchOf("s1", 8000, { login: "mine" }))).toMatchObject({ status: "ended" });
      expect(await streams.claim(claimOf("s0", 11, { login: "another" }))).toMatchObject({ status: "granted" });
    });

    it("says that the rows are not enough where a session was renewed from another login", async () => {
      const { own, under, streams } = fresh();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s0", 1, { login: "another" }));
      await under.restart(own);
      expect(await streams.endLogin(signOut)).toMatchObject({ complete: false });
      expect(await streams.touch(touchOf("s0", 11, { login: "another" }))).toMatchObject({ status: "granted" });
      expect(await streams.touch(touchOf("s0", 11, { login: "mine" }))).toMatchObject({ status: "ended" });
    });

    it("ends what is under older names, before and after it moves", async () => {
      const { own, under, streams } = fresh();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      const newer = under.streamsOf(subject(), [own]);
      await newer.endLogin(signOut);
      expect(await streams.touch(touchOf("s0", 11, { login: "mine" }))).toMatchObject({ status: "ended" });
      expect(await newer.claim(claimOf("s1", 12, { login: "mine" }))).toEqual({ status: "signed_out" });
      await newer.claim(claimOf("s1", 13));
      expect(await newer.show("s0", at(14))).toMatchObject({ ended: "revoked" });
      expect(await streams.claim(claimOf("s2", 15, { login: "mine" }))).toEqual({ status: "signed_out" });
    });
  });
}
