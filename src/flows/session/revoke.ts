import * as z from "zod";
import { decodeBase64url } from "../../base/base64url.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result, refuse } from "../../base/result.ts";
import { after, isUnixSeconds, later, rfc3339, seconds, type UnixSeconds, unixSeconds } from "../../base/seconds.ts";
import { assetIdSchema } from "../../catalog/asset.ts";
import { verifyJwt } from "../../credential/verify-jwt.ts";
import type { Revocation, RevocationKind } from "../../sessions/revocation.ts";
import { subjectHash, tokenHash } from "../../signing/grant.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { lastingSubject, lastingToken } from "./lasting-names.ts";
import { nothingForbids } from "./revocations-now.ts";
import { fromStore } from "./store-failure.ts";

/** The scope that an operator's bearer token needs. */
export const revokeScope = "stagedoor:revoke";

/** No session lasts longer (the catalog's greatest `session`). */
const longestSession = seconds(604_800);
/** The end of entries of what does not end by itself: a withdrawn asset or key must not come back unasked. */
const never = unixSeconds(253_402_300_799);

const name = z.string().min(1).max(512);
const bodySchema = z
  .strictObject({
    session: z
      .string()
      .refine((id) => decodeBase64url(id)?.length === 16)
      .optional(),
    subject: z.strictObject({ issuer: name, subject: name }).optional(),
    asset: assetIdSchema.optional(),
    token: z.strictObject({ issuer: name, jti: name }).optional(),
    key: z.string().min(1).max(64).optional(),
    /** Unix seconds: until when, where that is later than the last session that can be running ends. */
    until: z.number().refine(isUnixSeconds).optional(),
    /** Takes the revocation back. */
    lift: z.boolean().default(false),
  })
  .refine((body) => kindsOf(body).length === 1, "name one of session, subject, asset, token and key");

type Body = z.output<typeof bodySchema>;

export interface Revoked {
  readonly revoked: RevocationKind;
  /** RFC 3339 in UTC; left out where it was lifted. */
  readonly until?: string;
  /** False for a key that is not in the ring, and an asset that is not in the catalog: perhaps it was misspelt. */
  readonly known?: false;
}

/**
 * `POST /revocations`, for operators: `{"session": id}`, `{"subject": {issuer, subject}}`, `{"asset": id}`, `{"token":
 * {issuer, jti}}` or `{"key": kid}`. A subject's sessions and tokens that were given out so far are ended, and he may log in
 * again; an asset is withdrawn; a key signs and opens nothing more. An entry lives as long as what it forbids: for an asset
 * and a key, where the body does not say, until it is lifted.
 */
export async function revoke(request: SessionRequest, context: SessionContext): Promise<Result<Revoked, Refusal>> {
  const now = context.clock();
  const presented = request.credential.read();
  if (!presented.ok) return presented;
  if (presented.value.is !== "bearer") return refusal("token_missing", "an operator sends a bearer token");
  const operator = await verifyJwt(presented.value.token, context.operators, now);
  if (!operator.ok) return operator;
  if (!operator.value.scopes.has(revokeScope))
    return refuse({ code: "scope_insufficient", reason: `the token lacks ${revokeScope}`, scope: revokeScope });
  // Else an operator whose token was revoked would take that back with it.
  const standing = await nothingForbids(operator.value, undefined, request, context);
  if (!standing.ok) return standing;
  const body = readBody(request.body);
  if (!body.ok) return body;
  const [kind = "session"] = kindsOf(body.value);
  const values = await valuesOf(body.value, context);
  if (body.value.lift) {
    const lifting = Promise.all(values.map((value) => context.log.lift(kind, value)));
    const lifted = await fromStore("the revocation log", lifting, context);
    if (!lifted.ok) return lifted;
    return lifted.value.includes(true)
      ? ok({ revoked: kind })
      : refusal("revocation_unknown", `no such ${kind} is revoked`);
  }
  const until = untilOf(body.value, now);
  const at = kind === "subject" ? lastUnaware(now, context) : now;
  const entries = values.map((value): Revocation => ({ kind, value, cause: "revoked", at, until }));
  const added = await fromStore("the revocation log", context.log.append(entries), context);
  if (!added.ok) return added;
  return ok({ revoked: kind, until: rfc3339(until), ...((await isUnknown(body.value, context)) && { known: false }) });
}

async function isUnknown({ asset, key }: Body, { keys, catalog }: SessionContext): Promise<boolean> {
  if (key !== undefined) return !keys.has(key);
  const found = asset === undefined ? undefined : await catalog();
  return found?.ok === true && asset !== undefined && found.value.asset(asset) === undefined;
}

/** Under every name that the thing has: a grant names subjects and tokens by hashes that differ with its key. */
async function valuesOf({ session, subject, asset, token, key }: Body, { keys }: SessionContext): Promise<string[]> {
  if (subject !== undefined) {
    const { issuer, subject: name } = subject;
    const hashes = [...keys.values()].map((by) => subjectHash(by, issuer, name));
    return [await lastingSubject(issuer, name), ...hashes];
  }
  if (token !== undefined) {
    const { issuer, jti } = token;
    return [await lastingToken(issuer, jti), ...[...keys.values()].map((by) => tokenHash(by, issuer, jti))];
  }
  return [session ?? asset ?? key ?? ""];
}

function untilOf({ until, asset, key }: Body, now: UnixSeconds): UnixSeconds {
  const last = after(now, longestSession);
  if (until !== undefined) return later(until, last);
  return asset === undefined && key === undefined ? last : never;
}

/**
 * The last moment in which a start may not have heard of an entry that is made now. What is given out till then counts as
 * given out before: else who starts streams without pause would keep one that nothing ends.
 */
function lastUnaware(now: UnixSeconds, { settings }: SessionContext): UnixSeconds {
  return after(now, seconds(settings.revocationMaxAge + 1));
}

function kindsOf(body: Partial<Record<RevocationKind, unknown>>): RevocationKind[] {
  const kinds: readonly RevocationKind[] = ["session", "subject", "asset", "token", "key"];
  return kinds.filter((kind) => body[kind] !== undefined);
}

function readBody(text: string | undefined): Result<Body, Refusal> {
  try {
    const parsed = bodySchema.safeParse(JSON.parse(text ?? ""));
    if (parsed.success) return ok(parsed.data);
  } catch {
    // Not JSON: told below, with all else that is no revocation.
  }
  return refusal("revocation_invalid", "the body names no session, subject, asset, token or key to revoke");
}
