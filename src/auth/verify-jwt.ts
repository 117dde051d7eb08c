import { type CryptoKey, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { type ClaimedParts, readClaims, readJwsParts } from "./claims.ts";
import type { TokenRefusal, VerifiedToken } from "./credential.ts";
import type { BeforeAsking, Introspection } from "./introspection.ts";
import type { Issuer } from "./issuer.ts";

/** A token's claim about the key that signed it. */
interface SignedWith {
  readonly alg: Issuer["algorithms"][number];
  readonly kid: string | undefined;
}

/**
 * Finds the keys that may have signed a token: those with its kid that fit its algorithm, or all that fit if it has no
 * kid. Throws {@link KeysUnavailable}, or jose's error if no key fits.
 */
export type FindKeys = (signed: SignedWith) => Promise<readonly (CryptoKey | Uint8Array)[]>;

/**
 * Maximum number of keys tried per token: a token without a kid must not cost one verification per key of a long set.
 */
export const mostKeysTried = 8;

/** An issuer with the function that finds its keys. */
interface KeyedIssuer {
  readonly settings: Issuer;
  readonly keys: FindKeys;
}

/** An issuer whose tokens are verified by its introspection endpoint. */
export interface IntrospectedIssuer {
  readonly settings: Issuer;
  readonly introspection: Introspection;
}

export type TrustedIssuer = KeyedIssuer | IntrospectedIssuer;

/** Thrown when an issuer's keys cannot be fetched. The failure is on the server's side, not the token's. */
export class KeysUnavailable extends Error {}

/**
 * Verifies a JWT (RFC 7519, RFC 8725) with jose: signature under a pinned algorithm, `typ`, `iss`, `exp`, `nbf`, and
 * then the claims with {@link readClaims}, audience first. A JWT of an issuer with introspection is verified only by
 * asking that issuer.
 */
export async function verifyJwt<Reason extends Refusal = never>(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: UnixSeconds,
  before?: BeforeAsking<Reason>,
): Promise<Result<VerifiedToken, TokenRefusal | Reason>> {
  const parts = readJwsParts(token);
  if (!parts.ok) return parts;
  // Selects the issuer's rules. The claim is not trusted yet: jose compares it again after the signature check.
  const issuer = issuers.find(({ settings }) => settings.issuer === parts.value.claims.iss);
  if (issuer === undefined) return refusal("token_invalid", "the token's issuer is not one that is trusted here");
  if ("introspection" in issuer) return issuer.introspection.ask(token, now, before);
  return verifyWithKeys(token, parts.value, issuer, now);
}

async function verifyWithKeys(
  token: string,
  { header }: ClaimedParts,
  { settings, keys }: KeyedIssuer,
  now: UnixSeconds,
): Promise<Result<VerifiedToken, TokenRefusal>> {
  if (!isTyp(header.typ, settings.typ))
    return refusal("token_invalid", "the token's typ is not that of an access token of this issuer");
  const alg = settings.algorithms.find((pinned) => pinned === header.alg);
  if (alg === undefined)
    return refusal("token_invalid", "the token's alg is not one that its issuer is configured with");
  const kid = typeof header.kid === "string" ? header.kid : undefined;
  try {
    const payload = await payloadSignedBy(await keys({ alg, kid }), token, {
      issuer: settings.issuer,
      algorithms: settings.algorithms,
      clockTolerance: settings.clockTolerance,
      requiredClaims: ["exp", ...(isAccessToken(settings) ? rfc9068Claims : [])],
      currentDate: new Date(now * 1000),
    });
    if (isAccessToken(settings) && !isRfc9068(payload))
      return refusal("token_invalid", "the token's sub, client_id or jti is not a text (RFC 9068 §2.2)");
    return readClaims(payload, settings, now);
  } catch (error) {
    return refuse(refusalOf(error));
  }
}

/** The claims of a token that one of the keys has signed. Throws jose's errors. */
async function payloadSignedBy(
  keys: Awaited<ReturnType<FindKeys>>,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  let failure: unknown;
  for (const key of keys.slice(0, mostKeysTried)) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      // Every other jose error concerns the token, whatever the key. An error from elsewhere means an unusable key.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      if (!(failure instanceof errors.JWSSignatureVerificationFailed)) failure = error;
    }
  }
  throw failure ?? new errors.JWKSNoMatchingKey();
}

/** The claims that RFC 9068 §2.2 requires in addition to `iss` and `exp`. */
const rfc9068Claims = ["aud", "sub", "client_id", "iat", "jti"];

function isAccessToken({ typ }: Issuer): boolean {
  return typ !== undefined && mediaType(typ) === "application/at+jwt";
}

function isRfc9068(payload: JWTPayload): boolean {
  return [payload.sub, payload.client_id, payload.jti].every((claim) => typeof claim === "string" && claim !== "");
}

/**
 * The accepted types if none is configured: the same issuer also signs logout tokens, events and proofs (RFC 8725
 * §3.11).
 */
const unpinned: readonly unknown[] = ["application/jwt", "application/at+jwt"];

function isTyp(typ: unknown, pinned: string | undefined): boolean {
  if (typ === undefined) return pinned === undefined;
  if (typeof typ !== "string") return false;
  return pinned === undefined ? unpinned.includes(mediaType(typ)) : mediaType(typ) === mediaType(pinned);
}

/** RFC 7515 §4.1.9: case-insensitive; without a slash it means `application/…`. */
function mediaType(typ: string): string {
  return (typ.includes("/") ? typ : `application/${typ}`).toLowerCase();
}

/** Why jose or a key set did not verify a token. */
function refusalOf(error: unknown): TokenRefusal {
  if (error instanceof errors.JWTExpired) return { code: "token_expired", reason: "the token has expired" };
  if (error instanceof errors.JWTClaimValidationFailed)
    return { code: "token_invalid", reason: `the token's ${error.claim} claim is invalid (${error.reason})` };
  if (error instanceof KeysUnavailable) return { code: "provider_unavailable", reason: error.message };
  // jose's refusals of a token have their own codes. Its generic error, a malformed set and every other error are
  // server failures.
  const ours =
    error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC";
  if (!ours) return { code: "token_invalid", reason: `the token was refused: ${error.code}` };
  return { code: "provider_unavailable", reason: "the issuer's keys cannot be used" };
}
