import { describe, expect, it } from "vitest";
import { at, claimOf, type StreamsUnderTest, touchOf } from "./streams-contract.ts";

/** What a subject's streams remember about the backends that started them, for every implementation. */
export function startedByContract(label: string, open: () => StreamsUnderTest): void {
  describe(`the streams of a backend's viewer (${label})`, () => {
    it("remember the credential of a session's first claim over a restart and under a new name", async () => {
      const name = `${label}-started-by`;
      const implementation = open();
      const streams = implementation.streamsOf(name);
      const startedBy = { token: "first", signer: "be-1" };
      await streams.claim(claimOf("s0", 0, { startedBy }));
      await streams.claim(claimOf("s0", 40, { startedBy: { token: "second", signer: "be-2" } }));
      await streams.touch(touchOf("s1", 40, { startedBy }));
      await streams.claim(claimOf("s2", 40));
      await implementation.restart(name);
      const newer = implementation.streamsOf(`${name}-newer`, [name]);
      await newer.claim(claimOf("late", 45));
      const known = await newer.running(at(45));
      expect(new Map(known.map((stream) => [stream.sessionId, stream.startedBy]))).toEqual(
        new Map([
          ["s0", startedBy],
          ["s1", startedBy],
          ["s2", undefined],
        ]),
      );
      expect((await newer.show("s0", at(45)))?.startedBy).toEqual(startedBy);
      expect(await newer.touch(touchOf("s0", 46))).toMatchObject({ status: "granted", startedBy });
    });
  });
}
