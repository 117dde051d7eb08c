import { describe, expect, it } from "vitest";
import type { ProofReplay } from "../../../src/auth/credential.ts";
import { systemClock, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";

export const inAMinute = (): UnixSeconds => unixSeconds(systemClock() + 60);

/** The port's contract, for every implementation. */
export function proofsContract(name: string, open: () => ProofReplay): void {
  describe(`the store of used DPoP proofs (${name})`, () => {
    it("accepts a proof once", async () => {
      const proofs = open();
      const until = inAMinute();
      expect(await proofs.firstUse(`${name}-once`, "a", until)).toBe(true);
      expect(await proofs.firstUse(`${name}-once`, "a", until)).toBe(false);
      expect(await proofs.firstUse(`${name}-once`, "a", unixSeconds(until + 1))).toBe(false);
    });

    it("accepts one of fifty concurrent uses", async () => {
      const proofs = open();
      const until = inAMinute();
      const results = await Promise.all(
        Array.from({ length: 50 }, () => proofs.firstUse(`${name}-storm`, "same", until)),
      );
      expect(results.filter((first) => first)).toHaveLength(1);
    });

    it("distinguishes the ids of a key, and keys with the same id", async () => {
      const proofs = open();
      const until = inAMinute();
      const ids = ["a", "A", "a ", "ä", "a\u0308", '"', "'; DROP TABLE proof; --", "a".repeat(256)];
      for (const jti of ids) expect(await proofs.firstUse(`${name}-ids`, jti, until)).toBe(true);
      for (const jti of ids) expect(await proofs.firstUse(`${name}-ids`, jti, until)).toBe(false);
      expect(await proofs.firstUse(`${name}-ids-of-another`, "a", until)).toBe(true);
    });
  });
}
