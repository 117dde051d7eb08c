import { matchesOrigin } from "../base/origins.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { CredentialKind, Telemetry } from "../metrics/telemetry.ts";
import type { Credential, Presented, ProofReplay, VerifiedToken } from "./credential.ts";
import { type BindingContext, holdsBinding, type Proof } from "./dpop.ts";
import { type IdentitySource, identityCredential, isIdentityToken, isSigned } from "./identity-credential.ts";
import type { BeforeAsking } from "./introspection.ts";
import { type CredentialAsked, readPresented } from "./read-credential.ts";
import { forgetToken, prefixOf, type TokenSources, verifyToken } from "./trusted-issuers.ts";

/**
 * The credential of one request. Reading it and validating it are two things: what was presented is known at once and
 * believed by nobody; whether it holds may take a question to somebody else, and is asked once a request, however many
 * parts of it ask, at the same time or later.
 */
export interface RequestCredential {
  read(): Result<Presented, Refusal>;
  /** `before` is called before somebody else is asked; what it refuses, the credential is refused for. */
  validate(before?: BeforeAsking): Promise<Result<Credential, Refusal>>;
  /** Forgets the answer, here and in what is kept between requests: who asks next sees a user as he is by then. */
  invalidate(): void;
}

/** The credential of a request. */
export function credentialOf(asked: CredentialAsked, sources: CredentialSources): RequestCredential {
  let presented: Result<Presented, Refusal> | undefined;
  let answer: Promise<Result<Credential, Refusal>> | undefined;
  let firstUse: Promise<boolean> | undefined;
  const read = () => {
    presented ??= readPresented(asked, sources.identity !== undefined);
    return presented;
  };
  // A proof that is looked at again, after the answer was forgotten, is this request's own and no replay.
  const once = ({ jkt, jti, until }: Proof) => {
    firstUse ??= sources.proofs.firstUse(jkt, jti, until);
    return firstUse;
  };
  const validate = async (before?: BeforeAsking) => {
    const found = read();
    const validated = found.ok ? await validatePresented(found.value, asked, sources, once, before) : found;
    const by = found.ok ? kindOf(found.value, sources) : "none";
    sources.telemetry({ event: "validated", by, outcome: validated.ok ? "accepted" : validated.refusal.code });
    return validated;
  };
  return {
    read,
    validate: (before) => {
      answer ??= validate(before);
      return answer;
    },
    invalidate: () => {
      answer = undefined;
      const found = read();
      if (found.ok && found.value.is !== "cookie") forgetToken(found.value.token, sources);
    },
  };
}

/** What credentials are validated with, made once an isolate. */
export interface CredentialSources extends TokenSources {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly site: Site;
  /** The identity worker, where one is bound: without it there are no session cookies. */
  readonly identity: IdentitySource | undefined;
  readonly proofs: ProofReplay;
  readonly telemetry: Telemetry;
}

const nothingBefore: BeforeAsking = async () => ok(undefined);

/** What no session of sign-in is: bound to a key. */
const unbound = { jkt: undefined, dpop: "optional" } as const satisfies Partial<VerifiedToken>;

/**
 * Whether what was presented holds: a cookie's Origin before anybody is asked about it, a token before the key that it is
 * bound to. The refusals are those of {@link mayUseCookie}, {@link identityCredential}, {@link holdsBinding} and of the
 * verification of tokens.
 */
async function validatePresented(
  presented: Presented,
  asked: CredentialAsked,
  sources: CredentialSources,
  firstUse: BindingContext["firstUse"],
  before: BeforeAsking = nothingBefore,
): Promise<Result<Credential, Refusal>> {
  const { identity, timer, site } = sources;
  const now = sources.clock();
  if (presented.is === "cookie") {
    const allowed = mayUseCookie(asked.method, asked.headers.get("Origin"), site);
    if (!allowed.ok) return allowed;
    if (identity === undefined) return refusal("token_missing", "a cookie came, and no identity worker is bound");
    const mayAsk = await before();
    return mayAsk.ok ? identityCredential(presented, identity, timer, now) : mayAsk;
  }
  const context = { now, timer, apiUrl: site.apiUrl, firstUse };
  const { token } = presented;
  const prefix = prefixOf(token, sources);
  if (identity !== undefined && isIdentityToken(token) && !prefix) {
    const binding = await holdsBinding(presented, unbound, asked, context);
    const allowed = binding.ok ? await before() : binding;
    const session = allowed.ok ? await identityCredential(presented, identity, timer, now) : allowed;
    const elsewhere = prefix !== undefined && !isSigned(token);
    if (session.ok || session.refusal.code !== "token_invalid" || !elsewhere) return session;
    // 32 letters and digits may be a token of the provider's as well, whose tokens no prefix tells from ours.
  }
  const verified = await verifyToken(token, presented.form, sources, now, before);
  if (!verified.ok) return verified;
  const bound = await holdsBinding(presented, verified.value, asked, context);
  return bound.ok ? ok(verified.value.credential) : bound;
}

/** What was presented, as telemetry counts it. */
function kindOf(presented: Presented, sources: CredentialSources): CredentialKind {
  if (presented.is === "cookie") return "cookie";
  if (presented.form === "jws") return "jwt";
  const ours =
    sources.identity !== undefined && isIdentityToken(presented.token) && !prefixOf(presented.token, sources);
  return ours ? "identity" : "introspected";
}

/** Where the API stands, and which other sites may use its cookie. */
export interface Site {
  /** Scheme, host and port (STAGEDOOR_API_URL); undefined where it is not configured. */
  readonly apiUrl: string | undefined;
  /** Patterns of origins (STAGEDOOR_ORIGINS), such as `https://*.example.com`. */
  readonly origins: readonly string[];
}

/** Whose page sends a request: the site's own, one that is trusted beside it, or any other, which a missing Origin is too. */
export function standingOf(origin: string | null, { apiUrl, origins }: Site): "own" | "trusted" | "foreign" {
  if (origin === null) return "foreign";
  if (apiUrl !== undefined && origin === new URL(apiUrl).origin) return "own";
  return origins.some((pattern) => matchesOrigin(origin, pattern)) ? "trusted" : "foreign";
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a cookie may be taken with a request: browsers add it to what any site makes them send, so that a method that
 * changes something (RFC 9110 §9.2.1) needs an Origin of the site or one that it trusts, else `origin_untrusted`. All
 * browsers send Origin with such methods; one that leaves it out, or writes `null`, is no browser on a page that we know.
 */
export function mayUseCookie(method: string, origin: string | null, site: Site): Result<undefined, Refusal> {
  if (safeMethods.has(method) || standingOf(origin, site) !== "foreign") return ok(undefined);
  return refusal("origin_untrusted", "a cookie came with an unsafe method and no Origin that is trusted");
}
