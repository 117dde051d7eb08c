import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { inTime, isUnixSeconds, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Credential, Presented } from "./credential.ts";
import { prefixOf, type TokenSources } from "./trusted-issuers.ts";

/** The bound identity worker. */
export interface IdentitySource {
  /** The issuer of its sessions and tokens: the API's own address. */
  readonly issuer: string;
  readonly sessions: IdentitySessions;
  readonly end: EndSignIns;
  readonly findUser: FindUser;
}

/** The scopes of every sign-in session. */
const scopes: ReadonlySet<string> = new Set(["stream:play"]);

/** How long a viewer waits for the identity worker. */
const identityTimeout = seconds(5);

/** 32 letters or digits; optionally a dot and better-auth's HMAC-SHA256 in base64, plain or URL-encoded. */
const identityToken = /^[A-Za-z0-9]{32}(?:\.(?:[A-Za-z0-9+/]|%2[BbFf]){43}(?:=|%3[Dd]))?$/;

/** The identity worker, as the one to ask about a token. */
export interface TokenOwner {
  readonly identity: IdentitySource;
  /**
   * Whether a token that it does not know may be a provider's, since 32 letters and digits may also be a token of a
   * provider whose tokens have no prefix. A signed token can only be the identity worker's.
   */
  readonly orProvider: boolean;
}

/** The identity worker, if a token has the form of its tokens and not the prefix of a provider's. */
export function identityFor(
  token: string,
  { identity, issuers }: TokenSources & { readonly identity?: IdentitySource | undefined },
): TokenOwner | undefined {
  if (identity === undefined || !identityToken.test(token)) return undefined;
  const prefix = prefixOf(token, { issuers });
  if (prefix) return undefined;
  return { identity, orProvider: prefix !== undefined && !token.includes(".") };
}

export type SignInRefusal = Refusal<"sign_in_required" | "token_invalid" | "store_unavailable">;

/**
 * The credential of a sign-in session, by its cookie or its opaque token. If the session does not exist or has ended, a
 * browser gets `sign_in_required` and a client gets `token_invalid`. The answer is not cached beyond the request, so
 * changes to a user apply at once.
 */
export async function identityCredential(
  presented: Presented,
  { issuer, sessions }: IdentitySource,
  timer: Timer,
  now: UnixSeconds,
  use: SessionUse = "use",
): Promise<Result<Credential, SignInRefusal>> {
  const session = await sessionInTime((one) => sessions(one, use), presented, timer);
  if (session === "silent") return refusal("store_unavailable", "the identity worker did not answer");
  const expiresAt: unknown = session === undefined ? undefined : Math.floor(session.expiresAt / 1000);
  const issuedAt: unknown = session === undefined ? undefined : Math.floor(session.createdAt / 1000);
  if (session === undefined || !isUnixSeconds(expiresAt) || !isUnixSeconds(issuedAt) || expiresAt <= now)
    return presented.kind === "cookie"
      ? refusal("sign_in_required", "the cookie belongs to no active sign-in session")
      : refusal("token_invalid", "the token belongs to no active sign-in session");
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

async function sessionInTime(
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

/** A sign-in session as the identity worker describes it. */
export interface IdentitySession {
  readonly sessionId: string;
  readonly userId: string;
  /** Both are in milliseconds. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The asset ids that the user may open, or "*". */
  readonly assets: readonly string[] | "*";
  readonly streams: number | undefined;
}

/**
 * The port to the identity worker: the session of an opaque token or a cookie, or undefined if there is none. `use`
 * prolongs the session. It rejects if the worker does not answer.
 */
export type IdentitySessions = (presented: Presented, use?: SessionUse) => Promise<IdentitySession | undefined>;

/** `look` is an operator's request for information. It does not prolong the session. */
type SessionUse = "use" | "look";

/** All sign-in sessions of a user, or one session. */
export type SignIns = { readonly userId: string } | { readonly sessionId: string };

/**
 * The port that ends sign-in sessions where they are stored, with their refresh tokens and access tokens; a remaining
 * refresh token could get new tokens. It rejects if that failed.
 */
export type EndSignIns = (which: SignIns) => Promise<void>;

/** The port that finds the id of the user with an e-mail address; undefined if there is none. It rejects if that failed. */
export type FindUser = (email: string) => Promise<string | undefined>;
