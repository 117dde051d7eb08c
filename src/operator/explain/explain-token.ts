import type { AskedFrom } from "../../auth/access-policy.ts";
import { claimAt, claimText, isObject, readJwsParts } from "../../auth/claims.ts";
import type { VerifiedToken } from "../../auth/credential.ts";
import { holdsBinding } from "../../auth/dpop.ts";
import { type IdentitySource, identityCredential, isIdentityToken, isSigned } from "../../auth/identity-credential.ts";
import type { ClaimName, Issuer } from "../../auth/issuer.ts";
import { type ReadToken, readToken } from "../../auth/read-credential.ts";
import { prefixOf, type TokenSources, verifyToken } from "../../auth/trusted-issuers.ts";
import { ok, type Refusal, type Refused, type Result } from "../../base/result.ts";
import { isUnixSeconds, type Timer, type UnixSeconds } from "../../base/time.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import { playable } from "../../sessions/start-checks.ts";
import { type Explanation, fails, holds, type Step, shown, told, when } from "./explanation.ts";

/** A start that is asked for with the token: of which asset, in which catalog, from where. */
export interface AskedStart {
  readonly assetId: string;
  readonly catalog: Catalog;
  readonly from: AskedFrom;
}

/** What tokens are looked at with: the identity worker beside the issuers, where there is one to be asked. */
export interface ExplainSources extends TokenSources {
  readonly identity?: IdentitySource | undefined;
  readonly timer?: Timer;
}

/** A token that was looked at: what was seen, and what came out; where it is refused the last step fails. */
export interface Examined {
  readonly steps: readonly Step[];
  readonly verified: Result<VerifiedToken, Refusal>;
}

/**
 * What a token says and opens, and why the API takes it or not: the verdict is that of `POST /stream/start`'s own checks,
 * of the asset too where one is asked for. What only a deployment's stores know is not looked at: revocations, rates,
 * running streams, and the entitlement service.
 */
export async function explainToken(
  token: string,
  sources: ExplainSources,
  now: UnixSeconds,
  start?: AskedStart,
): Promise<Explanation> {
  const { steps, verified } = await examineToken(token, sources, now);
  if (!verified.ok) return refusedAs(verified.refusal, steps);
  if (start === undefined) return accepted(verified.value, steps, now);
  const started = judgeStart(verified.value, start, now);
  if (!started.ok) return refusedBy("start", started.refusal, steps);
  const opens = holds("start", `POST /stream/start would open ${shown(start.assetId)}`);
  return accepted(verified.value, [...steps, opens], now);
}

/** Everything that {@link explainToken} looks at before an asset is asked for. */
export async function examineToken(token: string, sources: ExplainSources, now: UnixSeconds): Promise<Examined> {
  const read = readToken(token);
  if (!read.ok) return { verified: read, steps: [fails("form", read.refusal.code, read.refusal.reason)] };
  const { form } = read.value;
  const steps = [
    holds("form", form === "jws" ? "a JWS of three parts" : "an opaque token: its issuer is asked about it"),
  ];
  if (form === "jws") steps.push(...jwtSteps(token, sources, now));
  const verified = (await signedIn(token, sources, now)) ?? (await verifyToken(token, form, sources, now));
  if (!verified.ok) return examinedAs("verification", verified, steps);
  if (form === "opaque") steps.push(...claimSteps(claimsOf(verified.value), usualNames, now));
  steps.push(holds("verification", `its ${form === "jws" ? "signature, " : ""}issuer, audience and times hold`));
  const bound = await bindingOf(read.value, verified.value, now);
  if (!bound.ok) return examinedAs("binding", bound, steps);
  if (verified.value.jkt !== undefined)
    steps.push(told("binding", "each request needs a proof of that key: `Authorization: DPoP`, and the header DPoP"));
  return { verified, steps };
}

/** What a token that was looked at opens. */
export function accepted(token: VerifiedToken, steps: readonly Step[], now: UnixSeconds): Explanation {
  return { kind: "token", verdict: "accepted", refusal: undefined, grants: grantsOf(token, now), steps };
}

/** A token of a session of sign-in, which is looked at and not prolonged; undefined where it can only be an issuer's. */
async function signedIn(
  token: string,
  { identity, timer = neverRings, issuers }: ExplainSources,
  now: UnixSeconds,
): Promise<Result<VerifiedToken, Refusal> | undefined> {
  const prefix = prefixOf(token, { issuers });
  if (identity === undefined || !isIdentityToken(token) || prefix) return undefined;
  const session = await identityCredential({ is: "bearer", token, form: "opaque" }, identity, timer, now, "look");
  if (session.ok) return ok({ credential: session.value, jkt: undefined, dpop: "optional" });
  // 32 letters and digits may be a token of the provider's as well: as `auth/request-credential.ts` has it.
  const elsewhere = prefix !== undefined && !isSigned(token);
  return session.refusal.code === "token_invalid" && elsewhere ? undefined : session;
}

const neverRings: Timer = () => () => undefined;

function grantsOf({ credential: { assets, scopes, expiresAt } }: VerifiedToken, now: UnixSeconds): string {
  const what = assets === "*" ? "every asset" : assets.size === 0 ? "no asset" : [...assets].map(shown).join(", ");
  return `starting ${what} within the scopes ${[...scopes].map(shown).join(", ")}, until ${when(expiresAt, now)}`;
}

/** What a JWT says of itself, before anybody has checked it; by the names of its issuer, where that is one of ours. */
function jwtSteps(token: string, { issuers }: TokenSources, now: UnixSeconds): readonly Step[] {
  const parts = readJwsParts(token);
  if (!parts.ok) return []; // not a JWT at all: the verification says so
  const { claims } = parts.value;
  const issuer = issuers.find(({ settings }) => settings.issuer === claims.iss);
  return claimSteps(claims, issuer?.settings ?? usualNames, now);
}

/** Whether its issuer takes the token as it is bound, or not; a token that is bound counts as if its proof had come. */
async function bindingOf(
  { token, form }: ReadToken,
  verified: VerifiedToken,
  now: UnixSeconds,
): Promise<Result<undefined, Refusal>> {
  if (verified.jkt !== undefined) return ok(undefined);
  const asked = { method: "POST", url: "", headers: new Headers(), body: undefined };
  const unasked = { now, timer: neverRings, apiUrl: undefined, firstUse: async () => true };
  return holdsBinding({ is: "bearer", token, form }, verified, asked, unasked);
}

function judgeStart({ credential }: VerifiedToken, start: AskedStart, now: UnixSeconds): Result<unknown, Refusal> {
  const { assetId, catalog, from } = start;
  return playable({ credential, assetId, from, now }, catalog);
}

function examinedAs(part: string, verified: Refused<Refusal>, steps: readonly Step[]): Examined {
  return { verified, steps: [...steps, fails(part, verified.refusal.code, verified.refusal.reason)] };
}

function refusedBy(part: string, refusal: Refusal, steps: readonly Step[]): Explanation {
  return refusedAs(refusal, [...steps, fails(part, refusal.code, refusal.reason)]);
}

export function refusedAs(refusal: Explanation["refusal"], steps: readonly Step[]): Explanation {
  return { kind: "token", verdict: "refused", refusal, grants: undefined, steps };
}

type Claims = Readonly<Record<string, unknown>>;

/** Under which names an issuer says what we ask for. */
type ClaimNames = Pick<
  Issuer,
  "audienceClaim" | "subjectClaim" | "scopeClaim" | "assetsClaim" | "streamsClaim" | "loginClaim"
>;

const usualNames: ClaimNames = {
  audienceClaim: "aud",
  subjectClaim: "sub",
  scopeClaim: "scope",
  assetsClaim: "assets",
  streamsClaim: "streams",
  loginClaim: "sid",
};

const mostShown = 8;

/** What claims say of who, what, until when and by what they are bound, for a terminal. Nobody may have verified them yet. */
function claimSteps(claims: Claims, names: ClaimNames, now: UnixSeconds): readonly Step[] {
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
function claimsOf({ credential, jkt }: VerifiedToken): Claims {
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
