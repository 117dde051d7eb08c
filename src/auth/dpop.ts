import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyResult, jwtVerify } from "jose";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, inTime, isUnixSeconds, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Presented, VerifiedToken } from "./credential.ts";
import type { CredentialAsked } from "./read-credential.ts";

/** The only algorithms that a proof may be signed with: asymmetric ones, whatever its header says. */
export const proofAlgorithms = ["ES256", "EdDSA", "Ed25519", "RS256"] as const;

/** How old a proof may be, and how far ahead of ours a client's clock may go. */
const window = { back: seconds(60), ahead: seconds(5) };

/** How long a proof is remembered after it was made: the clocks of those who judge and of what remembers are not one. */
const remembered = seconds(120);

const longestId = 256;

/** What a JWK of a private or symmetric key holds (RFC 7518 §6.2.2, §6.3.2, §6.4): a client that sends it has given it away. */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** What a proof is made for. */
export interface ProofAsked {
  readonly proof: string;
  readonly token: string;
  readonly method: string;
  /** The address as the client knows it; what its query says does not count. */
  readonly uri: string;
  readonly now: UnixSeconds;
}

/** A proof that holds: by which key it was signed, and under which id it is to be taken once until when. */
export interface Proof {
  /** The key's thumbprint (RFC 7638), SHA-256 in base64url. */
  readonly jkt: string;
  readonly jti: string;
  readonly until: UnixSeconds;
}

/**
 * Verifies a DPoP proof (RFC 9449 §4.3) by jose: `typ`, a pinned `alg`, the signature under the public key in its own header,
 * `htm`, `htu`, `iat` within a minute, `jti`, and `ath` of the token that it came with. `dpop_proof_invalid` for each. Whether
 * the key is the token's, and whether the proof came before, is for the caller to see. Nonces (§8, §9) are not asked for:
 * proofs are taken once within a minute, which is what they would add.
 */
export async function verifyProof(asked: ProofAsked): Promise<Result<Proof, Refusal>> {
  const { token, method, uri, now } = asked;
  const verified = await signedProof(asked);
  if (!verified.ok) return verified;
  const { jwk } = verified.value.protectedHeader;
  const { htm, htu, iat, jti, ath } = verified.value.payload;
  if (jwk === undefined || privateMembers.some((name) => Object.hasOwn(jwk, name)))
    return refusal("dpop_proof_invalid", "the proof's jwk is not a public key");
  if (htm !== method) return refusal("dpop_proof_invalid", "the proof's htm is not the request's method");
  if (typeof htu !== "string" || targetUri(htu) === undefined || targetUri(htu) !== targetUri(uri))
    return refusal(
      "dpop_proof_invalid",
      "the proof's htu is not the request's address, as STAGEDOOR_API_URL begins it",
    );
  const madeAt: unknown = typeof iat === "number" ? Math.floor(iat) : undefined;
  if (!isUnixSeconds(madeAt) || madeAt < now - window.back || madeAt > now + window.ahead)
    return refusal("dpop_proof_invalid", "the proof's iat is too old, too far ahead, or missing");
  if (typeof jti !== "string" || jti === "" || jti.length > longestId)
    return refusal("dpop_proof_invalid", `the proof's jti is not 1 to ${longestId} characters`);
  if (ath !== digest(token)) return refusal("dpop_proof_invalid", "the proof's ath is not of this token");
  return ok({ jkt: await calculateJwkThumbprint(jwk, "sha256"), jti, until: after(madeAt, remembered) });
}

async function signedProof({ proof, now }: ProofAsked): Promise<Result<JWTVerifyResult, Refusal>> {
  try {
    return ok(
      await jwtVerify(proof, EmbeddedJWK, {
        typ: "dpop+jwt",
        algorithms: [...proofAlgorithms],
        currentDate: new Date(now * 1000),
        clockTolerance: window.ahead,
      }),
    );
  } catch (error) {
    const why = error instanceof errors.JOSEError ? error.code : "its key cannot be used";
    return refusal("dpop_proof_invalid", `the proof was refused: ${why}`);
  }
}

/** RFC 9449 §4.3, RFC 3986 §6.2: without query and fragment, and equivalent spellings made one. */
function targetUri(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const { protocol, username, password, host, pathname } = new URL(text);
  if (username !== "" || password !== "") return undefined;
  const path = pathname.replace(/%[0-9A-Fa-f]{2}/g, (octet) => {
    const character = String.fromCharCode(Number.parseInt(octet.slice(1), 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : octet.toUpperCase();
  });
  return `${protocol}//${host}${path}`;
}

/** SHA-256 of the token's characters in base64url (RFC 9449 §4.2). */
function digest(token: string): string {
  return encodeBase64url(sha256Of(token));
}

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
const replayTimeout = seconds(5);

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
    const first = await inTime(firstUse(proof), replayTimeout, timer);
    return first === "late" ? "silent" : first;
  } catch {
    return "silent";
  }
}
