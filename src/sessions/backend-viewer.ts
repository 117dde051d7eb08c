import * as z from "zod";
import { type Backend, backendIssuerPrefix, isBackendToken, verifyBackend } from "../auth/backend-token.ts";
import { backendIssuer, type Credential, type Presented } from "../auth/credential.ts";
import type { RateRefusal } from "../auth/rate-limit.ts";
import type { PresentedRefusal } from "../auth/read-credential.ts";
import type { CredentialRefusal } from "../auth/request-credential.ts";
import type { RingRefusal } from "../auth/ring-issuer.ts";
import { isCountry, unknownCountries } from "../base/country.ts";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import { isAsn, isRegion, postalForm, readPlace } from "../base/place.ts";
import { qualityCapSchema } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { assetIdSchema } from "../catalog/asset.ts";
import type { RequestSource, SourceMember } from "../catalog/conditions.ts";
import { subjectDigest } from "./identifiers.ts";
import { withinAddressRate, withinRate } from "./request-limits.ts";
import { type RevokedRefusal, requireNotRevoked, revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** Half a surrogate pair becomes U+FFFD in UTF-8, so two such names would be one viewer. */
export const viewerSubject = z
  .string()
  .min(1)
  .max(512)
  .refine((text) => text.isWellFormed(), "Send well-formed Unicode.");

/** The viewer that a backend names in a request's body. */
export const backendViewerSchema = z.strictObject({
  subject: viewerSubject.describe("Your id of the viewer. Their limits, sessions and log lines go by it."),
  address: z
    .string()
    .refine((text) => parseIpAddress(text) !== undefined, "Send an IPv4 or IPv6 address, without a port.")
    .optional()
    .describe(
      "The viewer's IP address, as your server sees it. Without it no limit per network applies at the start, and an asset that is bound to a network cannot be started.",
    ),
  country: z
    .string()
    .refine(
      (text) => isCountry(text) || unknownCountries.has(text),
      "Send an ISO 3166-1 alpha-2 code in upper case, such as DE; XX if it is unknown.",
    )
    .optional()
    .describe("The viewer's country, for assets with `countries` or `places`."),
  region: z
    .string()
    .refine(isRegion, "Send an ISO 3166-2 code with its country, such as US-CA.")
    .optional()
    .describe("The viewer's region, for assets with `places`. Send the country too."),
  postal: z
    .string()
    .refine((text) => postalForm(text) !== undefined, "Send at most 10 letters and digits.")
    .optional()
    .describe("The viewer's postal code, for assets with `places`."),
  asn: z
    .int("Send the number of a network, without AS, such as 64500.")
    .refine(isAsn, "Send the number of a network, without AS, such as 64500.")
    .optional()
    .describe("The number of the viewer's network (autonomous system), for assets with `places`."),
  anonymous: z
    .boolean()
    .optional()
    .describe("Whether the viewer's network hides where it is (Tor, a VPN), for assets with `places.anonymous`."),
  userAgent: z
    .string()
    .min(1)
    .max(2048)
    .regex(/^\P{Cc}*$/u, "Send the header's value without control characters.")
    .optional()
    .describe("The viewer's User-Agent, for assets that are bound to it or have `players`. Only its hash is kept."),
  origin: z
    .string()
    .min(1)
    .max(512)
    .optional()
    .describe("The origin of the page that plays, such as https://www.example.com, for assets with `origins`."),
  streams: z.int().min(1).max(1000).optional().describe("Maximum number of streams that the viewer may run at once."),
  quality: qualityCapSchema.optional(),
  assets: z
    .array(assetIdSchema)
    .max(100)
    .optional()
    .describe(
      "The assets that the viewer may start, among those of the backend's credential. Without it, all of these.",
    ),
});

export type BackendViewer = z.output<typeof backendViewerSchema>;

/** A request as its viewer's own: the credential, and the request with the viewer's client, country and origin. */
export interface ViewerRequest {
  readonly credential: Credential;
  readonly request: SessionRequest;
}

export type BackendRefusal = Refusal<
  (PresentedRefusal | RingRefusal | RevokedRefusal | RateRefusal)["code"] | "request_invalid"
>;

/** The parsed body of a route that accepts backends. */
type ParsedBody = Result<{ readonly viewer?: BackendViewer | undefined }, Refusal<"body_invalid">>;

/**
 * The viewer of a request, by their own credential or named by a backend. `revocations` is the request to the log. `body_invalid`: a backend names no viewer, or a viewer's request names one, which would
 * let them act as somebody else.
 */
export async function viewerOf(
  request: SessionRequest,
  body: ParsedBody,
  context: SessionContext,
  revocations: ReturnType<typeof revocationsNow>,
): Promise<Result<ViewerRequest, Refusal<(CredentialRefusal | BackendRefusal)["code"] | "body_invalid">>> {
  const token = backendTokenOf(request);
  if (token === undefined) {
    // A locally verified token costs no quota, valid or not; a call to another service does.
    const verified = await request.credential.validate(() =>
      withinAddressRate(context.settings.startRateAddress, request, context),
    );
    if (!verified.ok) return verified;
    if (body.ok && body.value.viewer !== undefined) return namesViewer;
    return ok({ credential: verified.value, request });
  }
  const backend = await authorizeBackend(token, request, context, revocations);
  if (!backend.ok) return backend;
  // A malformed body uses up no quota.
  if (!body.ok) return body;
  const { viewer } = body.value;
  if (viewer === undefined) return namesNoViewer;
  const counted = await withinBackendRate(backend.value, request, context);
  return counted.ok ? ok(asViewer(viewer, backend.value, request, context)) : counted;
}

export const namesNoViewer = refusal(
  "body_invalid",
  "a backend's request names no viewer",
  'viewer: Name the viewer, {"subject": "<your id of them>"}: a backend\'s credential starts streams for its viewers.',
);

export const namesViewer = refusal(
  "body_invalid",
  "a viewer's request names a viewer",
  "viewer: Leave it out. Only a backend's credential names its viewers; yours names you.",
);

/** The token of a request that names the issuer of backends' credentials; it is not verified. */
export function backendTokenOf({ credential }: Pick<SessionRequest, "credential">): PresentedToken | undefined {
  const presented = credential.read();
  if (!presented.ok || presented.value.kind === "cookie") return undefined;
  return isBackendToken(presented.value.token) ? presented.value : undefined;
}

export type PresentedToken = Extract<Presented, { readonly token: string }>;

/** The backend that sends a request, if neither its credential nor its name nor its key is revoked. */
export async function authorizeBackend(
  presented: PresentedToken,
  request: SessionRequest,
  context: SessionContext,
  revocations = revocationsNow(request, context),
): Promise<Result<Backend, BackendRefusal>> {
  const backend = await verifiedBackend(presented, request, context, revocations);
  context.telemetry({ event: "validated", by: "backend", outcome: backend.ok ? "accepted" : backend.refusal.code });
  return backend;
}

async function verifiedBackend(
  presented: PresentedToken,
  request: SessionRequest,
  context: SessionContext,
  revocations: ReturnType<typeof revocationsNow>,
): Promise<Result<Backend, BackendRefusal>> {
  const fromServer = requireServer(request);
  if (!fromServer.ok) return fromServer;
  const verified = await verifyBackend(presented, context.backends, context.clock());
  if (!verified.ok) return verified;
  const snapshot = await requireBackendNotRevoked(verified.value, revocations);
  return snapshot.ok ? verified : snapshot;
}

/** Only browsers send Origin: a credential that opens streams for any viewer would be readable by each of them. */
export function requireServer({
  origin,
}: Pick<SessionRequest, "origin">): Result<undefined, Refusal<"request_invalid">> {
  if (origin === undefined) return ok(undefined);
  return refusal(
    "request_invalid",
    "a backend's credential came with an Origin, so from a browser",
    "Origin: Send a backend's credential from your server only, without this header. If a page or an app contains it, revoke it.",
  );
}

/** The current revocations, if none of them forbids this credential, its name or its key. */
export function requireBackendNotRevoked(
  { name, kid, tokenId }: Backend,
  revocations: ReturnType<typeof revocationsNow>,
): ReturnType<typeof requireNotRevoked> {
  const own = { issuer: backendIssuer, subject: name, tokenId, loginId: name, issuedAt: undefined, backend: { kid } };
  return requireNotRevoked(own, revocations);
}

/** Counts a request of a backend. */
export function withinBackendRate(
  { name, rate }: Backend,
  request: SessionRequest,
  context: SessionContext,
): Promise<Result<undefined, RateRefusal>> {
  return withinRate(rate, subjectDigest(backendIssuer, name), request, context);
}

/** The issuer of a backend's viewers: the one that the deployment maps the backend to, or `backend:<name>`. */
function issuerOfViewers(
  { name }: Pick<Backend, "name">,
  { settings }: { readonly settings: Pick<SessionContext["settings"], "backendIssuers"> },
): string {
  return settings.backendIssuers.get(name) ?? backendIssuerPrefix + name;
}

/** The request as the viewer's own. The backend's own address, country and User-Agent count for nothing. */
export function asViewer(
  viewer: BackendViewer,
  backend: Backend,
  request: SessionRequest,
  context: SessionContext,
): ViewerRequest {
  const { credential, ...from } = viewerAs(viewer, backend, context);
  request.onViewer(credential);
  return { credential, request: { ...request, ...from } };
}

/** The credential and the client of a viewer that a backend names. */
export function viewerAs(
  viewer: BackendViewer,
  backend: Backend,
  context: Pick<SessionContext, "clock"> & { readonly settings: Pick<SessionContext["settings"], "backendIssuers"> },
): Pick<ViewerRequest, "credential"> & Pick<SessionRequest, "client"> & Required<RequestSource> {
  const { address, origin, userAgent, streams, quality } = viewer;
  const credential: Credential = {
    issuer: issuerOfViewers(backend, context),
    subject: viewer.subject,
    scopes: backend.scopes,
    assets: narrowed(backend.assets, viewer.assets),
    expiresAt: backend.expiresAt,
    // The backend vouches for the viewer now, so a revocation of the viewer forbids what was started before it.
    issuedAt: context.clock(),
    tokenId: backend.tokenId,
    loginId: backend.name,
    streams,
    ...(quality !== undefined && { quality }),
    backend: { kid: backend.kid },
  };
  const client = {
    address,
    userAgentHash: () => (userAgent === undefined ? undefined : encodeBase64url(sha256Of(userAgent.trim()))),
  };
  const { country, region, postal, asn, anonymous } = readPlace(viewer);
  return { credential, client, country, region, postal, asn, anonymous, origin, userAgent, referer: undefined };
}

/** The assets of the backend that its viewer may start: naming another asset opens nothing more. */
function narrowed(own: Credential["assets"], named: readonly string[] | undefined): Credential["assets"] {
  if (named === undefined) return own;
  return new Set(own === "*" ? named : named.filter((id) => own.has(id)));
}

/** The member of `viewer` without which an asset's conditions cannot be checked, by the code of the refusal. */
const neededMembers = {
  address_unknown: { member: "address", why: "the asset is bound to the viewer's network" },
  country_forbidden: { member: "country", why: "the asset plays in certain countries only" },
  origin_forbidden: { member: "origin", why: "the asset plays on certain sites only" },
  player_refused: { member: "userAgent", why: "the asset refuses some players" },
} as const;

/**
 * The refusal of a start for a viewer that a backend named. If the cause is a member that the backend left out, the
 * refusal names it.
 */
export function withMissingMember<Reason extends Refusal>(
  refused: Reason,
  {
    credential,
    request,
  }: Pick<ViewerRequest, "credential"> & { readonly request: Pick<SessionRequest, "client" | SourceMember> },
): Reason | Refusal<"body_invalid"> {
  if (credential.backend === undefined) return refused;
  const [member, ...more] = missingMembers(refused, request);
  if (member === undefined) return refused;
  const faults = [member, ...more].map(({ name, why }) => `viewer.${name}: Send it: ${why}.`);
  return {
    code: "body_invalid",
    reason: `a backend's request names no viewer.${member.name}, and ${member.why}`,
    faults,
  };
}

function missingMembers(
  refused: Refusal,
  request: Pick<SessionRequest, "client" | SourceMember>,
): readonly { readonly name: string; readonly why: string }[] {
  if (refused.code === "place_forbidden" || refused.code === "place_not_allowed")
    return refused.unknown.map((name) => ({ name, why: "the asset plays in certain places only" }));
  const needed = Object.entries(neededMembers).find(([code]) => code === refused.code)?.[1];
  if (needed === undefined) return [];
  const { country, origin, userAgent, client } = request;
  const known = { address: client.address, country, origin, userAgent };
  return known[needed.member] === undefined ? [{ name: needed.member, why: needed.why }] : [];
}
