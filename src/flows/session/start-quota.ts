import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import type { Credential } from "../../credential/credential.ts";
import type { RatePolicy, RateStanding } from "../../limits/rate-limit.ts";
import type { SubjectStreams } from "../../sessions/lease.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { lastingSubject } from "./lasting-names.ts";
import { fromStore } from "./store-failure.ts";
import { notSpent, overQuota } from "./within-rate.ts";

/** A subject's quota of starts. It is counted where the subject's leases are, so that a start asks one object for both. */
export interface StartQuota {
  readonly policy: RatePolicy;
  /** Notes how the subject stands after it was counted, for the answer's RateLimit fields and for the next start. */
  readonly counted: (standing: RateStanding) => void;
}

/**
 * The quota that a start of this subject is counted by; undefined where there is none. `rate_limited` where this isolate knows
 * that it is used up: that costs no question.
 */
export function startQuota(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  request: Pick<SessionRequest, "onStanding">,
  now: UnixSeconds,
  context: SessionContext,
): Result<StartQuota | undefined, Refusal> {
  const policy = context.settings.startRate;
  if (policy === undefined) return ok(undefined);
  const name = lastingSubject(issuer, subject);
  const open = notSpent(policy, name, request, context);
  if (!open.ok) return open;
  const counted = (standing: RateStanding) => {
    request.onStanding(standing);
    context.limits.remember(standing, name, now);
  };
  return ok({ policy, counted });
}

/**
 * Counts a start ahead of its claim, where somebody else's service is asked in between. `rate_limited`; `store_unavailable`
 * where nobody knows and the operator wants it so.
 */
export async function countStart(
  { policy, counted }: StartQuota,
  streams: SubjectStreams,
  now: UnixSeconds,
  context: SessionContext,
): Promise<Result<undefined, Refusal>> {
  const standing = await fromStore("the viewer's streams", streams.take(policy, now), context);
  if (standing.ok) {
    counted(standing.value);
    return standing.value.allowed ? ok(undefined) : overQuota(standing.value, context);
  }
  if (context.settings.storeFailure === "closed") return standing;
  context.onFailure(standing.refusal);
  return ok(undefined);
}
