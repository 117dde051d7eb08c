import { type AssetRefusal, type Credential, decide } from "../auth/credential.ts";
import type { EntitlementRefusal } from "../auth/entitlement.ts";
import type { RateRefusal } from "../auth/rate-limit.ts";
import type { Place } from "../base/place.ts";
import { qualityClassOf, stricterCap } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, isUnixSeconds, type UnixSeconds } from "../base/time.ts";
import { type Asset, playScope } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import type { CatalogUnavailable } from "../catalog/catalog-source.ts";
import {
  type ConditionRefusal,
  checkConditions,
  type RequestSource,
  type SourceMember,
} from "../catalog/conditions.ts";
import type { EdgeKey, SessionKey } from "../keys/key.ts";
import { signingKey } from "../keys/ring.ts";
import type { PreparedSessionKey } from "../signing/session-keys.ts";
import { type Binding, bindTo } from "./client-network.ts";
import type { Revocable } from "./revocation.ts";
import {
  blackoutIn,
  type EndedRefusal,
  endedBecause,
  forbiddenBy,
  isKeyRevoked,
  type RevocationSnapshot,
} from "./revocation-snapshot.ts";
import { type RevokedRefusal, requireNotRevoked, revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** A start or renewal whose credential is verified. */
export interface StartAttempt {
  readonly credential: Credential;
  readonly assetId: string;
  readonly request: Pick<SessionRequest, "client" | SourceMember | "waitUntil">;
  readonly now: UnixSeconds;
  /** The session that is renewed; undefined for a start. */
  readonly renewed?: Revocable | undefined;
}

/** The outcome of one check, in the order in which {@link startChecks} makes them. */
export type StartCheck =
  | { readonly check: "catalog"; readonly result: Result<Catalog, CatalogUnavailable> }
  | { readonly check: "asset"; readonly result: Result<Asset, AssetRefusal> }
  | { readonly check: "conditions"; readonly result: Result<Asset, ConditionRefusal> }
  | { readonly check: "revocations"; readonly result: Result<RevocationSnapshot, StartRevokedRefusal> }
  | { readonly check: "entitlement"; readonly result: Result<EntitledCredential, EntitlementRefusal> }
  | { readonly check: "grant"; readonly result: Result<Terms, TermsRefusal> };

/** The refusals of {@link startChecks}, except those of a session that has ended, which only a renewal can meet. */
export type StartCheckRefusal = Refusal<
  (
    | CatalogUnavailable
    | RateRefusal
    | AssetRefusal
    | ConditionRefusal
    | StartRevokedRefusal
    | EntitlementRefusal
    | TermsRefusal
  )["code"]
>;

export interface StartCheckOptions {
  /** Called with the outcome of each check, including the one that refuses. */
  readonly observe?: (outcome: StartCheck) => void;
  /** A request to the revocation log that is in progress. */
  readonly revocations?: Promise<Result<RevocationSnapshot, Refusal<"store_unavailable">>>;
  /** A check of the caller's own, made before the entitlement service is asked. */
  readonly beforeEntitlement?: (terms: Terms) => Promise<Result<undefined, RateRefusal>>;
  /** Files are not capped: the asset's `files` say which there are. */
  readonly isForFiles?: boolean;
}

/** The result of all checks: everything that a session needs except its lease. */
export interface PassedStart {
  readonly credential: Credential;
  readonly asset: Asset;
  readonly snapshot: RevocationSnapshot;
  readonly terms: Terms;
}

/**
 * The checks of `POST /stream/start` after its credential is verified, in their one order: catalog → asset → conditions
 * → revocations → grant → entitlement. A start, a renewal and a simulation make them. The entitlement service comes
 * last, so it is only asked about starts that nothing else refuses. It may end the session earlier, so the observer of
 * a start that passes gets the final terms, after the entitlement.
 */
export async function startChecks(
  { credential, assetId, request, now, renewed }: StartAttempt,
  context: SessionContext,
  { observe = () => undefined, revocations: pending, beforeEntitlement, isForFiles = false }: StartCheckOptions = {},
): Promise<Result<PassedStart, StartCheckRefusal | EndedRefusal>> {
  const catalog = await context.catalog();
  observe({ check: "catalog", result: catalog });
  if (!catalog.ok) return catalog;
  const asset = playable({ credential, assetId, from: request, now }, catalog.value, observe);
  if (!asset.ok) return asset;
  const revocations = pending ?? revocationsNow(request, context);
  const snapshot = await requireNeitherRevoked(credential, asset.value.id, request, revocations);
  observe({ check: "revocations", result: snapshot });
  if (!snapshot.ok) return snapshot;
  const entry = renewed && forbiddenBy(snapshot.value, renewed, asset.value.id);
  if (entry !== undefined) return endedBecause(entry.cause);
  const parts = { asset: asset.value, snapshot: snapshot.value };
  const longest = termsOf({ ...parts, client: request.client }, now, context);
  if (!longest.ok) {
    observe({ check: "grant", result: longest });
    return longest;
  }
  const own = await beforeEntitlement?.(longest.value);
  if (own?.ok === false) return own;
  const allowed = await entitled(credential, asset.value.id, request, context);
  observe({ check: "entitlement", result: allowed });
  if (!allowed.ok) return allowed;
  const { until, credential: viewer } = allowed.value;
  const qualityClass = isForFiles ? ok("") : classFor(viewer, asset.value);
  if (!qualityClass.ok) {
    observe({ check: "grant", result: qualityClass });
    return qualityClass;
  }
  const { expiresAt } = longest.value;
  const terms: Terms = {
    ...longest.value,
    qualityClass: qualityClass.value,
    expiresAt: until === undefined ? expiresAt : earlier(expiresAt, until),
  };
  observe({ check: "grant", result: ok(terms) });
  return ok({ ...parts, credential: allowed.value.credential, terms });
}

/**
 * The checks of {@link startChecks} that need no store: whether a credential opens an asset of the catalog, from here
 * and now.
 */
export function playable(
  {
    credential,
    assetId,
    from,
    now,
  }: Pick<StartAttempt, "credential" | "assetId" | "now"> & { readonly from: RequestSource },
  catalog: Catalog,
  observe: (outcome: StartCheck) => void = () => undefined,
): Result<Asset, AssetRefusal | ConditionRefusal> {
  const asset = decide(credential, assetId, catalog.asset(assetId), playScope);
  observe({ check: "asset", result: asset });
  if (!asset.ok) return asset;
  const conditions = checkConditions(asset.value, from, now);
  const result = conditions.ok ? asset : conditions;
  observe({ check: "conditions", result });
  return result;
}

type StartRevokedRefusal = Refusal<RevokedRefusal["code"] | "asset_revoked" | "place_not_allowed">;

/** The current revocations, if none of them forbids this credential, or this asset here. */
async function requireNeitherRevoked(
  credential: Credential,
  assetId: string,
  place: Place,
  pending: NonNullable<StartCheckOptions["revocations"]>,
): Promise<Result<RevocationSnapshot, StartRevokedRefusal>> {
  const current = await requireNotRevoked(credential, pending);
  if (!current.ok) return current;
  if (current.value.entries.asset.has(assetId)) return refusal("asset_revoked", "the asset was revoked");
  const blackout = blackoutIn(current.value, assetId, () => place);
  return blackout === undefined ? current : refuse(blackout);
}

/** A verified credential after the entitlement service's decision. */
interface EntitledCredential {
  /** With the service's stream limit, if it set one. */
  readonly credential: Credential;
  /** The service's latest expiry for the session, if it set one. */
  readonly until: UnixSeconds | undefined;
}

/** Asks the entitlement service, if there is one, whether this viewer may play this asset. */
async function entitled(
  credential: Credential,
  assetId: string,
  { client, country }: Pick<SessionRequest, "client" | "country">,
  { entitlement, clock }: Pick<SessionContext, "entitlement" | "clock">,
): Promise<Result<EntitledCredential, EntitlementRefusal>> {
  if (entitlement === undefined) return ok({ credential, until: undefined });
  const { issuer, subject } = credential;
  const answer = await entitlement({ issuer, subject, asset: assetId, address: client.address, country });
  if (!answer.ok) return answer;
  const { streams = credential.streams, until } = answer.value;
  const quality = stricterCap(credential.quality, answer.value.quality);
  if (until !== undefined && until <= clock())
    return refusal("entitlement_refused", "the entitlement service's permission has expired");
  return ok({ credential: { ...credential, streams, quality }, until });
}

/** The terms of a grant: its key, its binding to the client, and its expiry. */
export interface Terms {
  /** Names the viewer, so that all their sessions have one name and one stream limit. */
  readonly key: PreparedSessionKey;
  /** Signs the grant and the manifest's URL: the same key, or CloudFront's own. */
  readonly signer: PreparedSessionKey;
  readonly binding: Binding;
  /** The quality class of the session's URLs; empty for every quality. */
  readonly qualityClass: string;
  readonly expiresAt: UnixSeconds;
}

type TermsRefusal = Refusal<"configuration_invalid" | "address_unknown" | "body_invalid" | "quality_unavailable">;

/** The terms of a grant that is minted now, with its longest life. */
function termsOf(
  { asset, client, snapshot }: Pick<PassedStart, "asset" | "snapshot"> & Pick<SessionRequest, "client">,
  now: UnixSeconds,
  { keys, edgeKeys = new Map(), settings }: Pick<SessionContext, "keys" | "edgeKeys" | "settings">,
): Result<Terms, TermsRefusal> {
  const signing = signingKeyOf(snapshot, now, { keys });
  if (!signing.ok) return signing;
  const key = signing.value;
  const edge =
    asset.cdn === "cloudfront" ? signingKeyOf(snapshot, now, { keys: edgeKeys }, "cloudfront-session") : signing;
  if (!edge.ok) return edge;
  const signer = edge.value;
  const binding = bindTo(asset, client);
  if (!binding.ok) return binding;
  const longest = after(now, asset.session ?? settings.sessionTtl);
  // A grant is worthless once its key has expired, so the session ends no later than its key.
  const ends = [signer.exp, asset.available?.until];
  return ok({
    key,
    signer,
    binding: binding.value,
    qualityClass: "",
    expiresAt: ends.filter(isUnixSeconds).reduce(earlier, longest),
  });
}

/**
 * The quality class of a viewer's session, by the stricter of their token's cap and the entitlement service's. `quality_unavailable`:
 * CloudFront serves the asset's segments and checks no class.
 */
function classFor(
  { quality = {} }: Pick<Credential, "quality">,
  { cdn }: Pick<Asset, "cdn">,
): Result<string, Refusal<"quality_unavailable">> {
  const qualityClass = qualityClassOf(quality);
  return qualityClass === "" || cdn === "edge"
    ? ok(qualityClass)
    : refusal("quality_unavailable", "the viewer's quality is capped, and CloudFront does not apply caps");
}

/** The current, unrevoked signing key. */
export function signingKeyOf(
  snapshot: RevocationSnapshot,
  now: UnixSeconds,
  { keys }: Pick<SessionContext, "keys">,
  purpose: (SessionKey | EdgeKey)["purpose"] = "session",
): Result<PreparedSessionKey, Refusal<"configuration_invalid">> {
  const key = signingKey(
    [...keys.values()].filter(({ kid }) => !isKeyRevoked(snapshot, kid)),
    now,
  );
  return key === undefined
    ? refusal("configuration_invalid", `no ${purpose} key is active: each is not yet valid, expired or revoked`)
    : ok(key);
}
