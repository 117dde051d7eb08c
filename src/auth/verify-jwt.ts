import { type CryptoKey, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from "jose";
import { type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { type ClaimedParts, readClaims, readJwsParts } from "./claims.ts";
import type { VerifiedToken } from "./credential.ts";
import type { BeforeAsking, Introspection } from "./introspection.ts";
import type { Issuer } from "./issuer.ts";

/** What a token says about the key that signed it. */
interface SignedWith {
  readonly alg: Issuer["algorithms"][number];
  readonly kid: string | undefined;
}

/**
 * Finds the keys that may have signed a token: those of its kid that fit its algorithm or, where it names none, all that
 * fit. It throws {@link KeysUnavailable}, or jose's error where no key fits.
 */
export type FindKeys = (signed: SignedWith) => Promise<readonly (CryptoKey | Uint8Array)[]>;

/** How many keys are tried for a token: a token without a kid must not cost a verification for each key of a long set. */
export const mostKeysTried = 8;

/** An issuer with the function that finds its keys. */
interface KeyedIssuer {
  readonly settings: Issuer;
  readonly keys: FindKeys;
}

/** An issuer that is asked about each token. */
export interface AskedIssuer {
  readonly settings: Issuer;
  readonly introspection: Introspection;
}

export type TrustedIssuer = KeyedIssuer | AskedIssuer;

/** Thrown by what finds keys where they cannot be had: that is our side's failure, and never the token's. */
export class KeysUnavailable extends Error {}

/**
 * Verifies a JWT (RFC 7519, RFC 8725) of an issuer whose keys we have, by jose: signature under a pinned algorithm, `typ`,
 * `iss`, `exp`, `nbf` and what {@link readClaims} reads, the audience first; a JWT of an issuer that is asked, by asking it and nobody
 * else. `token_invalid`, `token_expired`, or `store_unavailable` where the issuer's keys or its answer cannot be had: a
 * player that is told 401 for our side's failure throws a good token away.
 */
export async function verifyJwt(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: UnixSeconds,
  before?: BeforeAsking,
): Promise<Result<VerifiedToken, Refusal>> {
  const parts = readJwsParts(token);
  if (!parts.ok) return parts;
  // Which issuer's rules apply. Not believed yet: jose compares it again once the signature has held.
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
): Promise<Result<VerifiedToken, Refusal>> {
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
    return refuse(whyNot(error));
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
      // Every other error of jose's is about the token, whatever the key; one that is not jose's is a key that is unusable.
      if (error instanceof errors.JOSEError && !(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      if (!(failure instanceof errors.JWSSignatureVerificationFailed)) failure = error;
    }
  }
  throw failure ?? new errors.JWKSNoMatchingKey();
}

/** What RFC 9068 §2.2 requires in addition to `iss` and `exp`. */
const rfc9068Claims = ["aud", "sub", "client_id", "iat", "jti"];

function isAccessToken({ typ }: Issuer): boolean {
  return typ !== undefined && mediaType(typ) === "application/at+jwt";
}

function isRfc9068(payload: JWTPayload): boolean {
  return [payload.sub, payload.client_id, payload.jti].every((claim) => typeof claim === "string" && claim !== "");
}

/** What is no other kind of token: the same issuer signs logout tokens, events and proofs too (RFC 8725 §3.11). */
const unpinned: readonly unknown[] = ["application/jwt", "application/at+jwt"];

function isTyp(typ: unknown, pinned: string | undefined): boolean {
  if (typ === undefined) return pinned === undefined;
  if (typeof typ !== "string") return false;
  return pinned === undefined ? unpinned.includes(mediaType(typ)) : mediaType(typ) === mediaType(pinned);
}

/** RFC 7515 §4.1.9: compared without case, and without a slash it stands for `application/…`. */
function mediaType(typ: string): string {
  return (typ.includes("/") ? typ : `application/${typ}`).toLowerCase();
}

function whyNot(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return { code: "token_expired", reason: "the token has ended" };
  if (error instanceof errors.JWTClaimValidationFailed)
    return { code: "token_invalid", reason: `the token's ${error.claim} claim does not hold (${error.reason})` };
  if (error instanceof KeysUnavailable) return { code: "store_unavailable", reason: error.message };
  // jose's own refusals have a code each; its generic one, that of a faulty set, and every other error are not the token's.
  const ours =
    error instanceof errors.JWKSInvalid || !(error instanceof errors.JOSEError) || error.code === "ERR_JOSE_GENERIC";
  if (!ours) return { code: "token_invalid", reason: `the token was refused: ${error.code}` };
  return { code: "store_unavailable", reason: "the issuer's keys cannot be used" };
}
