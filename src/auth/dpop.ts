import { calculateJwkThumbprint, EmbeddedJWK, errors, type JWTVerifyResult, jwtVerify } from "jose";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, inTime, isUnixSeconds, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Presented, VerifiedToken } from "./credential.ts";
import type { CredentialRequest } from "./read-credential.ts";

/** The only accepted signature algorithms of a proof, whatever its header says. All are asymmetric. */
export const proofAlgorithms = ["ES256", "EdDSA", "Ed25519", "RS256"] as const;

/** The maximum age of a proof, and how far a client's clock may be ahead. */
const window = { back: seconds(60), ahead: seconds(5) };

/** How long a used proof is remembered. Longer than the maximum age, because the clocks of worker and store differ. */
const remembered = seconds(120);

const longestId = 256;

/**
 * Members of a private or symmetric JWK (RFC 7518 §6.2.2, §6.3.2, §6.4). A client that sends one has disclosed its key.
 */
const privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/** A proof and the request that it must match. */
export interface ProofRequest {
  readonly proof: string;
  readonly token: string;
  readonly method: string;
  /** The URL as the client knows it. Its query is ignored. */
  readonly uri: string;
  readonly now: UnixSeconds;
}

/** A valid proof: its key, and the id that may be used once. */
export interface Proof {
  /** The key's thumbprint (RFC 7638): SHA-256 in base64url. */
  readonly jkt: string;
  readonly jti: string;
  readonly until: UnixSeconds;
}

/**
 * Verifies a DPoP proof (RFC 9449 §4.3) with jose: `typ`, a pinned `alg`, the signature under the public key in its
 * header, `htm`, `htu`, `iat` within a minute, `jti`, and `ath` of the token. The caller checks that the key is the
 * token's and that the proof is new. Nonces (§8, §9) are not used: each proof is accepted once within a minute, which
 * gives the same protection.
 */
export async function verifyProof(request: ProofRequest): Promise<Result<Proof, Refusal<"dpop_proof_invalid">>> {
  const { token, method, uri, now } = request;
  const verified = await signedProof(request);
  if (!verified.ok) return verified;
  const { jwk } = verified.value.protectedHeader;
  const { htm, htu, iat, jti, ath } = verified.value.payload;
  if (jwk === undefined || privateMembers.some((name) => Object.hasOwn(jwk, name)))
    return refusal("dpop_proof_invalid", "the proof's jwk is not a public key");
  if (htm !== method) return refusal("dpop_proof_invalid", "the proof's htm is not the request's method");
  if (typeof htu !== "string" || targetUri(htu) === undefined || targetUri(htu) !== targetUri(uri))
    return refusal("dpop_proof_invalid", "the proof's htu is not STAGEDOOR_API_URL followed by the request's path");
  const madeAt: unknown = typeof iat === "number" ? Math.floor(iat) : undefined;
  if (!isUnixSeconds(madeAt) || madeAt < now - window.back || madeAt > now + window.ahead)
    return refusal("dpop_proof_invalid", "the proof's iat is too old, too far ahead, or missing");
  if (typeof jti !== "string" || jti === "" || jti.length > longestId)
    return refusal("dpop_proof_invalid", `the proof's jti is not 1 to ${longestId} characters`);
  if (ath !== digest(token)) return refusal("dpop_proof_invalid", "the proof's ath is not of this token");
  return ok({ jkt: await calculateJwkThumbprint(jwk, "sha256"), jti, until: after(madeAt, remembered) });
}

async function signedProof({
  proof,
  now,
}: ProofRequest): Promise<Result<JWTVerifyResult, Refusal<"dpop_proof_invalid">>> {
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

/** RFC 9449 §4.3, RFC 3986 §6.2: the URL without query and fragment, normalized. */
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

/** The dependencies for checking a token's key binding. */
export interface BindingContext {
  readonly now: UnixSeconds;
  readonly timer: Timer;
  /**
   * STAGEDOOR_API_URL, the address that a proof must name. The Host header is not used, because the sender chooses it.
   */
  readonly apiUrl: string | undefined;
  /** Whether the proof is new, as {@link ProofReplay} says. Repeated calls within one request return true again. */
  readonly firstUse: (proof: Proof) => Promise<boolean>;
}

/** How long a viewer waits for the store of used proofs. */
const replayTimeout = seconds(5);

/**
 * `token_invalid`: token and scheme do not match (RFC 9449 §7.1). `dpop_proof_invalid`: the proof is invalid or was
 * used before. `store_unavailable`: the store of used proofs does not answer.
 */
export type BindingRefusal = Refusal<"token_invalid" | "dpop_proof_invalid" | "store_unavailable">;

/**
 * Checks a token's key binding: a bound token (`cnf.jkt`, RFC 9449 §6.1) needs the scheme DPoP and a proof by its key;
 * an unbound token is a bearer token, if the issuer allows that. A proof is remembered only after all other checks, so
 * that forged proofs cannot fill the store.
 */
export async function checkBinding(
  presented: Exclude<Presented, { kind: "cookie" }>,
  { jkt, dpop }: Pick<VerifiedToken, "jkt" | "dpop">,
  request: CredentialRequest,
  { now, timer, apiUrl, firstUse }: BindingContext,
): Promise<Result<undefined, BindingRefusal>> {
  if (jkt === undefined)
    return presented.kind === "bearer" && dpop !== "required"
      ? ok(undefined)
      : refusal("token_invalid", "the token is not bound to a key, and a bound one is asked for");
  if (presented.kind === "bearer")
    return refusal("token_invalid", "the token is bound to a key, and came as a bearer token without a proof");
  if (apiUrl === undefined)
    return refusal("dpop_proof_invalid", "STAGEDOOR_API_URL is not set, so no proof can be for this service");
  const uri = apiUrl + new URL(request.url).pathname;
  const proof = await verifyProof({ proof: presented.proof, token: presented.token, method: request.method, uri, now });
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
