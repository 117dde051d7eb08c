import type { RateStanding } from "../limits/rate-limit.ts";

/**
 * Tells on an answer how its request stands with every rate limit that counted it, whether it was let in or not: the fields
 * RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10), lists of structured fields (RFC 9651) like
 * `"start-subject";q=1000;w=3600` and `"start-subject";r=998;t=3100`. An answer that nothing counted stays as it is.
 */
export function withRateLimitFields(response: Response, standings: readonly RateStanding[]): Response {
  if (standings.length === 0) return response;
  const told = new Response(response.body, response);
  setRateLimitFields(told.headers, standings);
  return told;
}

/** As {@link withRateLimitFields}, for the headers of an answer of our own. */
export function setRateLimitFields(headers: Headers, standings: readonly RateStanding[]): void {
  if (standings.length === 0) return;
  const policies = standings.map(({ policy }) => `"${policy.name}";q=${policy.quota};w=${Math.ceil(policy.window)}`);
  const limits = standings.map(
    ({ policy, remaining, resetsIn }) => `"${policy.name}";r=${remaining};t=${Math.ceil(resetsIn)}`,
  );
  headers.set("RateLimit-Policy", policies.join(", "));
  headers.set("RateLimit", limits.join(", "));
}
