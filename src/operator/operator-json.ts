import * as z from "zod";
import { isCountry, unknownCountries } from "../base/country.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import type { RefusalCode } from "../base/result.ts";
import { between, isUnixSeconds, rfc3339, type UnixMilliseconds, type UnixSeconds } from "../base/time.ts";
import { catalogFaultNames } from "../catalog/catalog-fault.ts";
import { problemFor, refusalCodes } from "../http/problems.ts";
import type { LiveSession, RecentRefusal, SessionsNow } from "../metrics/gathered.ts";
import { backendViewerSchema } from "../sessions/backend-viewer.ts";
import { revokedKinds } from "../sessions/blackout.ts";
import { idForm } from "../sessions/identifiers.ts";
import { filePathSchema } from "../sessions/open-files.ts";
import { type RevocationDelta, revocationCauses, revocationKinds, revocationMakers } from "../sessions/revocation.ts";
import { noteSchema } from "../sessions/revocation-note.ts";
import type { Revoked } from "../sessions/revoke.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { KeyList } from "./list-keys.ts";
import type { RefusalList } from "./list-sessions.ts";
import type { PutAssetResult } from "./manage-assets.ts";

/** Maximum length of a text to explain: the longest token or URL, and some margin. */
const maxTextLength = 16_384;
/** Maximum size of these request bodies in bytes: JSON may write every character of the text as a `\u` escape. */
export const maxExplainBody = 6 * maxTextLength;

const tooLong = `At most ${maxTextLength.toLocaleString("en")} characters.`;

const address = z
  .string()
  .refine((text) => parseIpAddress(text) !== undefined, "Enter an IPv4 or IPv6 address.")
  .optional()
  .describe("The viewer's IP address.");

export const explainBodySchema = z.strictObject({
  text: z
    .string()
    .min(1, "Enter a text.")
    .max(maxTextLength, tooLong)
    .describe("A URL, a path with its query, a grant, or a bearer token. The response does not repeat it."),
  address,
});

/** What else a start may tell of its client, as a backend tells it of its viewer. */
const { region, postal, asn: network, anonymous, userAgent } = backendViewerSchema.shape;
const placeMembers = { region, postal, asn: network, anonymous, userAgent };

export const simulateBodySchema = z.strictObject({
  credential: z
    .string()
    .min(1, "Enter a token.")
    .max(maxTextLength, tooLong)
    .describe("The viewer's bearer token. The response does not repeat it."),
  asset: z
    .string()
    .min(1, "Enter an asset id.")
    .max(64, "Asset ids have at most 64 characters.")
    .describe("The asset to start."),
  takeover: z
    .boolean()
    .default(false)
    .describe("If the viewer is at the stream limit, end their oldest stream instead of failing."),
  address,
  country: z
    .string()
    .refine(
      (text) => isCountry(text) || unknownCountries.has(text),
      "Enter an ISO 3166-1 alpha-2 code in upper case, such as DE.",
    )
    .optional()
    .describe("The viewer's country as the CDN would report it; XX and T1 mean unknown."),
  ...placeMembers,
  origin: z
    .string()
    .min(1)
    .max(512, "Origins have at most 512 characters.")
    .optional()
    .describe("The Origin of the page, as a browser would send it."),
  viewer: backendViewerSchema
    .optional()
    .describe("With a backend's credential, and only then: the viewer that it would start the stream for."),
  files: z
    .array(filePathSchema)
    .min(1)
    .max(100)
    .optional()
    .describe("What POST /files would answer for these paths, instead of a start."),
});

const time = z.iso.datetime();
const sessionId = z.string().regex(idForm).describe("The session's id. It grants no access.");
const subject = z.string().describe("The keyed hash of the viewer, as in the log.");
const code = z.enum(refusalCodes);
const counts = z.record(z.string(), z.int().min(0));

const asn = z.int().describe("The number of the client's network.");
const player = z.string().describe("The family of the player by its User-Agent: Chrome, AVPlayer, other.");

export const sessionSchema = z.strictObject({
  sessionId,
  asset: z.string().describe("The asset's id."),
  subject,
  country: z.string().describe("ISO 3166-1 alpha-2, or XX if unknown."),
  asn: asn.exactOptional().describe("The number of the network, where the platform tells it."),
  player: player.exactOptional(),
  startedAt: time,
  lastSeenAt: time,
  endsAt: time.describe("When the session expires."),
});

export const refusalSchema = z.strictObject({
  at: time,
  worker: z.string(),
  code,
  reason: z.string().describe("The cause, as in the log."),
  request: z.string().describe("The response's Request-Id."),
  subject: subject.exactOptional(),
  asset: z.string().exactOptional().describe("The asset that the request named, if the catalog has it."),
  country: z.string().exactOptional().describe("ISO 3166-1 alpha-2, if it is known."),
  asn: asn.exactOptional(),
  player: player.exactOptional(),
});

export const sessionsSchema: z.ZodType<ReturnType<typeof sessionsJson>> = z.strictObject({
  count: z.int().min(0).describe("The number of sessions that match, including those beyond the limit."),
  sessions: z.array(sessionSchema).describe("The most recently seen session first."),
});

/** Times are RFC 3339 in UTC. */
export function sessionsJson({ count, sessions }: SessionsNow) {
  return {
    count,
    sessions: sessions.map(sessionJson),
  };
}

export function sessionJson(session: LiveSession) {
  return {
    sessionId: session.sessionId,
    asset: session.assetId,
    subject: session.subject,
    country: session.country,
    ...(session.asn !== undefined && { asn: session.asn }),
    ...(session.player !== undefined && { player: session.player }),
    startedAt: rfc3339(session.startedAt),
    lastSeenAt: rfc3339(session.seenAt),
    endsAt: rfc3339(session.expiresAt),
  };
}

export const refusalsSchema: z.ZodType<ReturnType<typeof refusalsJson>> = z.strictObject({
  since: time.exactOptional().describe("The start of the first minute."),
  minutes: z
    .array(z.strictObject({ at: time, counts: counts.describe("The number of refusals per code.") }))
    .describe("The last sixty minutes, the oldest first."),
  total: counts.describe("The number of refusals per code in the last hour."),
  recent: z.array(refusalSchema).describe("The most recent refusals, the newest first. Older ones are not kept."),
});

export function refusalsJson({ minutes, total, recent }: RefusalList) {
  const [first] = minutes;
  return {
    ...(first !== undefined && { since: rfc3339(first.at) }),
    minutes: minutes.map(({ at, counts: ofMinute }) => ({ at: rfc3339(at), counts: ofMinute })),
    total,
    recent: recent.map(refusalJson),
  };
}

export function refusalJson(refused: RecentRefusal) {
  const { at, worker, code: ofRefusal, reason, request, subject: ofViewer, asset, country } = refused;
  return {
    at: rfc3339(at),
    worker,
    code: ofRefusal,
    reason,
    request,
    ...(ofViewer !== undefined && { subject: ofViewer }),
    ...(asset !== undefined && { asset }),
    ...(country !== undefined && { country }),
    ...(refused.asn !== undefined && { asn: refused.asn }),
    ...(refused.player !== undefined && { player: refused.player }),
  };
}

/** In JSON, a duration is a plain number. */
type KeysJson = Omit<ReturnType<typeof keysJson>, "longestSessionSeconds"> & { readonly longestSessionSeconds: number };

export const keysSchema: z.ZodType<KeysJson> = z.strictObject({
  at: time.describe("The worker's current time."),
  longestSessionSeconds: z
    .number()
    .describe("The longest possible session. A key is needed for that long after its last signature."),
  keys: z.array(
    z.strictObject({
      kid: z.string(),
      purpose: z.enum(["session", "cloudfront-session", "cloudfront", "token", "operator", "backend"]),
      type: z.enum(["HS256", "ES256", "RS256"]),
      state: z
        .enum(["next", "active", "retiring", "retired"])
        .describe("next: verifies, does not sign yet. active: signs. retiring: verifies only. retired: rejected."),
      since: time.exactOptional(),
      ageSeconds: z.number().exactOptional().describe("How long the key has been in this state."),
      ends: time.exactOptional().describe("When workers stop accepting the key."),
      fingerprint: z.string().describe("As shown by `npx stagedoor keys list`."),
      revoked: z.boolean().describe("Whether an operator revoked the key."),
      next: z
        .strictObject({ step: z.enum(["activate", "retire"]), from: time })
        .exactOptional()
        .describe("The next step of `keys rotate`, and the earliest time for it."),
    }),
  ),
});

export function keysJson({ keys, longestSession }: KeyList, now: UnixSeconds) {
  return {
    at: rfc3339(now),
    longestSessionSeconds: longestSession,
    keys: keys.map(({ kid, purpose, type, state, since, ends, fingerprint, revoked, next }) => ({
      kid,
      purpose,
      type,
      state,
      ...(since !== undefined && { since: rfc3339(since), ageSeconds: Math.max(between(since, now), 0) }),
      ...(ends !== undefined && { ends: rfc3339(ends) }),
      fingerprint,
      revoked,
      ...(next !== undefined && { next: { step: next.step, from: rfc3339(next.from) } }),
    })),
  };
}

export const assetListSchema = z.strictObject({
  assets: z.array(z.unknown()).describe("The valid assets, as stored."),
  faults: z
    .array(
      z.strictObject({
        name: z.enum(catalogFaultNames),
        asset: z.string().optional(),
        field: z.string(),
        advice: z.string(),
      }),
    )
    .describe("Every error in the catalog. Workers do not load a catalog with errors."),
});

export const assetChangeSchema: z.ZodType<PutAssetResult> = z.strictObject({
  asset: z.unknown().describe("The asset as stored now."),
  was: z.enum(["added", "replaced", "removed", "unchanged"]),
  faults: z.array(z.string()).exactOptional().describe("Errors in other assets of the catalog."),
});

export const revokedSchema: z.ZodType<Revoked> = z.strictObject({
  revoked: z.enum(revokedKinds).describe("The kind of revocation."),
  until: time.exactOptional().describe("When the revocation expires; absent if it was lifted."),
  known: z
    .literal(false)
    .exactOptional()
    .describe("False if the asset or key does not exist, perhaps because of a typing error. It is revoked anyway."),
});

const unixTime = z.number().refine(isUnixSeconds, "Not a time in Unix seconds.");

/** A page of the revocation log, in full, as programs follow it. */
export const revocationPageSchema: z.ZodType<RevocationDelta> = z.strictObject({
  cursor: z.int().min(0).describe("The `since` of the next request."),
  asOf: z
    .number()
    .refine(isUnixMilliseconds, "Not a time in Unix milliseconds.")
    .describe("Unix milliseconds: everything that was added before is included."),
  reset: z
    .boolean()
    .describe(
      "True if the log does not know `since`: discard what you know. Sessions that ended a while ago are missing.",
    ),
  more: z.boolean().describe("Whether there are more entries after `cursor`."),
  notBefore: unixTime
    .exactOptional()
    .describe("Unix seconds: grants from before are refused, because the store lost the entries about them."),
  entries: z
    .array(
      z.strictObject({
        kind: z.enum(revocationKinds),
        value: z
          .string()
          .describe(
            "A session's id, an asset's id, a kid, or a hash or digest of a subject, token or login. A blackout has the kind subject and the value blackout:<asset>:<place>.",
          ),
        cause: z.enum(revocationCauses),
        at: unixTime.describe("Unix seconds: when it was made. Of a subject: it forbids what was issued until then."),
        until: unixTime.describe(
          "Unix seconds. If it has passed, the entry forbids nothing any more; 0 if it was lifted.",
        ),
        by: z.enum(revocationMakers).exactOptional(),
        lastGrant: unixTime
          .exactOptional()
          .describe("Unix seconds: when the last grant of an ended session or login expires."),
        subject: z.string().exactOptional().describe("The keyed hash of the viewer whose session ended."),
        note: noteSchema.exactOptional().describe("Of an operator's entry: who made it and why."),
      }),
    )
    .describe("In the order of their addition. A later entry of the same kind and value replaces the earlier one."),
});

function isUnixMilliseconds(value: number): value is UnixMilliseconds {
  return Number.isSafeInteger(value) && value >= 0;
}

export const explanationSchema: z.ZodType<ReturnType<typeof explanationJson>> = z.strictObject({
  kind: z.enum(["media", "cloudfront", "grant", "token", "start"]).describe("The kind of text that was explained."),
  verdict: z.enum(["served", "renewed", "accepted", "refused"]),
  code: code.nullable().describe("The refusal code, or null."),
  at: time,
  grants: z.string().exactOptional().describe("What access the text grants."),
  status: z.int().exactOptional(),
  title: z.string().exactOptional(),
  reason: z.string().exactOptional().describe("The cause, as in the log."),
  detail: z.string().exactOptional().describe("What to do about it."),
  help: z.string().exactOptional().describe("The page with the usual causes, as a path from the project's root."),
  steps: z
    .array(
      z.strictObject({
        part: z.string().describe("The thing that was checked."),
        state: z.enum(["pass", "fail", "info"]).describe("info: for information, or impossible to check."),
        text: z.string(),
        code: code.exactOptional().describe("The code that a request would be refused with at this step."),
      }),
    )
    .describe("In the order of the checks. The first that fails determines the refusal."),
});

/** An explanation for the API and the command line. */
export function explanationJson({ kind, verdict, refusal, grants, steps }: Explanation, now: UnixSeconds) {
  const problem = refusal === undefined ? undefined : { ...refusal, ...problemFor(refusal.code) };
  return {
    kind,
    verdict,
    code: problem?.code ?? null,
    at: rfc3339(now),
    ...(grants !== undefined && { grants }),
    ...(problem !== undefined && {
      status: problem.status,
      title: problem.title,
      reason: problem.reason,
      detail: problem.detail,
      help: troubleshootingPath(problem.code),
    }),
    steps: steps.map(({ part, state, text, code: ofStep }) => ({
      part,
      state,
      text,
      ...(ofStep !== undefined && { code: ofStep }),
    })),
  };
}

/** The section on a refusal code, as a path from the project's root. */
export function troubleshootingPath(refusalCode: RefusalCode): string {
  return `docs/troubleshooting.md#${refusalCode}`;
}
