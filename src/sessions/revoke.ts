import * as z from "zod";
import { backendIssuer } from "../auth/credential.ts";
import type { OperatorScope } from "../auth/operator-token.ts";
import { isKeyOf } from "../auth/ring-issuer.ts";
import { maxSessionTtl } from "../base/constants.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { after, isUnixSeconds, later, rfc3339, seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import { assetIdSchema } from "../catalog/asset.ts";
import { kidSchema } from "../keys/key.ts";
import { authorizeOperator, type OperatorRefusal } from "./authorize-operator.ts";
import {
  blackoutBodySchema,
  blackoutOf,
  blackoutValue,
  blackoutValueOf,
  type RevokedKind,
  revokedKinds,
} from "./blackout.ts";
import {
  idForm,
  loginDigest,
  subjectDigest,
  subjectHash,
  subjectHashNow,
  tokenDigest,
  tokenHash,
} from "./identifiers.ts";
import { readBody } from "./request-body.ts";
import { entryName, type LoggedRevocation, type Revocation, type RevocationKind } from "./revocation.ts";
import { type RevocationNote, reasonSchema } from "./revocation-note.ts";
import { type Acting, fromStore, type SessionContext, type SessionRequest } from "./session-context.ts";

/** `until` of entries that last until they are lifted: the end of the year 9999. */
export const never = unixSeconds(253_402_300_799);

const sessionIdForm = "Give a session's id as its start returned it: 22 characters of A-Z a-z 0-9 - _.";

const name = z.string().min(1, "Give a name.").max(512, "At most 512 characters.");
export const revocationBodySchema = z
  .strictObject({
    session: z
      .string()
      .regex(idForm, sessionIdForm)
      .optional()
      .describe("A playback session's id: 22 characters of base64url."),
    subject: z
      .strictObject({ issuer: name, subject: name })
      .optional()
      .describe("A viewer: their sessions and tokens so far."),
    asset: assetIdSchema.optional(),
    blackout: blackoutBodySchema.optional(),
    token: z
      .strictObject({ issuer: name, jti: name })
      .optional()
      .describe("A token, and the sessions that it has started."),
    login: z
      .strictObject({ issuer: name, sid: name })
      .optional()
      .describe("A session of sign-in, as sign-out does it."),
    key: z
      .string()
      .min(1)
      .max(64)
      .optional()
      .describe("The kid of a key of sessions, operators or backends that has leaked."),
    until: z
      .number()
      .refine(isUnixSeconds, "Give Unix seconds, a whole number.")
      .optional()
      .describe(
        "Unix seconds in the future: until when, at least until the longest session has ended. Without it a session is revoked until then, and everything else until it is lifted.",
      ),
    reason: reasonSchema
      .optional()
      .describe("Why, in one line for other operators. It is kept with the name of the operator."),
    entry: z
      .strictObject({ kind: z.enum(revokedKinds), value: name.max(256) })
      .optional()
      .describe("With lift: an entry as the list of revocations has it."),
    lift: z.boolean().default(false).describe("Takes the revocation back."),
  })
  // Another text is no kid of a ring. An earlier release accepted one, so it can be lifted.
  .refine((body) => body.lift || body.key === undefined || kidSchema.safeParse(body.key).success, {
    path: ["key"],
    message: "A kid is 1 to 64 characters of A-Z a-z 0-9 . _ - (npx stagedoor keys list shows those of the ring).",
  })
  .refine((body) => kindsOf(body).length === 1, "Name one of session, subject, asset, token, login, key and blackout.")
  .refine((body) => body.lift || body.blackout === undefined || body.blackout.places !== undefined, {
    path: ["blackout", "places"],
    message: 'Name the places, such as ["US-CA", "DE"]. Only a lift may omit them.',
  })
  .refine((body) => body.entry === undefined || body.lift, {
    path: ["entry"],
    message: 'An entry can only be lifted: send "lift": true.',
  })
  // No session has a backend as its viewer, so this would refuse its credentials and end nothing that they started.
  .refine((body) => body.lift || body.subject?.issuer !== backendIssuer, {
    path: ["subject"],
    message: `A backend is no viewer. Send {"login": {"issuer": "${backendIssuer}", "sid": "<its name>"}} (npx stagedoor revoke --login <name> --issuer ${backendIssuer}): it ends the sessions that the backend started as well. Its viewers have the issuer backend:<name>, or the one that STAGEDOOR_BACKENDS maps it to.`,
  });

export type RevocationBody = z.output<typeof revocationBodySchema>;

export interface Revoked {
  readonly revoked: RevokedKind;
  /** RFC 3339 in UTC; missing after a lift. */
  readonly until?: string;
  /** False for a key that is not in the ring or an asset that is not in the catalog: possibly a misspelling. */
  readonly known?: false;
}

/**
 * `POST /operator/revocations`, for operators with the scope operator:revoke, or for a key operator:keys:
 * `{"session": id}`, `{"subject": {issuer, subject}}`, `{"asset": id}`, `{"token": {issuer, jti}}`,
 * `{"login": {issuer, sid}}`, `{"key": kid}` or
 * `{"blackout": {asset, places}}`. A subject's existing sessions and tokens end, and the viewer can sign
 * in again. A login's sessions and tokens end, as after a sign-out. An asset is withdrawn. A key, of sessions,
 * operators or backends, signs and opens nothing more, and what a backend started with it ends. An entry lasts until
 * the body's `until`, or until it is lifted; the entry of a session, and of hashes that only grants contain, expires
 * with the longest session.
 */
export async function revoke(
  request: SessionRequest,
  context: SessionContext,
): Promise<
  Result<Revoked, Refusal<(OperatorRefusal | RevocationRefusal)["code"] | "body_invalid" | "revocation_invalid">>
> {
  const body = readBody(revocationBodySchema, request.body, "revocation_invalid");
  // Revoking a key, and so everything that it signed, needs a higher scope.
  const scope: OperatorScope = body.ok && kindsOf(body.value)[0] === "key" ? "operator:keys" : "operator:revoke";
  const operator = await authorizeOperator(request, scope, context);
  if (!operator.ok) return operator;
  if (!body.ok) return body;
  const { until, lift } = body.value;
  const now = context.clock();
  // The log would keep such an entry for as long as the longest session.
  if (until !== undefined && until <= now && !lift)
    return refusal(
      "revocation_invalid",
      "until is in the past",
      `until: Give a time after now (${now}, in Unix seconds), or omit it.`,
    );
  return revokeAs({ operator: operator.value.subject, through: "route" }, body.value, context);
}

/** `revocation_unknown`: there is nothing to lift. */
type RevocationRefusal = Refusal<"revocation_unknown" | "store_unavailable">;

/** {@link revoke} for an operator whose scope was checked. Calls `context.onAct`. */
export async function revokeAs(
  who: Acting,
  body: RevocationBody,
  context: SessionContext,
): Promise<Result<Revoked, RevocationRefusal>> {
  const revoked = await revokeNow(body, context, who.operator);
  const [kind = "session"] = kindsOf(body);
  const [name] = namesOf(body, context);
  const { subject, lift } = body;
  // The hash that other log lines use for the subject.
  const id =
    (subject === undefined ? undefined : subjectHashNow(subject, context)) ?? name?.value ?? body.blackout?.asset ?? "";
  const outcome = revoked.ok ? "done" : revoked.refusal.code;
  context.onAct?.({ ...who, act: lift ? "lift" : "revoke", kind, id, outcome });
  return revoked;
}

/** {@link revokeAs} without a call of `onAct`. `author`: the operator's name, for the list of revocations. */
export async function revokeNow(
  body: RevocationBody,
  context: SessionContext,
  author = "",
): Promise<Result<Revoked, RevocationRefusal>> {
  const now = context.clock();
  const [kind = "session"] = kindsOf(body);
  const names = namesOf(body, context);
  const values = names.map(({ value }) => value);
  if (body.lift) {
    const parts = await partsOf(body, kind, context);
    if (!parts.ok) return parts;
    const lifting = Promise.all([...values, ...parts.value].map((value) => context.log.lift(storedAs(kind), value)));
    const lifted = await fromStore("the revocation log", lifting, context);
    if (!lifted.ok) return lifted;
    return lifted.value.includes(true)
      ? ok({ revoked: kind })
      : refusal("revocation_unknown", `no such ${kind} is revoked`);
  }
  const at = kind === "subject" ? lastUnaware(now, context) : now;
  const ending = (name: Name) => untilOf(body, name, now);
  const [of] = values;
  // Each place of a blackout is an entry of its own.
  const isPart = ({ value }: Name) => value !== of && kind !== "blackout";
  const noteOf = (name: Name): RevocationNote => ({ author, reason: body.reason, ...(isPart(name) && { of }) });
  const entries = names.map(
    (name): Revocation => ({
      ...{ kind: storedAs(kind), value: name.value, cause: "revoked", at },
      until: ending(name),
      note: noteOf(name),
    }),
  );
  const until = entries.map((entry) => entry.until).reduce(later);
  const added = await fromStore("the revocation log", context.log.append(entries, "operator"), context);
  if (!added.ok) return added;
  const gone = await endSignIns(body, context);
  if (!gone.ok) return gone;
  context.telemetry({ event: "revoked", kind });
  for (const sessionId of kind === "session" ? values : [])
    context.telemetry({ event: "ended", sessionId, why: "revoked" });
  return ok({ revoked: kind, until: rfc3339(until), ...((await isUnknown(body, context)) && { known: false }) });
}

/**
 * Ends a subject or login of the identity worker there as well. The log revokes existing tokens, but a running sign-in
 * session would issue new ones, which the log treats as those of a new login.
 */
async function endSignIns(
  { subject, login }: RevocationBody,
  context: SessionContext,
): Promise<Result<unknown, Refusal<"store_unavailable">>> {
  const { identity } = context;
  if (identity === undefined || (subject ?? login)?.issuer !== identity.issuer) return ok(undefined);
  const which = subject === undefined ? { sessionId: login?.sid ?? "" } : { userId: subject.subject };
  return fromStore("the identity worker", identity.end(which), context);
}

async function isUnknown(
  { asset: withdrawn, blackout, key }: RevocationBody,
  { keys, edgeKeys, operators, backends, catalog }: SessionContext,
): Promise<boolean> {
  if (key !== undefined)
    return !keys.has(key) && edgeKeys?.has(key) !== true && !isKeyOf(key, [...operators, ...backends]);
  const asset = withdrawn ?? blackout?.asset;
  const current = asset === undefined ? undefined : await catalog();
  return current?.ok === true && asset !== undefined && current.value.asset(asset) === undefined;
}

/** One of the values under which a subject, token or login is revoked. */
interface Name {
  readonly value: string;
  /** Whether only grants contain it: the last of them expires with the longest session. */
  readonly inGrants: boolean;
}

/** All values to revoke: grants contain hashes of subjects and tokens, which differ per session key. */
function namesOf(
  { session, subject, asset, token, login, key, blackout, entry }: RevocationBody,
  { keys }: SessionContext,
): Name[] {
  const named = (lasting: string, hashes: readonly string[] = []) => [
    { value: lasting, inGrants: false },
    ...hashes.map((value) => ({ value, inGrants: true })),
  ];
  const all = [...keys.values()];
  if (subject !== undefined) {
    const { issuer, subject: name } = subject;
    return named(
      subjectDigest(issuer, name),
      all.map((by) => subjectHash(by, issuer, name)),
    );
  }
  if (token !== undefined) {
    const { issuer, jti } = token;
    return named(
      tokenDigest(issuer, jti),
      all.map((by) => tokenHash(by, issuer, jti)),
    );
  }
  if (session !== undefined) return [{ value: session, inGrants: true }];
  if (login !== undefined) return named(loginDigest(login.issuer, login.sid));
  if (blackout !== undefined)
    return (blackout.places ?? []).flatMap((place) => named(blackoutValue({ asset: blackout.asset, place })));
  if (entry?.kind === "blackout") return named(blackoutValueOf(entry.value));
  return named(asset ?? key ?? entry?.value ?? "");
}

/** The valid entries that operators made. `store_unavailable`: the log does not answer. */
export async function operatorEntries(
  context: SessionContext,
): Promise<Result<readonly LoggedRevocation[], Refusal<"store_unavailable">>> {
  const found = new Map<string, LoggedRevocation>();
  for (let [cursor, page] = [0, 0]; page < mostPages; page++) {
    const delta = await fromStore("the revocation log", context.log.since(cursor, "operators"), context);
    if (!delta.ok) return delta;
    for (const entry of delta.value.entries) found.set(entryName(entry), entry);
    if (!delta.value.more) break;
    cursor = delta.value.cursor;
  }
  return ok([...found.values()]);
}

/** A bound on the questions of one request to the log. */
const mostPages = 100;

/** The values that a lift means and does not name: what was made together with an entry, and an asset's blackouts. */
async function partsOf(
  { entry: lifted, blackout }: RevocationBody,
  kind: RevokedKind,
  context: SessionContext,
): Promise<Result<readonly string[], Refusal<"store_unavailable">>> {
  const isWhole = blackout !== undefined && blackout.places === undefined;
  if (lifted === undefined && !isWhole) return ok([]);
  const entries = await operatorEntries(context);
  if (!entries.ok) return entries;
  const parts = entries.value.filter((entry) =>
    isWhole
      ? blackoutOf(entry)?.asset === blackout.asset
      : entry.kind === kind && entry.note?.of !== undefined && entry.note.of === lifted?.value,
  );
  return ok(parts.map(({ value }) => value));
}

/** The kind under which the log has an entry. */
function storedAs(kind: RevokedKind): RevocationKind {
  return kind === "blackout" ? "subject" : kind;
}

/**
 * The `until` of an entry. Only grants have a known latest expiry; tokens, assets, keys and logins may be valid for
 * ever, and a revocation by an operator must not lapse by itself. A blackout ends when its event does.
 */
function untilOf({ until, blackout }: RevocationBody, { inGrants }: Name, now: UnixSeconds): UnixSeconds {
  if (blackout !== undefined) return until ?? never;
  const last = after(now, maxSessionTtl);
  if (until !== undefined) return later(until, last);
  return inGrants ? last : never;
}

/**
 * The last moment at which a start may still use a snapshot without this entry. Grants issued until then count as
 * issued before: otherwise a viewer who keeps starting streams could keep one of them.
 */
function lastUnaware(now: UnixSeconds, { settings }: SessionContext): UnixSeconds {
  return after(now, seconds(settings.revocationMaxAge + 1));
}

interface Named extends Partial<Record<RevokedKind, unknown>> {
  readonly entry?: { readonly kind: RevokedKind } | undefined;
}

function kindsOf(body: Named): RevokedKind[] {
  const named = revokedKinds.filter((kind) => body[kind] !== undefined);
  return body.entry === undefined ? named : [...named, body.entry.kind];
}
