import * as z from "zod";
import { type Operator, type OperatorScope, operatorIssuer, operatorScopes } from "../auth/operator-token.ts";
import { readCookie } from "../auth/read-credential.ts";
import { equalInConstantTime } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { after, earlier, isUnixSeconds, seconds, type UnixSeconds } from "../base/time.ts";
import { isAccepted, keysFor } from "../keys/ring.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { operatorBehind, requireOperatorNotRevoked } from "../sessions/authorize-operator.ts";
import { loginDigest, networkName } from "../sessions/identifiers.ts";
import { withinRate } from "../sessions/request-limits.ts";
import { isKeyRevoked, type RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import { revocationsNow } from "../sessions/revocations-now.ts";
import { fromStore, type SessionRequest } from "../sessions/session-context.ts";
import { signingKeyOf } from "../sessions/start-checks.ts";
import type { PreparedSessionKey, SessionKeys } from "../signing/session-keys.ts";

/** `__Host-`: no subdomain can overwrite it (RFC 6265bis §4.1.3.2). */
export const consoleCookieName = "__Host-stagedoor.console";

/** One shift. */
const maxSession = seconds(8 * 3600);
/** The longest cookie that {@link readCookie} accepts. */
const maxValueLength = 1024;

export interface ConsoleSession {
  readonly operator: Operator;
  /** The kid of the session key that made the cookie. */
  readonly cookieKid: string;
  readonly endsAt: UnixSeconds;
  /** Its name in the revocation log: a sign-out ends copies of the cookie, too. */
  readonly login: string;
}

interface NewCookie {
  /** The Set-Cookie header. */
  readonly field: string;
  readonly endsAt: UnixSeconds;
}

/** The cookie's payload. It does not contain the credential, so a stolen cookie is useless outside the console. */
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

/** Deletes the cookie. */
export const expiredCookie = `${consoleCookieName}=; ${attributes}; Max-Age=0`;

type Keys = Pick<OperatorContext, "keys">;

/** The issuer of the console's own sessions in the revocation log. */
const consoleIssuer = "stagedoor-console";

/**
 * A cookie that lasts eight hours, and never longer than the operator's credential or the key that makes it.
 * `configuration_invalid` without an active session key; `token_invalid` for claims that do not fit into a cookie;
 * `token_expired` for an expired credential, also within the clock tolerance that other routes allow.
 */
function newCookie(
  { credential, kid }: Operator,
  now: UnixSeconds,
  snapshot: RevocationSnapshot,
  { keys, random }: Pick<OperatorContext, "keys" | "random">,
): Result<NewCookie, Refusal> {
  const signing = signingKeyOf(snapshot, now, { keys });
  if (!signing.ok) return signing;
  const key = signing.value;
  const ends = [credential.expiresAt, key.exp].filter(isUnixSeconds);
  const endsAt = ends.reduce(earlier, after(now, maxSession));
  if (endsAt <= now) return refusal("token_expired", "the operator's credential has expired");
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
  if (value.length > maxValueLength) return refusal("token_invalid", "the operator's claims are too long for a cookie");
  const field = `${consoleCookieName}=${value}; ${attributes}; Max-Age=${endsAt - now}`;
  return ok({ field, endsAt });
}

/**
 * The session in a Cookie header, or undefined. `sign_in_required` for a cookie that this key ring did not make or that
 * has expired. Revocations are not checked.
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
  const key = consoleKeyOf(text, mac, now, keys);
  if (key === undefined || more.length > 0) return refusal("sign_in_required", "the console's cookie is not authentic");
  const payload = payloadOf(text);
  if (payload === undefined) return refusal("sign_in_required", "the console's cookie is of another version");
  const { sub, jti, iat, scp, kid, sid, exp } = payload;
  if (now >= exp) return refusal("sign_in_required", "the console session has expired");
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
  return ok({ operator: { credential, kid }, cookieKid: key.kid, endsAt: exp, login: loginDigest(consoleIssuer, sid) });
}

/** The session key that made a text's MAC for the console; undefined if no accepted key did. */
export function consoleKeyOf(
  text: string,
  mac: string,
  now: UnixSeconds,
  keys: SessionKeys,
): PreparedSessionKey | undefined {
  return [...keys.values()].find(
    (key) => isAccepted(key, now) && equalInConstantTime(key.console.base64url(text), mac),
  );
}

/** For authentic text only; undefined if another version of this service wrote it. */
function payloadOf(text: string): z.output<typeof payloadSchema> | undefined {
  return payloadSchema.safeParse(JSON.parse(new TextDecoder().decode(decodeBase64url(text)))).data;
}

/**
 * Exchanges a credential with the scope operator:read for the console's cookie. Failed attempts are counted per
 * network, and above the limit refused with `rate_limited`. A valid credential is always accepted.
 */
export async function signIn(request: SessionRequest, context: OperatorContext): Promise<Result<NewCookie, Refusal>> {
  const { refusedRateAddress } = context.settings;
  const policy = refusedRateAddress && { ...refusedRateAddress, name: "refused-console" };
  // The credential is verified with the ring's own keys, so a valid one needs no limit: neighbours cannot lock the
  // operator out.
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
 * The signed-in session, or undefined without a cookie. Every request checks again that the operator's token, its key
 * and the key of the cookie are not revoked, and that the operator has not signed out. The refusals of
 * {@link readConsoleSession}, `token_revoked`, `sign_in_required`, `store_unavailable`.
 */
export async function currentSession(
  cookies: string | null,
  request: SessionRequest,
  context: OperatorContext,
): Promise<Result<ConsoleSession | undefined, Refusal>> {
  const now = context.clock();
  const session = readConsoleSession(cookies, now, context);
  if (!session.ok || session.value === undefined) return session;
  const { operator, cookieKid, login } = session.value;
  if (!keysFor(context.ring, "operator").some((key) => key.kid === operator.kid && isAccepted(key, now)))
    return refusal("token_revoked", "the key that signed the operator's credential is no longer in the ring");
  const allowed = await requireOperatorNotRevoked(operator, request, context);
  if (!allowed.ok) return allowed;
  const snapshot = await revocationsNow(request, context);
  if (!snapshot.ok) return snapshot;
  if (snapshot.value.entries.login.has(login))
    return refusal("sign_in_required", "the operator has signed out of this console session");
  // A leaked session key can make cookies.
  return isKeyRevoked(snapshot.value, cookieKid)
    ? refusal("token_revoked", "the session key that made the console's cookie was revoked")
    : session;
}

/**
 * Ends the session of a cookie, and of all copies of it, within two seconds. An invalid cookie has nothing to end.
 * `store_unavailable` if the revocation log is down, because copies would stay valid.
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

/** `scope_insufficient`. */
export function hasScope({ credential }: Operator, scope: OperatorScope): Result<undefined, Refusal> {
  if (credential.scopes.has(scope)) return ok(undefined);
  return refuse({ code: "scope_insufficient", reason: `the operator lacks ${scope}`, scope });
}
