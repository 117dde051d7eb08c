import * as z from "zod";
import { decodeBase64url } from "../../base/base64url.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { after, isUnixSeconds, later, rfc3339, seconds, type UnixSeconds, unixSeconds } from "../../base/seconds.ts";
import { assetIdSchema } from "../../catalog/asset.ts";
import { isOperatorKey, type OperatorScope } from "../../credential/operator.ts";
import { loginName } from "../../sessions/login-name.ts";
import { type Revocation, type RevocationKind, revocationKinds } from "../../sessions/revocation.ts";
import { subjectHash, tokenHash } from "../../signing/grant.ts";
import { readBody } from "../read-body.ts";
import { authorizeOperator } from "./authorize-operator.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { lastingSubject, lastingToken } from "./lasting-names.ts";
import type { Acting } from "./operator-act.ts";
import { fromStore } from "./store-failure.ts";
import { subjectName } from "./subject-name.ts";

/** No session lasts longer (the catalog's greatest `session`). */
export const longestSession = seconds(604_800);
/** The end of entries that stay until they are lifted. */
const never = unixSeconds(253_402_300_799);

const name = z.string().min(1).max(512);
export const revocationBodySchema = z
  .strictObject({
    session: z
      .string()
      .refine((id) => decodeBase64url(id)?.length === 16)
      .optional()
      .describe("A playback session's id: 22 characters of base64url."),
    subject: z
      .strictObject({ issuer: name, subject: name })
      .optional()
      .describe("A viewer: his sessions and tokens so far."),
    asset: assetIdSchema.optional(),
    token: z
      .strictObject({ issuer: name, jti: name })
      .optional()
      .describe("A token, and the sessions that it has started."),
    login: z
      .strictObject({ issuer: name, sid: name })
      .optional()
      .describe("A session of sign-in, as sign-out does it."),
    key: z.string().min(1).max(64).optional().describe("The kid of a key of sessions or operators that has leaked."),
    until: z
      .number()
      .refine(isUnixSeconds)
      .optional()
      .describe(
        "Unix seconds: until when, at least until the longest session has ended. Without it a session is revoked until then, and everything else until it is lifted.",
      ),
    lift: z.boolean().default(false).describe("Takes the revocation back."),
  })
  .refine((body) => kindsOf(body).length === 1, "Name one of session, subject, asset, token, login and key.");

type Body = z.output<typeof revocationBodySchema>;

export interface Revoked {
  readonly revoked: RevocationKind;
  /** RFC 3339 in UTC; left out where it was lifted. */
  readonly until?: string;
  /** False for a key that is not in the ring, and an asset that is not in the catalog: perhaps it was misspelt. */
  readonly known?: false;
}

/**
 * `POST /operator/revocations`, for operators with the scope operator:revoke, or for a key operator:keys:
 * `{"session": id}`, `{"subject": {issuer, subject}}`, `{"asset": id}`, `{"token": {issuer, jti}}`, `{"login": {issuer, sid}}` or
 * `{"key": kid}`. A subject's sessions and tokens that were given out so far are ended, and he may log in again; a login's are,
 * as sign-out does it; an asset is withdrawn; a key, of sessions or of operators, signs and opens nothing more. An entry lasts
 * until it is lifted, or until the body says; that of a session, and what grants alone have of a subject or token, ends with the
 * longest session. What {@link authorizeOperator} refuses; `body_invalid`, `revocation_invalid`, `revocation_unknown`, `store_unavailable`.
 */
export async function revoke(request: SessionRequest, context: SessionContext): Promise<Result<Revoked, Refusal>> {
  const operator = await authorizeOperator(request, scopeToRevoke(request.body), context);
  if (!operator.ok) return operator;
  return revokeAs({ operator: operator.value.subject, through: "route" }, request.body, context);
}

/** What a body asks of who sends it: to end a key, and so all that it signed, is more than to end what runs. */
export function scopeToRevoke(text: string): OperatorScope {
  const body = readRevocation(text);
  return body.ok && body.value.key !== undefined ? "operator:keys" : "operator:revoke";
}

/** {@link revoke} for an operator who is known to have the scope: `text` is the body. `context.onAct` is told of it. */
export async function revokeAs(who: Acting, text: string, context: SessionContext): Promise<Result<Revoked, Refusal>> {
  const revoked = await revokeNow(text, context);
  const body = readRevocation(text);
  if (!body.ok) return revoked;
  const [kind = "session"] = kindsOf(body.value);
  const [name] = namesOf(body.value, context);
  const { subject, lift } = body.value;
  // By the name that the other lines of the log have for him.
  const id = (subject === undefined ? undefined : subjectName(subject, context)) ?? name?.value ?? "";
  const outcome = revoked.ok ? "done" : revoked.refusal.code;
  context.onAct?.({ ...who, act: lift ? "lift" : "revoke", kind, id, outcome });
  return revoked;
}

/** {@link revokeAs} by nobody: nothing is told of it. */
export async function revokeNow(text: string, context: SessionContext): Promise<Result<Revoked, Refusal>> {
  const now = context.clock();
  const body = readRevocation(text);
  if (!body.ok) return body;
  const [kind = "session"] = kindsOf(body.value);
  const names = namesOf(body.value, context);
  const values = names.map(({ value }) => value);
  if (body.value.lift) {
    const lifting = Promise.all(values.map((value) => context.log.lift(kind, value)));
    const lifted = await fromStore("the revocation log", lifting, context);
    if (!lifted.ok) return lifted;
    return lifted.value.includes(true)
      ? ok({ revoked: kind })
      : refusal("revocation_unknown", `no such ${kind} is revoked`);
  }
  const at = kind === "subject" ? lastUnaware(now, context) : now;
  const ending = (name: Name) => untilOf(body.value, name, now);
  const entries = names.map(
    (name): Revocation => ({ kind, value: name.value, cause: "revoked", at, until: ending(name) }),
  );
  const until = entries.map((entry) => entry.until).reduce(later);
  const added = await fromStore("the revocation log", context.log.append(entries, "operator"), context);
  if (!added.ok) return added;
  const gone = await endSignIns(body.value, context);
  if (!gone.ok) return gone;
  context.telemetry({ event: "revoked", kind });
  for (const sessionId of kind === "session" ? values : []) context.telemetry({ event: "ended", sessionId });
  return ok({ revoked: kind, until: rfc3339(until), ...((await isUnknown(body.value, context)) && { known: false }) });
}

/**
 * A subject or a login of the identity worker's is ended there as well: what was given out so far has ended by the log, but a
 * session of sign-in that goes on would give out more, and the log takes what is given out later for a new login's.
 */
async function endSignIns({ subject, login }: Body, context: SessionContext): Promise<Result<unknown, Refusal>> {
  const { identity } = context;
  if (identity === undefined || (subject ?? login)?.issuer !== identity.issuer) return ok(undefined);
  const which = subject === undefined ? { sessionId: login?.sid ?? "" } : { userId: subject.subject };
  return fromStore("the identity worker", identity.end(which), context);
}

async function isUnknown({ asset, key }: Body, { keys, operators, catalog }: SessionContext): Promise<boolean> {
  if (key !== undefined) return !keys.has(key) && !isOperatorKey(key, operators);
  const found = asset === undefined ? undefined : await catalog();
  return found?.ok === true && asset !== undefined && found.value.asset(asset) === undefined;
}

/** A name of what is revoked. */
interface Name {
  readonly value: string;
  /** Whether only grants have it, and no token: the last of them expires with the longest session. */
  readonly inGrants: boolean;
}

/** Every name of what is revoked: a grant names subjects and tokens by hashes that differ with its key. */
function namesOf({ session, subject, asset, token, login, key }: Body, { keys }: SessionContext): Name[] {
  const named = (lasting: string, hashes: readonly string[] = []) => [
    { value: lasting, inGrants: false },
    ...hashes.map((value) => ({ value, inGrants: true })),
  ];
  const all = [...keys.values()];
  if (subject !== undefined) {
    const { issuer, subject: name } = subject;
    return named(
      lastingSubject(issuer, name),
      all.map((by) => subjectHash(by, issuer, name)),
    );
  }
  if (token !== undefined) {
    const { issuer, jti } = token;
    return named(
      lastingToken(issuer, jti),
      all.map((by) => tokenHash(by, issuer, jti)),
    );
  }
  if (session !== undefined) return [{ value: session, inGrants: true }];
  if (login !== undefined) return named(loginName(login.issuer, login.sid));
  return named(asset ?? key ?? "");
}

/**
 * How long an entry lasts. Only grants have an end that is known. A token may say anything about its own, or nothing, and an
 * asset, a key or a login that is used never ends: what an operator revoked must not come back by itself.
 */
function untilOf({ until }: Body, { inGrants }: Name, now: UnixSeconds): UnixSeconds {
  const last = after(now, longestSession);
  if (until !== undefined) return later(until, last);
  return inGrants ? last : never;
}

/**
 * The last moment in which a start may not have heard of an entry that is made now. What is given out till then counts as
 * given out before: else who starts streams without pause would keep one that nothing ends.
 */
function lastUnaware(now: UnixSeconds, { settings }: SessionContext): UnixSeconds {
  return after(now, seconds(settings.revocationMaxAge + 1));
}

function kindsOf(body: Partial<Record<RevocationKind, unknown>>): RevocationKind[] {
  return revocationKinds.filter((kind) => body[kind] !== undefined);
}

function readRevocation(text: string): Result<Body, Refusal> {
  return readBody(revocationBodySchema, text, "revocation_invalid");
}
