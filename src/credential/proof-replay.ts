import type { UnixSeconds } from "../base/seconds.ts";

/** The port to what remembers DPoP proofs (RFC 9449 §11.1). It rejects where the store does not answer. */
export interface ProofReplay {
  /** Whether this proof is seen for the first time: true once for each `jti` of a key (`jkt`), until the proof is too old anyhow. */
  firstUse(jkt: string, jti: string, until: UnixSeconds): Promise<boolean>;
}
