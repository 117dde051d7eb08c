import { type AskedFrom, conditionsHold, decide } from "../auth/access-policy.ts";
import type { Credential } from "../auth/credential.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, earlier, isUnixSeconds, type UnixSeconds } from "../base/time.ts";
import { type Asset, playScope } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { signingKey } from "../keys/ring.ts";
import type { Grant } from "../signing/grant.ts";
import type { PreparedSessionKey } from "../signing/session-keys.ts";
import { type Binding, bindTo } from "./client-network.ts";
import { endedBecause, forbiddenBy, isKeyRevoked, type RevocationSnapshot } from "./revocation-snapshot.ts";
import { nothingForbids, revocationsNow } from "./revocations-now.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** A start or renewal whose credential is verified. */
export interface StartAttempt {
  readonly credential: Credential;
  readonly assetId: string;
  readonly request: Pick<SessionRequest, "client" | "country" | "origin" | "waitUntil">;
  readonly now: UnixSeconds;
  /** The grant of the session that is renewed; undefined for a start. */
  readonly renewed?: Grant | undefined;
}

/** The outcome of one check, in the order in which {@link startChecks} makes them. */
export type StartCheck =
  | { readonly check: "catalog"; readonly result: Result<Catalog, Refusal> }
  | { readonly check: "asset"; readonly result: Result<Asset, Refusal> }
  | { readonly check: "conditions"; readonly result: Result<Asset, Refusal> }
  | { readonly check: "revocations"; readonly result: Result<RevocationSnapshot, Refusal> }
  | { readonly check: "entitlement"; readonly result: Result<EntitledCredential, Refusal> }
  | { readonly check: "grant"; readonly result: Result<Terms, Refusal> };

export interface StartCheckOptions {
  /** Called with the outcome of each check, including the one that refuses. */
  readonly observe?: (outcome: StartCheck) => void;
  /** A request to the revocation log that is in progress. */
  readonly revocations?: Promise<Result<RevocationSnapshot, Refusal>>;
  /** A check of the caller's own, made before the entitlement service is asked. */
  readonly beforeEntitlement?: (terms: Terms) => Promise<Result<undefined, Refusal>>;
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
 * last, so it is only asked about starts that nothing else refuses. It may end the session earlier, so the observer of a
 * start that passes gets the final terms, after the entitlement.
 */
export async function startChecks(
  { credential, assetId, request, now, renewed }: StartAttempt,
  context: SessionContext,
  { observe = () => undefined, revocations: pending, beforeEntitlement }: StartCheckOptions = {},
): Promise<Result<PassedStart, Refusal>> {
  const catalog = await context.catalog();
  observe({ check: "catalog", result: catalog });
  if (!catalog.ok) return catalog;
  const asset = playable({ credential, assetId, from: request, now }, catalog.value, observe);
  if (!asset.ok) return asset;
  const revocations = pending ?? revocationsNow(request, context);
  const snapshot = await nothingForbids(credential, asset.value.id, revocations);
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
  const { until } = allowed.value;
  const { expiresAt } = longest.value;
  const terms = { ...longest.value, expiresAt: until === undefined ? expiresAt : earlier(expiresAt, until) };
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
  }: Pick<StartAttempt, "credential" | "assetId" | "now"> & { readonly from: AskedFrom },
  catalog: Catalog,
  observe: (outcome: StartCheck) => void = () => undefined,
): Result<Asset, Refusal> {
  const asset = decide(credential, assetId, catalog.asset(assetId), playScope);
  observe({ check: "asset", result: asset });
  if (!asset.ok) return asset;
  const conditions = conditionsHold(asset.value, from, now);
  const result = conditions.ok ? asset : conditions;
  observe({ check: "conditions", result });
  return result;
}

/** A verified credential after the entitlement service's decision. */
interface EntitledCredential {
  /** With the service's stream limit, if it set one. */
  readonly credential: Credential;
  /** The service's latest expiry for the session, if it set one. */
  readonly until: UnixSeconds | undefined;
}

/**
 * Asks the entitlement service, if there is one, whether this viewer may play this asset. `entitlement_refused`, also
 * if its permission has expired; `entitlement_unavailable`.
 */
async function entitled(
  credential: Credential,
  assetId: string,
  { client, country }: Pick<SessionRequest, "client" | "country">,
  { entitlement, clock }: Pick<SessionContext, "entitlement" | "clock">,
): Promise<Result<EntitledCredential, Refusal>> {
  if (entitlement === undefined) return ok({ credential, until: undefined });
  const { issuer, subject } = credential;
  const answer = await entitlement({ issuer, subject, asset: assetId, address: client.address, country });
  if (!answer.ok) return answer;
  const { streams = credential.streams, until } = answer.value;
  if (until !== undefined && until <= clock())
    return refusal("entitlement_refused", "the entitlement service's permission has expired");
  return ok({ credential: { ...credential, streams }, until });
}

/** The terms of a grant: its key, its binding to the client, and its expiry. */
export interface Terms {
  readonly key: PreparedSessionKey;
  readonly binding: Binding;
  readonly expiresAt: UnixSeconds;
}

/** The terms of a grant that is minted now, with its longest life. `configuration_invalid`, `address_unknown`. */
function termsOf(
  { asset, client, snapshot }: Pick<PassedStart, "asset" | "snapshot"> & Pick<SessionRequest, "client">,
  now: UnixSeconds,
  { keys, settings }: Pick<SessionContext, "keys" | "settings">,
): Result<Terms, Refusal> {
  const signing = signingKeyOf(snapshot, now, { keys });
  if (!signing.ok) return signing;
  const key = signing.value;
  const binding = bindTo(asset, client);
  if (!binding.ok) return binding;
  const longest = after(now, asset.session ?? settings.sessionTtl);
  // A grant is worthless once its key has expired, so the session ends no later than its key.
  const ends = [key.exp, asset.available?.until];
  return ok({ key, binding: binding.value, expiresAt: ends.filter(isUnixSeconds).reduce(earlier, longest) });
}

/** The current, unrevoked signing key. `configuration_invalid` if there is none. */
export function signingKeyOf(
  snapshot: RevocationSnapshot,
  now: UnixSeconds,
  { keys }: Pick<SessionContext, "keys">,
): Result<PreparedSessionKey, Refusal> {
  const key = signingKey(
    [...keys.values()].filter(({ kid }) => !isKeyRevoked(snapshot, kid)),
    now,
  );
  return key === undefined
    ? refusal("configuration_invalid", "no session key is active: each is not yet valid, expired or revoked")
    : ok(key);
}
