import type { Clock, UnixSeconds } from "../../base/seconds.ts";
import type { ProofReplay } from "../../credential/proof-replay.ts";

export interface MemoryProofs extends ProofReplay {
  /** How many proofs are remembered. */
  readonly size: () => number;
}

/** DPoP proofs in memory: for tests, and for a process that is alone. */
export function memoryProofs(clock: Clock): MemoryProofs {
  const taken = new Map<string, UnixSeconds>();
  return {
    size: () => taken.size,
    firstUse: async (jkt, jti, until) => {
      for (const [proof, end] of taken) if (end <= clock()) taken.delete(proof);
      const proof = JSON.stringify([jkt, jti]);
      if (taken.has(proof)) return false;
      taken.set(proof, until);
      return true;
    },
  };
}
