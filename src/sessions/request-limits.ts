import type { Credential } from "../auth/credential.ts";
import type { QuotaStatus, RatePolicy, RateRefusal } from "../auth/rate-limit.ts";
import { ok, type Refusal, type Refused, type Result, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import { addressName, networkName, subjectDigest } from "./identifiers.ts";
import type { SubjectStreams } from "./lease.ts";
import { fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";

type Asking = Pick<SessionRequest, "onQuotaStatus">;

/** Counts this request under a name, if there is a policy and a name. */
export async function withinRate(
  policy: RatePolicy | undefined,
  name: string | undefined,
  request: Asking,
  context: SessionContext,
): Promise<Result<undefined, RateRefusal>> {
  if (policy === undefined || name === undefined) return ok(undefined);
  const taken = await fromStore("the rate limits", context.limits.take(policy, name, context.clock()), context);
  if (taken.ok) return judged(taken.value, request, context);
  if (context.settings.storeFailure === "closed") return taken;
  context.onFailure(taken.refusal);
  return ok(undefined);
}

/**
 * As {@link withinRate}, but from memory: it refuses if the quota is known to be used up, and does not count. For
 * requests that are counted later.
 */
function notSpent(
  policy: RatePolicy | undefined,
  name: string | undefined,
  request: Asking,
  context: SessionContext,
): Result<undefined, Refusal<"rate_limited">> {
  if (policy === undefined || name === undefined) return ok(undefined);
  const spent = context.limits.spent(policy, name, context.clock());
  return spent === undefined ? ok(undefined) : judged(spent, request, context);
}

function judged(
  standing: QuotaStatus,
  request: Asking,
  context: SessionContext,
): Result<undefined, Refusal<"rate_limited">> {
  request.onQuotaStatus(standing);
  return standing.allowed ? ok(undefined) : overQuota(standing, context);
}

/** The refusal, counted in telemetry. */
export function overQuota(
  { policy, resetsIn }: Pick<QuotaStatus, "policy" | "resetsIn">,
  { telemetry }: Pick<SessionContext, "telemetry">,
): Refused<Refusal<"rate_limited">> {
  telemetry({ event: "limited", policy: policy.name });
  return refuse({ code: "rate_limited", reason: `the quota of ${policy.name} is used up`, retryAfter: resetsIn });
}

type AddressCheck = Pick<SessionRequest, "client" | "onQuotaStatus">;

/** The quota of a network in quotas of one address: one client cannot use up the quota of its neighbours. */
const addressesInNetwork = 10;

/**
 * Counts a request that causes a call to another service, first per address (/64 of IPv6), then per network (/24, /48):
 * an attacker with one address is refused before the network is counted.
 *
 * @example await withinAddressRate({ name: "start-address", quota: 10_000, window }, request, context); // and start-network
 */
export async function withinAddressRate(
  policy: RatePolicy | undefined,
  request: AddressCheck,
  context: SessionContext,
): Promise<Result<undefined, RateRefusal>> {
  const own = await withinRate(policy, addressName(request.client.address), request, context);
  if (!own.ok) return own;
  return withinRate(networkPolicy(policy), networkName(request.client.address), request, context);
}

/** As {@link withinAddressRate}, but from memory, and without counting. */
export function addressNotSpent(
  policy: RatePolicy | undefined,
  request: AddressCheck,
  context: SessionContext,
): Result<undefined, Refusal<"rate_limited">> {
  const own = notSpent(policy, addressName(request.client.address), request, context);
  return own.ok ? notSpent(networkPolicy(policy), networkName(request.client.address), request, context) : own;
}

/** `start-address` → `start-network`. */
function networkPolicy(policy: RatePolicy | undefined): RatePolicy | undefined {
  if (policy === undefined) return undefined;
  const name = policy.name.replace(/-address$/, "-network");
  return { ...policy, name, quota: policy.quota * addressesInNetwork };
}

/** A subject's quota of starts. The lease object counts it, so that a start needs only one request. */
export interface StartQuota {
  readonly policy: RatePolicy;
  /** Records the quota after the start, for the RateLimit response fields and the next start. */
  readonly counted: (standing: QuotaStatus) => void;
}

/**
 * The quota that counts a start of this subject; undefined if there is none. `rate_limited` if this isolate remembers
 * that it is used up, without a request to the store.
 */
export function startQuota(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  request: Pick<SessionRequest, "onQuotaStatus">,
  now: UnixSeconds,
  context: SessionContext,
): Result<StartQuota | undefined, Refusal<"rate_limited">> {
  const policy = context.settings.startRate;
  if (policy === undefined) return ok(undefined);
  const name = subjectDigest(issuer, subject);
  const open = notSpent(policy, name, request, context);
  if (!open.ok) return open;
  const counted = (standing: QuotaStatus) => {
    request.onQuotaStatus(standing);
    context.limits.remember(standing, name, now);
  };
  return ok({ policy, counted });
}

/**
 * Counts a start before its claim, so that a call to an external entitlement service counts too. `rate_limited`;
 * `store_unavailable` if the store fails and `storeFailure` is "closed".
 */
export async function countStart(
  { policy, counted }: StartQuota,
  streams: SubjectStreams,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<undefined, RateRefusal>> {
  const standing = await fromStore("the viewer's streams", streams.take(policy, now), context);
  if (standing.ok) {
    counted(standing.value);
    return standing.value.allowed ? ok(undefined) : overQuota(standing.value, context);
  }
  if (context.settings.storeFailure === "closed") return standing;
  context.onFailure(standing.refusal);
  return ok(undefined);
}
