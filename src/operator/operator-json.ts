import * as z from "zod";
import { isCountry } from "../base/country.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import type { RefusalCode } from "../base/result.ts";
import { between, rfc3339, type UnixSeconds } from "../base/time.ts";
import { problemFor } from "../http/problems.ts";
import type { SessionsNow } from "../metrics/gathered.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { KeysNow } from "./keys-now.ts";
import type { RefusalsTold } from "./list-sessions.ts";

/** The longest text that is explained: a token of the greatest length, or a URL of that, with room around it. */
const longestText = 16_384;
/** How many bytes of these bodies are read: every character of a text may be one of JSON's escapes. */
export const longestQuestion = 6 * longestText;

/** So a CDN calls clients of whom nobody knows where they are, and those of Tor. */
const unknownCountries: ReadonlySet<string> = new Set(["XX", "T1"]);

const tooLong = `Give ${longestText.toLocaleString("en")} characters at most.`;

const address = z
  .string()
  .refine((text) => parseIpAddress(text) !== undefined, "Give an IPv4 or IPv6 address.")
  .optional()
  .describe("The viewer's IP address.");

export const explainBodySchema = z.strictObject({
  text: z
    .string()
    .min(1, "Give a text.")
    .max(longestText, tooLong)
    .describe("A whole URL, a path with its query, a grant, or a bearer token. It is not repeated in the answer."),
  address,
});

export const simulateBodySchema = z.strictObject({
  credential: z
    .string()
    .min(1, "Give a token.")
    .max(longestText, tooLong)
    .describe("The viewer's bearer token. It is not repeated in the answer."),
  asset: z
    .string()
    .min(1, "Name an asset.")
    .max(64, "No asset has an id of more than 64 characters.")
    .describe("The asset that is asked for."),
  takeover: z.boolean().default(false).describe("Whether the viewer's oldest stream would be ended for it."),
  address,
  country: z
    .string()
    .refine((text) => isCountry(text) || unknownCountries.has(text), "Give a code of ISO 3166-1 alpha-2 in upper case.")
    .optional()
    .describe("Where the viewer is, as the CDN would say it; XX and T1 stand for not known."),
  origin: z
    .string()
    .min(1)
    .max(512, "No origin is that long.")
    .optional()
    .describe("The page's origin, as a browser would send it."),
});

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

/** An explanation for programs, as the API and the command line give it. `code` is null where nothing is refused. */
export function explanationJson({ kind, verdict, refusal, grants, steps }: Explanation, now: UnixSeconds) {
  const problem = refusal === undefined ? undefined : { ...refusal, ...problemFor(refusal.code) };
  return {
    kind,
    verdict,
    code: problem?.code ?? null,
    at: rfc3339(now),
    ...(grants === undefined ? {} : { grants }),
    ...(problem === undefined ? {} : { status: problem.status, title: problem.title }),
    ...(problem === undefined ? {} : { reason: problem.reason, detail: problem.detail }),
    ...(problem === undefined ? {} : { help: troubleshootingOf(problem.code) }),
    steps: steps.map(({ part, state, text, code }) => ({ part, state, text, ...(code === undefined ? {} : { code }) })),
  };
}

/** Where a refusal's usual causes stand, seen from the project's root. */
export function troubleshootingOf(code: RefusalCode): string {
  return `docs/troubleshooting.md#${code}`;
}
