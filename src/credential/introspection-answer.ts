import { type Refusal, refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import { readClaims } from "./claims.ts";
import type { Issuer } from "./issuer.ts";
import { isObject } from "./jws-parts.ts";
import type { VerifiedToken } from "./verified-token.ts";

/**
 * What a provider's answer (RFC 7662 §2.2) makes of a token: the checks of a JWT's claims, on claims that the provider
 * says in place of a signature. `token_invalid`, `token_expired`; `store_unavailable` for what is no answer of that kind.
 */
export function readAnswer(answer: unknown, settings: Issuer, now: UnixSeconds): Result<VerifiedToken, Refusal> {
  if (!isObject(answer) || typeof answer.active !== "boolean")
    return refusal("store_unavailable", "the provider's introspection answer does not say whether the token is active");
  if (!answer.active) return refusal("token_invalid", "the provider says that the token is not active");
  const { iss, exp, nbf, iat } = answer;
  if (iss !== undefined && iss !== settings.issuer)
    return refusal("token_invalid", "the provider's answer names another issuer");
  if (!isAccessToken(answer)) return refusal("token_invalid", "the provider says that this is no access token");
  if (typeof exp !== "number")
    return refusal("token_invalid", "the provider's answer does not say when the token ends (exp)");
  if ([nbf, iat].some((time) => time !== undefined && typeof time !== "number"))
    return refusal("token_invalid", "the nbf or iat of the provider's answer is no number");
  if (exp <= now - settings.clockTolerance) return refusal("token_expired", "the token has ended");
  if (typeof nbf === "number" && nbf > now + settings.clockTolerance)
    return refusal("token_invalid", "the token is not in force yet (nbf)");
  const read = readClaims(answer, settings, now);
  if (read.ok && isDpop(answer.token_type) && read.value.jkt === undefined)
    return refusal("token_invalid", "the provider's answer does not say which key the DPoP token is bound to");
  return read;
}

/** A provider calls a refresh token active too, and it lives for months. */
function isAccessToken({ token_type: type, token_use: use }: Readonly<Record<string, unknown>>): boolean {
  const isOne = (value: unknown, words: readonly string[]) =>
    value === undefined || (typeof value === "string" && words.includes(value.toLowerCase()));
  return isOne(type, ["bearer", "dpop", "access_token"]) && isOne(use, ["access", "access_token"]);
}

function isDpop(type: unknown): boolean {
  return typeof type === "string" && type.toLowerCase() === "dpop";
}
