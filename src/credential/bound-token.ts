import { inTime } from "../base/deadline.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { seconds, type Timer, type UnixSeconds } from "../base/seconds.ts";
import { type Proof, verifyProof } from "./dpop.ts";
import type { Presented } from "./presented.ts";
import type { CredentialAsked } from "./read-presented.ts";
import type { VerifiedToken } from "./verified-token.ts";

/** What the binding of a token is checked with. */
export interface BindingContext {
  readonly now: UnixSeconds;
  readonly timer: Timer;
  /** STAGEDOOR_API_URL: what a proof is made for, since a Host header says what its sender wants. */
  readonly apiUrl: string | undefined;
  /** Whether this proof is seen for the first time, as {@link ProofReplay} says; for one request true however often it asks. */
  readonly firstUse: (proof: Proof) => Promise<boolean>;
}

/** How long a viewer waits for what remembers proofs. */
const patience = seconds(5);

/**
 * Whether who presents a token may: what is bound to a key (`cnf.jkt`, RFC 9449 §6.1) comes with that key's proof and in the
 * scheme DPoP, and what is not bound comes as a bearer token, where its issuer allows that. `token_invalid` where token and
 * scheme do not fit (§7.1), `dpop_proof_invalid` for a proof that does not hold or came before, `store_unavailable` where
 * nobody knows. A proof is remembered only after everything else has held, so that nobody fills the store with made-up ones.
 */
export async function holdsBinding(
  presented: Exclude<Presented, { is: "cookie" }>,
  { jkt, dpop }: Pick<VerifiedToken, "jkt" | "dpop">,
  asked: CredentialAsked,
  { now, timer, apiUrl, firstUse }: BindingContext,
): Promise<Result<undefined, Refusal>> {
  if (jkt === undefined)
    return presented.is === "bearer" && dpop !== "required"
      ? ok(undefined)
      : refusal("token_invalid", "the token is not bound to a key, and a bound one is asked for");
  if (presented.is === "bearer")
    return refusal("token_invalid", "the token is bound to a key, and came as a bearer token without a proof");
  if (apiUrl === undefined)
    return refusal("dpop_proof_invalid", "STAGEDOOR_API_URL is not set, so no proof can be for this service");
  const uri = apiUrl + new URL(asked.url).pathname;
  const proof = await verifyProof({ proof: presented.proof, token: presented.token, method: asked.method, uri, now });
  if (!proof.ok) return proof;
  if (proof.value.jkt !== jkt)
    return refusal("token_invalid", "the proof is of another key than the token is bound to");
  const first = await seenFirst(firstUse, proof.value, timer);
  if (first === "silent") return refusal("store_unavailable", "what remembers DPoP proofs did not answer");
  return first ? ok(undefined) : refusal("dpop_proof_invalid", "the proof was used before");
}

async function seenFirst(
  firstUse: BindingContext["firstUse"],
  proof: Proof,
  timer: Timer,
): Promise<boolean | "silent"> {
  try {
    const first = await inTime(firstUse(proof), patience, timer);
    return first === "late" ? "silent" : first;
  } catch {
    return "silent";
  }
}
