import * as z from "zod";
import { type Operator, type OperatorScope, operatorIssuer, operatorScopes } from "../auth/operator-token.ts";
import { readCookie } from "../auth/read-credential.ts";
import { equalInConstantTime } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, isUnixSeconds, seconds, type UnixSeconds } from "../base/time.ts";
import { isAccepted, keysFor, signingKey } from "../keys/ring.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { operatorBehind, requireNotRevoked } from "../sessions/authorize-operator.ts";
import { loginDigest, networkName } from "../sessions/identifiers.ts";
import { withinRate } from "../sessions/request-limits.ts";
import { isKeyRevoked, type RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { revocationsNow } from "../sessions/revocations-now.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";

/** `__Host-`: no subdomain can put another one in its place (RFC 6265bis §4.1.3.2). */
export const consoleCookieName = "__Host-stagedoor.console";

/** A night's work: an operator signs in anew in the morning. */
const longestSession = seconds(8 * 3600);
/** As long as a cookie may be that {@link readCookie} takes. */
const longestValue = 1024;

/** An operator who is signed in to the console. */
export interface ConsoleSession {
  readonly operator: Operator;
  /** The session key that its cookie was made with. */
  readonly by: string;
  readonly endsAt: UnixSeconds;
  /** What its end is written down under in the log of revocations: a sign-out ends copies of the cookie too. */
  readonly login: string;
}

interface NewCookie {
  /** The field Set-Cookie. */
  readonly field: string;
  readonly endsAt: UnixSeconds;
}

/** What the cookie says. It never holds the credential: whoever reads the cookie can do nothing with it elsewhere. */
const payloadSchema = z.strictObject({
  sub: z.string(),
  jti: z.string().optional(),
  iat: z.number().refine(isUnixSeconds).optional(),
  scp: z.array(z.enum(operatorScopes)),
  kid: z.string(),
  sid: z.string(),
  exp: z.number().refine(isUnixSeconds),
});

const attributes = "Path=/; HttpOnly; Secure; SameSite=Strict";

/** What takes the cookie away. */
export const noCookie = `${consoleCookieName}=; ${attributes}; Max-Age=0`;

type Keys = Pick<OperatorContext, "keys">;

/** The name of the console's own sessions in the log of revocations, beside those of issuers' logins. */
const consoleIssuer = "stagedoor-console";

/**
 * The cookie of an operator who has signed in: for eight hours, never past his credential's end, nor past that of the key
 * that it is made with. `configuration_invalid` where no session key is in use, `token_invalid` for claims too long to carry,
 * `token_expired` for a credential that has ended, though clocks that differ would still let it pass elsewhere.
 */
function newCookie(
  { credential, kid }: Operator,
  now: UnixSeconds,
  snapshot: RevocationSnapshot,
  { keys, random }: Pick<OperatorContext, "keys" | "random">,
): Result<NewCookie, Refusal> {
  const key = signingKey(
    [...keys.values()].filter((candidate) => !isKeyRevoked(snapshot, candidate.kid)),
    now,
  );
  if (key === undefined) return refusal("configuration_invalid", "no session key is in use to make a cookie with");
  const ends = [credential.expiresAt, key.exp].filter(isUnixSeconds);
  const endsAt = ends.reduce(earlier, after(now, longestSession));
  if (endsAt <= now) return refusal("token_expired", "the operator's credential has ended");
  const payload: z.input<typeof payloadSchema> = {
    sub: credential.subject,
    ...(credential.tokenId !== undefined && { jti: credential.tokenId }),
    ...(credential.issuedAt !== undefined && { iat: credential.issuedAt }),
    scp: operatorScopes.filter((scope) => credential.scopes.has(scope)),
    kid,
    sid: encodeBase64url(random(16)),
    exp: endsAt,
  };
  const text = encodeBase64url(new TextEncoder().encode(JSON.stringify(payload)));
  const value = `${text}.${key.console.base64url(text)}`;
  if (value.length > longestValue) return refusal("token_invalid", "the operator's claims are too long for a cookie");
  const field = `${consoleCookieName}=${value}; ${attributes}; Max-Age=${endsAt - now}`;
  return ok({ field, endsAt });
}

/**
 * The session of a Cookie header, as far as the cookie itself goes; undefined where none came. `sign_in_required` for one that
 * this ring did not make, and for one that has ended. Whether it was revoked is for who asks the log.
 */
function readConsoleSession(
  header: string | null,
  now: UnixSeconds,
  { keys }: Keys,
): Result<ConsoleSession | undefined, Refusal> {
  const cookie = readCookie(header, consoleCookieName);
  if (!cookie.ok) return cookie;
  if (cookie.value === undefined) return ok(undefined);
  const [text = "", mac = "", ...more] = cookie.value.slice(consoleCookieName.length + 1).split(".");
  const key = [...keys.values()].find(
    (candidate) => isAccepted(candidate, now) && equalInConstantTime(candidate.console.base64url(text), mac),
  );
  if (key === undefined || more.length > 0) return refusal("sign_in_required", "the console's cookie is not authentic");
  const payload = payloadOf(text);
  if (payload === undefined) return refusal("sign_in_required", "the console's cookie is of another version");
  const { sub, jti, iat, scp, kid, sid, exp } = payload;
  if (now >= exp) return refusal("sign_in_required", "the console's session has ended");
  const credential = {
    issuer: operatorIssuer,
    subject: sub,
    scopes: new Set<string>(scp),
    assets: new Set<string>(),
    expiresAt: exp,
    issuedAt: iat,
    tokenId: jti,
    loginId: undefined,
    streams: undefined,
  };
  return ok({ operator: { credential, kid }, by: key.kid, endsAt: exp, login: loginDigest(consoleIssuer, sid) });
}

/** Of an authentic text alone; undefined where another version of this service wrote it. */
function payloadOf(text: string): z.output<typeof payloadSchema> | undefined {
  return payloadSchema.safeParse(JSON.parse(new TextDecoder().decode(decodeBase64url(text)))).data;
}

/**
 * Trades the credential that a request presents for the console's cookie. It has to hold as for any route of operators, with
 * the scope operator:read. Attempts that fail are counted by network, and further ones are refused `rate_limited`, which says
 * nothing of the credential. A good one is accepted whatever came before it.
 */
export async function signIn(request: SessionRequest, context: OperatorContext): Promise<Result<NewCookie, Refusal>> {
  const { refusedRateAddress } = context.settings;
  const policy = refusedRateAddress && { ...refusedRateAddress, name: "refused-console" };
  // The ring's own keys judge it, so a good one is never limited: neighbours cannot lock the operator out.
  const operator = await operatorBehind(request, "operator:read", context);
  if (!operator.ok) {
    if (operator.refusal.code === "store_unavailable") return operator;
    const counted = await withinRate(policy, networkName(request.client.address), request, context);
    return counted.ok ? operator : counted;
  }
  const snapshot = await revocationsNow(request, context);
  return snapshot.ok ? newCookie(operator.value, context.clock(), snapshot.value, context) : snapshot;
}

/**
 * Who is signed in, undefined where no cookie came. The cookie is no credential that lives by itself: each request looks again
 * whether the operator's token, his key and the key that made the cookie still stand, and whether he has signed out. What
 * {@link readConsoleSession} refuses, `token_revoked`, `sign_in_required`, `store_unavailable`.
 */
export async function whoIsSignedIn(
  cookies: string | null,
  request: SessionRequest,
  context: OperatorContext,
): Promise<Result<ConsoleSession | undefined, Refusal>> {
  const now = context.clock();
  const session = readConsoleSession(cookies, now, context);
  if (!session.ok || session.value === undefined) return session;
  const { operator, by, login } = session.value;
  if (!keysFor(context.ring, "operator").some((key) => key.kid === operator.kid && isAccepted(key, now)))
    return refusal("token_revoked", "the key that signed the operator's credential is not in the ring any more");
  const standing = await requireNotRevoked(operator, request, context);
  if (!standing.ok) return standing;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  if (snapshot.value.entries.login.has(login))
    return refusal("sign_in_required", "the operator has signed out of this session of the console");
  // Who holds a leaked session key can make cookies with it.
  return isKeyRevoked(snapshot.value, by)
    ? refusal("token_revoked", "the session key that made the console's cookie was revoked")
    : session;
}

/**
 * Ends the session of a cookie: whoever has a copy of it is signed out as well, within two seconds. A cookie that is none is
 * nothing to end. `store_unavailable` where the log does not answer: then a copy would go on to its end.
 */
export async function signOut(cookies: string | null, context: OperatorContext): Promise<Result<undefined, Refusal>> {
  const at = context.clock();
  const session = readConsoleSession(cookies, at, context);
  if (!session.ok || session.value === undefined) return ok(undefined);
  const { login, endsAt } = session.value;
  const entry = { kind: "login", value: login, cause: "revoked", at, until: endsAt } as const;
  const added = await fromStore("the revocation log", context.log.append([entry], "operator"), context);
  return added.ok ? ok(undefined) : added;
}

/** Whether an operator may do this; `scope_insufficient`. */
export function hasScope({ credential }: Operator, scope: OperatorScope): Result<undefined, Refusal> {
  if (credential.scopes.has(scope)) return ok(undefined);
  return refuse({ code: "scope_insufficient", reason: `the operator lacks ${scope}`, scope });
}
