import { decodeJwt, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/seconds.ts";
import type { Credential } from "./credential.ts";
import type { Issuer } from "./issuer.ts";

/** An issuer with the function that finds its keys. */
export interface TrustedIssuer {
  readonly settings: Issuer;
  readonly keys: JWTVerifyGetKey;
}

/**
 * Verifies a JWT (RFC 7519, RFC 8725) by jose: signature under a pinned algorithm, `iss`, `aud`, `exp`, `nbf`, `sub`.
 * `token_invalid`, `token_expired`, or `store_unavailable` where the issuer's keys cannot be had: that is our side's
 * failure, and a player that is told 401 for it throws a good token away.
 */
export async function verifyJwt(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: UnixSeconds,
): Promise<Result<Credential, Refusal>> {
  const claimed = claimedIssuer(token);
  const issuer = issuers.find(({ settings }) => settings.issuer === claimed);
  if (issuer === undefined) return refusal("token_invalid", "the token's issuer is not one that is trusted here");
  const { settings, keys } = issuer;
  try {
    const { payload } = await jwtVerify(token, keys, {
      issuer: settings.issuer,
      audience: settings.audience,
      algorithms: settings.algorithms,
      clockTolerance: settings.clockTolerance,
      requiredClaims: ["exp", "sub"],
      currentDate: new Date(now * 1000),
    });
    return readClaims(payload, settings, now);
  } catch (error) {
    return refuse(whyNot(error));
  }
}

/** Which issuer's rules apply. Not trusted yet: jose compares it again once the signature has held. */
function claimedIssuer(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}

function readClaims(payload: JWTPayload, settings: Issuer, now: UnixSeconds): Result<Credential, Refusal> {
  const { sub, exp, iat, jti, scope } = payload;
  const expiresAt: unknown = typeof exp === "number" ? Math.floor(exp) : undefined;
  if (typeof sub !== "string" || sub === "" || !isUnixSeconds(expiresAt))
    return refusal("token_invalid", "the token has no usable sub or exp");
  if (scope !== undefined && typeof scope !== "string")
    return refusal("token_invalid", "the token's scope is not a string (RFC 8693 §4.2)");
  const assets = readAssets(payload[settings.assetsClaim], settings);
  if (assets === undefined)
    return refusal("token_invalid", `the token's ${settings.assetsClaim} claim is neither "*" nor a list of asset ids`);
  const issuedAt: unknown = typeof iat === "number" ? Math.floor(iat) : undefined;
  // One that was issued in the future would outlive every entry that forbids what was issued until now.
  if (typeof issuedAt === "number" && issuedAt > now + settings.clockTolerance)
    return refusal("token_invalid", "the token's iat lies in the future");
  const streams = payload[settings.streamsClaim];
  if (streams !== undefined && !isLimit(streams))
    return refusal("token_invalid", `the token's ${settings.streamsClaim} claim is no whole number from 1 on`);
  if (jti !== undefined && (typeof jti !== "string" || jti === ""))
    return refusal("token_invalid", "the token's jti is not a string (RFC 7519 §4.1.7)");
  return ok({
    issuer: settings.issuer,
    subject: sub,
    scopes: new Set(scope?.split(" ").filter((word) => word !== "")),
    assets,
    expiresAt,
    issuedAt: isUnixSeconds(issuedAt) ? issuedAt : undefined,
    tokenId: jti,
    loginId: undefined,
    streams,
  });
}

function isLimit(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

function readAssets(claim: unknown, settings: Issuer): Credential["assets"] | undefined {
  if (claim === undefined) return settings.assetsDefault === "all" ? "*" : new Set();
  if (claim === "*") return "*";
  if (!Array.isArray(claim)) return undefined;
  const ids = claim.filter((id) => typeof id === "string");
  return ids.length === claim.length ? new Set(ids) : undefined;
}

function whyNot(error: unknown): Refusal {
  if (error instanceof errors.JWTExpired) return { code: "token_expired", reason: "the token has ended" };
  if (error instanceof errors.JWTClaimValidationFailed)
    return { code: "token_invalid", reason: `the token's ${error.claim} claim does not hold (${error.reason})` };
  if (error instanceof errors.JWKSTimeout)
    return { code: "store_unavailable", reason: "the issuer's JWK Set did not come in time" };
  if (error instanceof errors.JWKSInvalid)
    return { code: "store_unavailable", reason: "the issuer's JWK Set is malformed" };
  // jose's own refusals have a code each; its one generic code and every other error mean that the keys could not be had.
  if (error instanceof errors.JOSEError && error.code !== "ERR_JOSE_GENERIC")
    return { code: "token_invalid", reason: `the token was refused: ${error.code}` };
  return { code: "store_unavailable", reason: "the issuer's JWK Set could not be fetched" };
}
