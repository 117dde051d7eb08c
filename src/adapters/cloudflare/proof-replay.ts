import type { UnixSeconds } from "../../base/seconds.ts";
import type { ProofReplay } from "../../credential/proof-replay.ts";

/** The part of a DurableObjectNamespace of ProofsObject that is used here. */
export interface ProofsNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { firstUse(jti: string, until: UnixSeconds): Promise<boolean> };
}

/** DPoP proofs in Durable Objects: one ProofsObject for each key, so that each proof is taken in one place. */
export function proofReplay<Id>(objects: ProofsNamespace<Id>): ProofReplay {
  return { firstUse: async (jkt, jti, until) => objects.get(objects.idFromName(jkt)).firstUse(jti, until) };
}
