import { decodeJwt, type JWTPayload } from "jose";
import { isUnixSeconds, type UnixSeconds } from "../../base/seconds.ts";
import { readBearerToken } from "../../credential/bearer.ts";
import { type TrustedIssuer, verifyJwt } from "../../credential/verify-jwt.ts";
import { type Explanation, fails, holds, type Step, told } from "./explanation.ts";
import { shown, when } from "./words.ts";

/** What a bearer token opens, and why the API takes it or not: the verdict is that of `POST /stream/start`'s own check. */
export async function explainToken(
  token: string,
  issuers: readonly TrustedIssuer[],
  now: UnixSeconds,
): Promise<Explanation> {
  const read = readBearerToken(`Bearer ${token}`);
  if (!read.ok) return refusedAs(read.refusal, [fails("form", read.refusal.code, read.refusal.reason)]);
  const steps = [holds("form", "a JWS of three parts"), ...claimSteps(token, now)];
  const verified = await verifyJwt(token, issuers, now);
  if (!verified.ok) {
    const { code, reason } = verified.refusal;
    return refusedAs(verified.refusal, [...steps, fails("verification", code, reason)]);
  }
  const { assets, scopes, expiresAt } = verified.value;
  const what = assets === "*" ? "every asset" : assets.size === 0 ? "no asset" : [...assets].map(shown).join(", ");
  const grants = `starting ${what} within the scopes ${[...scopes].map(shown).join(", ")}, until ${when(expiresAt, now)}`;
  const verification = holds("verification", "its signature, issuer, audience and times hold");
  return { kind: "token", verdict: "accepted", refusal: undefined, grants, steps: [...steps, verification] };
}

function refusedAs(refusal: Explanation["refusal"], steps: readonly Step[]): Explanation {
  return { kind: "token", verdict: "refused", refusal, grants: undefined, steps };
}

/** What the token says of itself, before anybody has checked it. */
function claimSteps(token: string, now: UnixSeconds): readonly Step[] {
  const claims = claimsOf(token);
  const text = (name: string) => (typeof claims[name] === "string" ? shown(claims[name]) : "none");
  const time = (name: "iat" | "nbf" | "exp") => {
    const at: unknown = typeof claims[name] === "number" ? Math.floor(claims[name]) : undefined;
    return isUnixSeconds(at) ? when(at, now) : "none";
  };
  return [
    told("issuer", `iss ${text("iss")}, aud ${text("aud")}`),
    told("subject", text("sub")),
    told("scope", text("scope")),
    told("times", `issued ${time("iat")}, not before ${time("nbf")}, ends ${time("exp")}`),
  ];
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return {}; // not a JWT at all: the verification says so
  }
}
