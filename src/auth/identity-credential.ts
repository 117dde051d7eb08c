import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { inTime, isUnixSeconds, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Credential, Presented } from "./credential.ts";

/** The identity worker, where one is bound. */
export interface IdentitySource {
  /** What its sessions and tokens name as their issuer: the API's own address. */
  readonly issuer: string;
  readonly sessions: IdentitySessions;
  readonly end: EndSignIns;
}

/** What a signed-in user may do by a session alone. */
const scopes: ReadonlySet<string> = new Set(["stream:play"]);

/** How long a viewer waits for the identity worker. */
const identityTimeout = seconds(5);

/** 32 letters or digits, and better-auth's HMAC-SHA256 behind a dot, in base64 as it is or URL-encoded. */
const identityToken = /^[A-Za-z0-9]{32}(?:\.(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd]))?$/;

/** Whether an opaque token has the form of those that the identity worker gives out. */
export function isIdentityToken(token: string): boolean {
  return identityToken.test(token);
}

/** Whether such a token carries the identity worker's signature: then it can be nobody else's. */
export function isSigned(token: string): boolean {
  return token.includes(".");
}

/**
 * The credential of a session of sign-in, by its cookie or its opaque token. Where there is no such session (any more), a
 * browser is told to sign in (`sign_in_required`) and a client to get a new token (`token_invalid`); `store_unavailable`
 * where the identity worker does not answer. Its answer is never kept beyond the request, so a changed user is seen at once.
 */
export async function identityCredential(
  presented: Presented,
  { issuer, sessions }: IdentitySource,
  timer: Timer,
  now: UnixSeconds,
  use: SessionUse = "use",
): Promise<Result<Credential, Refusal>> {
  const session = await asked((one) => sessions(one, use), presented, timer);
  if (session === "silent") return refusal("store_unavailable", "the identity worker did not answer");
  const expiresAt: unknown = session === undefined ? undefined : Math.floor(session.expiresAt / 1000);
  const issuedAt: unknown = session === undefined ? undefined : Math.floor(session.createdAt / 1000);
  if (session === undefined || !isUnixSeconds(expiresAt) || !isUnixSeconds(issuedAt) || expiresAt <= now)
    return presented.is === "cookie"
      ? refusal("sign_in_required", "the cookie is of no session of sign-in that is running")
      : refusal("token_invalid", "the token is of no session of sign-in that is running");
  return ok({
    issuer,
    subject: session.userId,
    scopes,
    assets: session.assets === "*" ? "*" : new Set(session.assets),
    expiresAt,
    issuedAt,
    tokenId: undefined,
    loginId: session.sessionId,
    streams: session.streams,
  });
}

async function asked(
  sessions: IdentitySessions,
  presented: Presented,
  timer: Timer,
): Promise<IdentitySession | undefined | "silent"> {
  try {
    const session = await inTime(sessions(presented), identityTimeout, timer);
    return session === "late" ? "silent" : session;
  } catch {
    return "silent";
  }
}

/** A session of sign-in as the identity worker answers for it. */
export interface IdentitySession {
  readonly sessionId: string;
  readonly userId: string;
  /** Milliseconds, both. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** What the user may open: asset ids, or "*". */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/**
 * The port to the identity worker: the session behind an opaque bearer token or a cookie, prolonged by a use of it, or
 * undefined where there is none (any more). It rejects where the worker does not answer.
 */
export type IdentitySessions = (presented: Presented, use?: SessionUse) => Promise<IdentitySession | undefined>;

/** `look`: an operator asks how it stands, which is no use of it and prolongs nothing. */
type SessionUse = "use" | "look";

/** Which sessions of sign-in: all that a user has, or one. */
export type SignIns = { readonly userId: string } | { readonly sessionId: string };

/**
 * The port that ends sessions of sign-in where they are kept, with their refresh tokens and all that they gave out: else who
 * holds one would get new tokens from it. It rejects where that was not done.
 */
export type EndSignIns = (which: SignIns) => Promise<void>;
