import { describe, expect, it } from "vitest";
import { at, claimOf, type StreamsUnderTest, touchOf } from "./streams-contract.ts";

/** The contract of sign-outs for every implementation of a subject's streams, with leases of 90 s. */
export function signOutContract(label: string, open: () => StreamsUnderTest): void {
  let count = 0;
  const subject = () => `${label}-signs-out-${count++}`;
  const newSubject = () => {
    const name = subject();
    const implementation = open();
    return { name, implementation, streams: implementation.streamsOf(name) };
  };

  describe(`a viewer's sign-out (${label})`, () => {
    const signOut = { login: "mine", now: at(10), until: at(9000) };

    it("ends the sessions of that login and no others", async () => {
      const { name, implementation, streams } = newSubject();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s1", 1, { login: "another" }));
      await streams.claim(claimOf("s2", 2));
      expect(await streams.endLogin(signOut)).toEqual({ leaseUntil: at(100), complete: true });
      await implementation.restart(name);
      expect((await streams.running(at(11))).map(({ sessionId }) => sessionId)).toEqual(["s1", "s2"]);
      const ended = { status: "ended", cause: "revoked", stream: undefined };
      expect(await streams.touch(touchOf("s0", 12, { login: "mine" }))).toEqual(ended);
      expect(await streams.touch(touchOf("s1", 12, { login: "another" }))).toMatchObject({ status: "granted" });
    });

    it("refuses later claims of that login, and its grants for sessions without a row", async () => {
      const { name, implementation, streams } = newSubject();
      await streams.endLogin(signOut);
      await implementation.restart(name);
      expect(await streams.claim(claimOf("s0", 11, { login: "mine" }))).toEqual({ status: "signed_out" });
      expect(await streams.touch(touchOf("s1", 8000, { login: "mine" }))).toMatchObject({ status: "ended" });
      expect(await streams.claim(claimOf("s0", 11, { login: "another" }))).toMatchObject({ status: "granted" });
    });

    it("reports that it is incomplete if a session was renewed from another login", async () => {
      const { name, implementation, streams } = newSubject();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      await streams.claim(claimOf("s0", 1, { login: "another" }));
      await implementation.restart(name);
      expect(await streams.endLogin(signOut)).toMatchObject({ complete: false });
      expect(await streams.touch(touchOf("s0", 11, { login: "another" }))).toMatchObject({ status: "granted" });
      expect(await streams.touch(touchOf("s0", 11, { login: "mine" }))).toMatchObject({ status: "ended" });
    });

    it("ends sessions under the subject's older names, before and after they move", async () => {
      const { name, implementation, streams } = newSubject();
      await streams.claim(claimOf("s0", 0, { login: "mine" }));
      const newer = implementation.streamsOf(subject(), [name]);
      await newer.endLogin(signOut);
      expect(await streams.touch(touchOf("s0", 11, { login: "mine" }))).toMatchObject({ status: "ended" });
      expect(await newer.claim(claimOf("s1", 12, { login: "mine" }))).toEqual({ status: "signed_out" });
      await newer.claim(claimOf("s1", 13));
      expect(await newer.show("s0", at(14))).toMatchObject({ ended: "revoked" });
      expect(await streams.claim(claimOf("s2", 15, { login: "mine" }))).toEqual({ status: "signed_out" });
    });

    it("is known for that login, after a restart and under each name of the subject", async () => {
      const { name, implementation, streams } = newSubject();
      const newer = implementation.streamsOf(subject(), [name]);
      expect(await streams.isSignedOut("mine")).toBe(false);
      await streams.endLogin(signOut);
      await implementation.restart(name);
      expect([await streams.isSignedOut("mine"), await streams.isSignedOut("another")]).toEqual([true, false]);
      expect(await newer.isSignedOut("mine")).toBe(true);
      await newer.claim(claimOf("s0", 11));
      expect([await streams.isSignedOut("mine"), await newer.isSignedOut("mine")]).toEqual([true, true]);
    });
  });
}
