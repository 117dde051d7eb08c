import * as z from "zod";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import type { LiveSession, PastSession, RecentRefusal } from "../metrics/gathered.ts";
import { subjectDigest, subjectHash, subjectHashNow } from "../sessions/identifiers.ts";
import type { Revocation } from "../sessions/revocation.ts";
import type { RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { never, operatorEntries } from "../sessions/revoke.ts";
import { type Acting, fromStore } from "../sessions/session-context.ts";
import type { Explanation } from "./explain/explanation.ts";
import type { OperatorContext } from "./operator-context.ts";
import {
  explanationJson,
  explanationSchema,
  refusalJson,
  refusalSchema,
  sessionJson,
  sessionSchema,
  simulateBodySchema,
} from "./operator-json.ts";

/** A viewer as their issuer names them. */
export interface ViewerName {
  readonly issuer: string;
  readonly subject: string;
}

/** `revoked`: it may still be in a list for some seconds. `silent`: its requests stopped without an end. */
const viewerSessionStates = ["running", "revoked", "ended", "silent", "expired"] as const;
type ViewerSessionState = (typeof viewerSessionStates)[number];

export interface ViewerSession extends PastSession {
  readonly state: ViewerSessionState;
}

/** What is known of a viewer now. */
export interface ViewerReport {
  /** The keyed hashes of the viewer in logs and lists, one per key in use. */
  readonly hashes: readonly string[];
  /** The running ones first, then those of the last hour. */
  readonly sessions: readonly ViewerSession[];
  /** The kept refusals of the last hour, newest first. */
  readonly refusals: readonly RecentRefusal[];
  /** The revocation of the viewer: sessions and tokens until `at` are refused. */
  readonly revocation: Pick<Revocation, "at" | "until" | "note"> | undefined;
}

/**
 * The sessions, refusals and revocation of a viewer. Lists name viewers by keyed hashes, so they are computed for every
 * key in use.
 */
export async function lookUpViewer(
  { issuer, subject }: ViewerName,
  context: OperatorContext,
): Promise<Result<ViewerReport, Refusal<"store_unavailable">>> {
  const hashes = [...context.keys.values()].map((key) => subjectHash(key, issuer, subject));
  const [sessions, refusals, snapshot] = await Promise.all([
    fromStore("the metrics object", context.gathered.ofViewer(hashes), context),
    fromStore("the metrics object", context.gathered.refusals(), context),
    context.revocations.fresh(),
  ]);
  if (!sessions.ok) return sessions;
  if (!refusals.ok) return refusals;
  if (!snapshot.ok) return snapshot;
  const now = context.clock();
  const { live, past } = sessions.value;
  const digest = subjectDigest(issuer, subject);
  const entry = snapshot.value.entries.subject.get(digest);
  const noted = entry === undefined ? undefined : await operatorEntries(context);
  if (noted?.ok === false) return noted;
  const { note } = noted?.value.find(({ kind, value }) => kind === "subject" && value === digest) ?? {};
  return ok({
    hashes,
    sessions: [
      ...live.map((session) => ({ ...session, state: stateOf(session, snapshot.value) ?? ("running" as const) })),
      ...past.map((session) => ({ ...session, state: stateOf(session, snapshot.value) ?? pastState(session, now) })),
    ],
    refusals: refusals.value.recent.filter(({ subject: hash }) => hash !== undefined && hashes.includes(hash)),
    revocation: entry && { at: entry.at, until: entry.until, note },
  });
}

/** `revoked` if an entry of the log ends the session, or undefined. A login's or token's entry is not known here. */
function stateOf(
  { sessionId, assetId, subject, startedAt }: LiveSession,
  { entries }: RevocationSnapshot,
): "revoked" | undefined {
  const bySubject = entries.subject.get(subject);
  const isRevoked =
    entries.session.has(sessionId) ||
    entries.asset.has(assetId) ||
    (bySubject !== undefined && startedAt <= bySubject.at);
  return isRevoked ? "revoked" : undefined;
}

function pastState({ endedAt, expiresAt }: PastSession, now: UnixSeconds): ViewerSessionState {
  if (endedAt !== undefined) return "ended";
  return expiresAt <= now ? "expired" : "silent";
}

const name = z.string().min(1, "Enter a name.").max(512, "At most 512 characters.");

/** A viewer, by name or e-mail address, and optionally a start that is to be simulated. */
export const viewerBodySchema = z
  .strictObject({
    viewer: z
      .strictObject({
        issuer: name.describe("The issuer of the viewer's tokens, as in their claim iss."),
        subject: name.describe("The viewer's name there, as in the claim sub."),
      })
      .optional(),
    email: z
      .string()
      .min(3)
      .max(254, "At most 254 characters.")
      .optional()
      .describe("The address of an account of the identity service. Each look-up is a line of the log."),
    start: simulateBodySchema
      .pick({ asset: true, takeover: true, address: true, country: true, region: true, origin: true })

      .optional()
      .describe("A start to simulate for this viewer, with a fresh token that names every asset."),
  })
  .refine(({ viewer, email }) => (viewer === undefined) !== (email === undefined), "Name one of viewer and email.");

/**
 * The viewer that an operator asks for. `body_invalid`: no account has the address, or there is no identity service. A
 * look-up by e-mail address is logged with the operator's name and the viewer's hash, never with the address.
 */
export async function findViewer(
  { viewer, email = "" }: Pick<z.output<typeof viewerBodySchema>, "viewer" | "email">,
  acting: Acting,
  context: OperatorContext,
): Promise<Result<ViewerName, Refusal<"body_invalid" | "store_unavailable">>> {
  if (viewer !== undefined) return ok(viewer);
  const { identity } = context;
  if (identity === undefined)
    return refusal("body_invalid", "no identity service", "email: There is no identity service here; send viewer.");
  const found = await fromStore("the identity worker", identity.findUser(email.trim().toLowerCase()), context);
  const named = found.ok && found.value !== undefined ? { issuer: identity.issuer, subject: found.value } : undefined;
  const id = (named === undefined ? undefined : subjectHashNow(named, context)) ?? "";
  const outcome = found.ok ? (named === undefined ? "body_invalid" : "done") : found.refusal.code;
  context.onAct?.({ ...acting, act: "find", kind: "subject", id, outcome });
  if (!found.ok) return found;
  return named === undefined
    ? refusal(
        "body_invalid",
        "no account has the address",
        "email: No account of the identity service has this address.",
      )
    : ok(named);
}

const time = z.iso.datetime();

export const viewerReportSchema: z.ZodType<ReturnType<typeof viewerJson>> = z.strictObject({
  at: time,
  issuer: z.string(),
  subject: z.string(),
  hashes: z.array(z.string()).describe("The keyed hashes of the viewer in logs and lists, one per session key in use."),
  sessions: z
    .array(
      sessionSchema.extend({
        state: z
          .enum(viewerSessionStates)
          .describe("silent: its requests stopped without an end. revoked: it is refused within two seconds."),
        endedAt: time.exactOptional(),
      }),
    )
    .describe("The running ones, then those of the last hour as far as they are known; the last seen first."),
  refusals: z.array(refusalSchema).describe("The kept refusals of the viewer, the newest first."),
  revocation: z
    .strictObject({
      at: time,
      until: time.nullable().describe("null: until it is lifted."),
      author: z.string().exactOptional().describe("The operator who made it, if it is known."),
      reason: z.string().exactOptional(),
    })
    .exactOptional()
    .describe("Sessions and tokens of the viewer up to `at` are refused."),
  start: explanationSchema.exactOptional().describe("What the start would answer now."),
});

/** `start`: the simulated start, if one was asked for. */
export function viewerJson(
  { issuer, subject }: ViewerName,
  report: ViewerReport,
  now: UnixSeconds,
  start?: Explanation,
) {
  const { hashes, sessions, refusals, revocation } = report;
  return {
    at: rfc3339(now),
    issuer,
    subject,
    hashes: [...hashes],
    sessions: sessions.map(({ state, endedAt, ...session }) => ({
      ...sessionJson(session),
      state,
      ...(endedAt !== undefined && { endedAt: rfc3339(endedAt) }),
    })),
    refusals: refusals.map(refusalJson),
    ...(revocation !== undefined && {
      revocation: {
        at: rfc3339(revocation.at),
        until: revocation.until >= never ? null : rfc3339(revocation.until),
        ...(revocation.note?.author && { author: revocation.note.author }),
        ...(revocation.note?.reason !== undefined && { reason: revocation.note.reason }),
      },
    }),
    ...(start !== undefined && { start: explanationJson(start, now) }),
  };
}
