import { type Backend, isBackendToken, verifyBackend } from "../../auth/backend-token.ts";
import { claimAt, claimText, readJwsParts } from "../../auth/claims.ts";
import { backendIssuer, type TokenRefusal, type VerifiedToken } from "../../auth/credential.ts";
import { type BindingRefusal, checkBinding } from "../../auth/dpop.ts";
import {
  type IdentitySource,
  identityCredential,
  identityFor,
  type SignInRefusal,
} from "../../auth/identity-credential.ts";
import { type ClaimName, type ClaimNames, defaultClaimNames } from "../../auth/issuer.ts";
import { type ReadToken, readToken } from "../../auth/read-credential.ts";
import { type TokenSources, verifyToken } from "../../auth/trusted-issuers.ts";
import type { TrustedIssuer } from "../../auth/verify-jwt.ts";
import { isObject } from "../../base/body-text.ts";
import { ok, type Refusal, type Refused, type Result } from "../../base/result.ts";
import { isUnixSeconds, type Timer, type UnixSeconds } from "../../base/time.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import type { RequestSource } from "../../catalog/conditions.ts";
import { type BackendViewer, namesViewer, viewerAs, withMissingMember } from "../../sessions/backend-viewer.ts";
import { bindTo } from "../../sessions/client-network.ts";
import { playable } from "../../sessions/start-checks.ts";
import { type Explanation, fails, info, passes, type Step, shown, when } from "./explanation.ts";

/** A start to check with the token. */
export interface RequestedStart {
  readonly assetId: string;
  readonly catalog: Catalog;
  readonly from: RequestSource;
  /** With a backend's credential: the viewer that it names, instead of {@link RequestedStart.from}. */
  readonly viewer?: BackendViewer | undefined;
}

/** The issuers, those of backends' credentials, and the identity worker if there is one. */
export interface ExplainSources extends TokenSources {
  readonly backends?: readonly TrustedIssuer[];
  readonly identity?: IdentitySource | undefined;
  readonly timer?: Timer;
}

type ExaminedRefusal = Refusal<(TokenRefusal | BindingRefusal | SignInRefusal)["code"]>;

/** If the token is refused, the last step fails. */
export interface Examined {
  readonly steps: readonly Step[];
  readonly verified: Result<VerifiedToken, ExaminedRefusal>;
  /** If it is a backend's credential. */
  readonly backend?: Backend;
}

/**
 * Explains a token with the checks of `POST /stream/start`, including the asset's if `start` names one. It does not
 * check what only a deployment's stores know: revocations, rate limits, running streams and the entitlement service.
 */
export async function explainToken(
  token: string,
  sources: ExplainSources,
  now: UnixSeconds,
  start?: RequestedStart,
): Promise<Explanation> {
  const { steps, verified, backend } = await examineToken(token, sources, now);
  if (!verified.ok) return refusedAs(verified.refusal, steps);
  if (start === undefined) return accepted(verified.value, steps, now);
  const { assetId, catalog, from, viewer } = start;
  if (viewer !== undefined) {
    if (backend === undefined) return refusedBy("viewer", namesViewer.refusal, steps);
    const { credential, ...request } = viewerAs(viewer, backend, {
      settings: { backendIssuers: new Map() },
      clock: () => now,
    });
    const opened = playable({ credential, assetId, from: request, now }, catalog);
    const bound = opened.ok ? bindTo(opened.value, request.client) : opened;
    if (!bound.ok) return refusedBy("start", withMissingMember(bound.refusal, { credential, request }), steps);
    const step = passes(
      "start",
      `POST /stream/start would start ${shown(assetId)} for the viewer ${shown(viewer.subject)}`,
    );
    return accepted(verified.value, [...steps, step], now);
  }
  const allowed = playable({ credential: verified.value.credential, assetId, from, now }, catalog);
  if (!allowed.ok) return refusedBy("start", allowed.refusal, steps);
  const step = passes("start", `POST /stream/start would start ${shown(assetId)}`);
  return accepted(verified.value, [...steps, step], now);
}

/** The checks of {@link explainToken} that need no asset. */
export async function examineToken(token: string, sources: ExplainSources, now: UnixSeconds): Promise<Examined> {
  const read = readToken(token);
  if (!read.ok) return { verified: read, steps: [fails("form", read.refusal.code, read.refusal.reason)] };
  const { form } = read.value;
  const steps = [
    passes("form", form === "jws" ? "a JWT (JWS with three parts)" : "an opaque token, which the issuer has to verify"),
  ];
  if (form === "jws") steps.push(...jwtSteps(token, sources, now));
  if (isBackendToken(token)) return examineBackend(token, sources, now, steps);
  const verified = (await signedIn(token, sources, now)) ?? (await verifyToken(token, form, sources, now));
  if (!verified.ok) return examinedAs("verification", verified, steps);
  if (form === "opaque") steps.push(...claimSteps(claimsOf(verified.value), defaultClaimNames, now));
  steps.push(passes("verification", `its ${form === "jws" ? "signature, " : ""}issuer, audience and times are valid`));
  const bound = await bindingOf(read.value, verified.value, now);
  if (!bound.ok) return examinedAs("binding", bound, steps);
  if (verified.value.jkt !== undefined)
    steps.push(info("binding", "each request needs a proof of that key: `Authorization: DPoP` and the DPoP header"));
  return { verified, steps };
}

/** A backend's credential. Each request with it names its viewer, so the credential alone says nothing about them. */
async function examineBackend(
  token: string,
  { backends = [] }: ExplainSources,
  now: UnixSeconds,
  steps: readonly Step[],
): Promise<Examined> {
  const verified = await verifyBackend({ kind: "bearer", token, form: "jws" }, backends, now);
  if (!verified.ok) return examinedAs("verification", verified, steps);
  const { name, kid, tokenId, scopes, assets, expiresAt, rate } = verified.value;
  const of = { issuer: backendIssuer, subject: name, loginId: name, tokenId, issuedAt: undefined, streams: undefined };
  const credential = { ...of, scopes, assets, expiresAt, backend: { kid } };
  const words = `the credential of the backend ${shown(name)}: each request names its viewer, at most ${rate.quota} requests per minute`;
  return {
    verified: ok({ credential, jkt: undefined, dpop: "optional" }),
    backend: verified.value,
    steps: [
      ...steps,
      passes("verification", "its signature, issuer, audience and times are valid"),
      info("backend", words),
    ],
  };
}

export function accepted(token: VerifiedToken, steps: readonly Step[], now: UnixSeconds): Explanation {
  return { kind: "token", verdict: "accepted", refusal: undefined, grants: grantsOf(token, now), steps };
}

/**
 * A session token of the identity worker, whose session is not prolonged; undefined if only an issuer can know the
 * token.
 */
async function signedIn(
  token: string,
  sources: ExplainSources,
  now: UnixSeconds,
): Promise<Result<VerifiedToken, SignInRefusal> | undefined> {
  const owner = identityFor(token, sources);
  if (owner === undefined) return undefined;
  const { timer = noTimer } = sources;
  const presented = { kind: "bearer", token, form: "opaque" } as const;
  const session = await identityCredential(presented, owner.identity, timer, now, "look");
  if (session.ok) return ok({ credential: session.value, jkt: undefined, dpop: "optional" });
  return session.refusal.code === "token_invalid" && owner.orProvider ? undefined : session;
}

const noTimer: Timer = () => () => undefined;

function grantsOf({ credential }: VerifiedToken, now: UnixSeconds): string {
  const { assets, scopes, expiresAt, backend } = credential;
  const viewers = backend === undefined ? "" : " for every viewer that the backend names,";
  const what = assets === "*" ? "every asset" : assets.size === 0 ? "no asset" : [...assets].map(shown).join(", ");
  return `starting ${what}${viewers} with the scopes ${[...scopes].map(shown).join(", ")}, until ${when(expiresAt, now)}`;
}

/** The unverified claims of a JWT, by the claim names of its issuer if that is a trusted one. */
function jwtSteps(token: string, { issuers }: TokenSources, now: UnixSeconds): readonly Step[] {
  const parts = readJwsParts(token);
  if (!parts.ok) return []; // not a JWT: the verification reports it
  const { claims } = parts.value;
  const issuer = issuers.find(({ settings }) => settings.issuer === claims.iss);
  return claimSteps(claims, issuer?.settings ?? defaultClaimNames, now);
}

/** Refuses an unbound token if its issuer requires DPoP. For a key-bound token, the proof is assumed to be valid. */
async function bindingOf(
  { token, form }: ReadToken,
  verified: VerifiedToken,
  now: UnixSeconds,
): Promise<Result<undefined, BindingRefusal>> {
  if (verified.jkt !== undefined) return ok(undefined);
  const request = { method: "POST", url: "", headers: new Headers(), body: undefined };
  const unused = { now, timer: noTimer, apiUrl: undefined, firstUse: async () => true };
  return checkBinding({ kind: "bearer", token, form }, verified, request, unused);
}

function examinedAs(part: string, verified: Refused<ExaminedRefusal>, steps: readonly Step[]): Examined {
  return { verified, steps: [...steps, fails(part, verified.refusal.code, verified.refusal.reason)] };
}

function refusedBy(part: string, refusal: Refusal, steps: readonly Step[]): Explanation {
  return refusedAs(refusal, [...steps, fails(part, refusal.code, refusal.reason)]);
}

export function refusedAs(refusal: Explanation["refusal"], steps: readonly Step[]): Explanation {
  return { kind: "token", verdict: "refused", refusal, grants: undefined, steps };
}

type Claims = Readonly<Record<string, unknown>>;

const maxShown = 8;

/** The claims may be unverified. */
function claimSteps(claims: Claims, names: ClaimNames, now: UnixSeconds): readonly Step[] {
  const claim = (name: ClaimName) => words(claimAt(claims, name));
  const time = (name: "iat" | "nbf" | "exp") => {
    const at: unknown = typeof claims[name] === "number" ? Math.floor(claims[name]) : undefined;
    return isUnixSeconds(at) ? when(at, now) : "none";
  };
  const issuedBy = new Set<ClaimName>(["iss", "aud", names.audienceClaim]);
  const jkt = isObject(claims.cnf) ? claims.cnf.jkt : undefined;
  const bound = claims.cnf === undefined ? "nothing: a bearer token" : `the key ${words(jkt)} (DPoP)`;
  return [
    info("issuer", [...issuedBy].map((name) => `${claimText(name)} ${claim(name)}`).join(", ")),
    info("subject", claim(names.subjectClaim)),
    info("scope", claim(names.scopeClaim)),
    info("assets", claim(names.assetsClaim)),
    info("streams", claim(names.streamsClaim)),
    info("quality", claim(names.qualityClaim)),
    info("login", claim(names.loginClaim)),
    info("bound to", bound),
    info("times", `issued ${time("iat")}, not before ${time("nbf")}, expires ${time("exp")}`),
  ];
}

/** The result of an introspection as claims with the {@link defaultClaimNames}. */
function claimsOf({ credential, jkt }: VerifiedToken): Claims {
  const { issuer, subject, scopes, assets, expiresAt, issuedAt, loginId, streams, quality } = credential;
  return {
    iss: issuer,
    sub: subject,
    scope: [...scopes].join(" "),
    assets: assets === "*" ? assets : [...assets],
    streams,
    quality,
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
    return "neither a string nor a list of strings";
  const first = value.slice(0, maxShown).map((one) => shown(String(one)));
  const more = value.length > maxShown ? [`${value.length - maxShown} more`] : [];
  return [...first, ...more].join(", ") || "an empty list";
}
