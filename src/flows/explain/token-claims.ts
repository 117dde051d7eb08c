import { isUnixSeconds, type UnixSeconds } from "../../base/seconds.ts";
import { claimAt, claimText } from "../../credential/claims.ts";
import type { ClaimName, Issuer } from "../../credential/issuer.ts";
import { isObject } from "../../credential/jws-parts.ts";
import type { VerifiedToken } from "../../credential/verified-token.ts";
import { type Step, told } from "./explanation.ts";
import { shown, when } from "./words.ts";

type Claims = Readonly<Record<string, unknown>>;

/** Under which names an issuer says what we ask for. */
export type ClaimNames = Pick<
  Issuer,
  "audienceClaim" | "subjectClaim" | "scopeClaim" | "assetsClaim" | "streamsClaim" | "loginClaim"
>;

export const usualNames: ClaimNames = {
  audienceClaim: "aud",
  subjectClaim: "sub",
  scopeClaim: "scope",
  assetsClaim: "assets",
  streamsClaim: "streams",
  loginClaim: "sid",
};

const mostShown = 8;

/** What claims say of who, what, until when and by what they are bound, for a terminal. Nobody may have verified them yet. */
export function claimSteps(claims: Claims, names: ClaimNames, now: UnixSeconds): readonly Step[] {
  const said = (name: ClaimName) => words(claimAt(claims, name));
  const time = (name: "iat" | "nbf" | "exp") => {
    const at: unknown = typeof claims[name] === "number" ? Math.floor(claims[name]) : undefined;
    return isUnixSeconds(at) ? when(at, now) : "none";
  };
  const issuedBy = new Set<ClaimName>(["iss", "aud", names.audienceClaim]);
  const jkt = isObject(claims.cnf) ? claims.cnf.jkt : undefined;
  const bound = claims.cnf === undefined ? "nothing: whoever holds it may use it" : `the key ${words(jkt)} (DPoP)`;
  return [
    told("issuer", [...issuedBy].map((name) => `${claimText(name)} ${said(name)}`).join(", ")),
    told("subject", said(names.subjectClaim)),
    told("scope", said(names.scopeClaim)),
    told("assets", said(names.assetsClaim)),
    told("streams", said(names.streamsClaim)),
    told("login", said(names.loginClaim)),
    told("bound to", bound),
    told("times", `issued ${time("iat")}, not before ${time("nbf")}, ends ${time("exp")}`),
  ];
}

/** What a provider said of an opaque token, as the claims of {@link usualNames}. */
export function claimsOf({ credential, jkt }: VerifiedToken): Claims {
  const { issuer, subject, scopes, assets, expiresAt, issuedAt, loginId, streams } = credential;
  return {
    iss: issuer,
    sub: subject,
    scope: [...scopes].join(" "),
    assets: assets === "*" ? assets : [...assets],
    streams,
    sid: loginId,
    exp: expiresAt,
    iat: issuedAt,
    cnf: jkt === undefined ? undefined : { jkt },
  };
}

function words(value: unknown): string {
  if (value === undefined) return "none";
  if (typeof value === "string") return shown(value);
  if (typeof value === "number") return String(value);
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string"))
    return "neither a text nor a list of texts";
  const first = value.slice(0, mostShown).map((one) => shown(String(one)));
  const more = value.length > mostShown ? [`${value.length - mostShown} more`] : [];
  return [...first, ...more].join(", ") || "an empty list";
}
