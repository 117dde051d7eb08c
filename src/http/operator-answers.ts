import { between, rfc3339, type UnixSeconds } from "../base/seconds.ts";
import type { KeysNow } from "../flows/operator/keys-now.ts";
import type { RefusalsTold } from "../flows/operator/refusals-of-hour.ts";
import type { SessionsNow } from "../telemetry/gathered.ts";

/** What operators are answered, as JSON: times are RFC 3339 in UTC. */
export function sessionsJson({ count, sessions }: SessionsNow) {
  return {
    count,
    sessions: sessions.map(({ sessionId, assetId, subject, country, startedAt, seenAt, expiresAt }) => ({
      sessionId,
      asset: assetId,
      subject,
      country,
      startedAt: rfc3339(startedAt),
      lastSeenAt: rfc3339(seenAt),
      endsAt: rfc3339(expiresAt),
    })),
  };
}

export function refusalsJson({ minutes, total, recent }: RefusalsTold) {
  const [first] = minutes;
  return {
    ...(first === undefined ? {} : { since: rfc3339(first.at) }),
    minutes: minutes.map(({ at, counts }) => ({ at: rfc3339(at), counts })),
    total,
    recent: recent.map(({ at, worker, code, reason, request, subject }) => ({
      at: rfc3339(at),
      worker,
      code,
      reason,
      request,
      ...(subject === undefined ? {} : { subject }),
    })),
  };
}

export function keysJson({ keys, longestSession }: KeysNow, now: UnixSeconds) {
  return {
    at: rfc3339(now),
    longestSessionSeconds: longestSession,
    keys: keys.map(({ kid, purpose, type, state, since, ends, fingerprint, revoked, next }) => ({
      kid,
      purpose,
      type,
      state,
      ...(since === undefined ? {} : { since: rfc3339(since), ageSeconds: Math.max(between(since, now), 0) }),
      ...(ends === undefined ? {} : { ends: rfc3339(ends) }),
      fingerprint,
      revoked,
      ...(next === undefined ? {} : { next: { step: next.step, from: rfc3339(next.from) } }),
    })),
  };
}
