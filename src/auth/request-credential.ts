import { matchesOrigin } from "../base/origins.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Clock, Timer } from "../base/time.ts";
import type { CredentialKind, Telemetry } from "../metrics/telemetry.ts";
import { isBackendToken } from "./backend-token.ts";
import type { Credential, Presented, ProofReplay, TokenRefusal, VerifiedToken } from "./credential.ts";
import { type BindingContext, type BindingRefusal, checkBinding, type Proof } from "./dpop.ts";
import { type IdentitySource, identityCredential, identityFor } from "./identity-credential.ts";
import type { BeforeAsking } from "./introspection.ts";
import { isOperatorToken } from "./operator-token.ts";
import type { RateRefusal } from "./rate-limit.ts";
import { type CredentialRequest, type PresentedRefusal, readPresented } from "./read-credential.ts";
import { forgetToken, type TokenSources, verifyToken } from "./trusted-issuers.ts";

/**
 * The credential of one request. `read` parses it at once and verifies nothing. `validate` may ask another service; it
 * runs once per request, however many parts of the request call it, and they share the result.
 */
export interface RequestCredential {
  read(): Result<Presented, PresentedRefusal>;
  /**
   * `before` is called before another service is asked. If it refuses, the credential is refused with the same refusal.
   */
  validate(before?: BeforeAsking<RateRefusal>): Promise<Result<Credential, CredentialRefusal>>;
  /**
   * Discards the result, here and in the caches between requests, so that the next call sees the user's current state.
   */
  invalidate(): void;
}

/** The refusals of a viewer's credential, those of the rate limit before a call to another service included. */
export type CredentialRefusal = Refusal<
  (PresentedRefusal | TokenRefusal | BindingRefusal | RateRefusal)["code"] | "origin_untrusted"
>;

/** The credential of a request. */
export function credentialOf(request: CredentialRequest, sources: CredentialSources): RequestCredential {
  let presented: Result<Presented, PresentedRefusal> | undefined;
  let answer: Promise<Result<Credential, CredentialRefusal>> | undefined;
  let firstUse: Promise<boolean> | undefined;
  const read = () => {
    presented ??= readPresented(request, sources.identity !== undefined);
    return presented;
  };
  // A proof that is checked again, after `invalidate`, belongs to this request and is no replay.
  const once = ({ jkt, jti, until }: Proof) => {
    firstUse ??= sources.proofs.firstUse(jkt, jti, until);
    return firstUse;
  };
  const validate = async (before?: BeforeAsking<RateRefusal>) => {
    const parsed = read();
    const validated = parsed.ok ? await validatePresented(parsed.value, request, sources, once, before) : parsed;
    const by = parsed.ok ? kindOf(parsed.value, sources) : "none";
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
      const parsed = read();
      if (parsed.ok && parsed.value.kind !== "cookie") forgetToken(parsed.value.token, sources);
    },
  };
}

/** The dependencies for validating credentials, created once per isolate. */
export interface CredentialSources extends TokenSources {
  readonly clock: Clock;
  readonly timer: Timer;
  readonly site: Site;
  /** The bound identity worker. Without it there are no session cookies. */
  readonly identity: IdentitySource | undefined;
  readonly proofs: ProofReplay;
  readonly telemetry: Telemetry;
}

const nothingBefore: BeforeAsking<never> = async () => ok(undefined);

/** A sign-in session is never bound to a key. */
const unbound = { jkt: undefined, dpop: "optional" } as const satisfies Partial<VerifiedToken>;

/**
 * Validates a presented credential. A cookie's Origin is checked before any request to the identity worker, and a token
 * before its key binding.
 */
async function validatePresented(
  presented: Presented,
  request: CredentialRequest,
  sources: CredentialSources,
  firstUse: BindingContext["firstUse"],
  before: BeforeAsking<RateRefusal> = nothingBefore,
): Promise<Result<Credential, CredentialRefusal>> {
  const { identity, timer, site } = sources;
  const now = sources.clock();
  if (presented.kind === "cookie") {
    const allowed = mayUseCookie(request.method, request.headers.get("Origin"), site);
    if (!allowed.ok) return allowed;
    if (identity === undefined) return refusal("token_missing", "a cookie came, and no identity worker is bound");
    const mayAsk = await before();
    return mayAsk.ok ? identityCredential(presented, identity, timer, now) : mayAsk;
  }
  const context = { now, timer, apiUrl: site.apiUrl, firstUse };
  const { token } = presented;
  const owner = identityFor(token, sources);
  if (owner !== undefined) {
    const binding = await checkBinding(presented, unbound, request, context);
    const allowed = binding.ok ? await before() : binding;
    const session = allowed.ok ? await identityCredential(presented, owner.identity, timer, now) : allowed;
    if (session.ok || session.refusal.code !== "token_invalid" || !owner.orProvider) return session;
  }
  const verified = await verifyToken(token, presented.form, sources, now, before);
  if (!verified.ok) {
    const advice = verified.refusal.code === "token_invalid" ? ownCredentialAdvice(token) : undefined;
    return advice === undefined ? verified : refusal("token_invalid", verified.refusal.reason, advice);
  }
  const bound = await checkBinding(presented, verified.value, request, context);
  return bound.ok ? ok(verified.value.credential) : bound;
}

/** For a credential that this service itself issues to operators and backends. */
function ownCredentialAdvice(token: string): string | undefined {
  if (isOperatorToken(token))
    return "Authorization: Send a viewer's token. This is an operator's credential, which only the routes below /operator accept.";
  return isBackendToken(token)
    ? "Authorization: Send a viewer's token. This is a backend's credential, which only the routes of streams accept."
    : undefined;
}

/** The kind of the presented credential for telemetry. */
function kindOf(presented: Presented, sources: CredentialSources): CredentialKind {
  if (presented.kind === "cookie") return "cookie";
  if (presented.form === "jws") return "jwt";
  return identityFor(presented.token, sources) === undefined ? "introspected" : "identity";
}

/** The API's address, and the other sites that may use its cookie. */
export interface Site {
  /** Scheme, host and port (STAGEDOOR_API_URL); undefined if not configured. */
  readonly apiUrl: string | undefined;
  /** Origin patterns (STAGEDOOR_ORIGINS), such as `https://*.example.com`. */
  readonly origins: readonly string[];
}

/**
 * The origin of the page that sent a request: the API's own, a trusted one, or foreign. A missing Origin is foreign.
 */
export function originTrust(origin: string | null, { apiUrl, origins }: Site): "own" | "trusted" | "foreign" {
  if (origin === null) return "foreign";
  if (apiUrl !== undefined && origin === new URL(apiUrl).origin) return "own";
  return origins.some((pattern) => matchesOrigin(origin, pattern)) ? "trusted" : "foreign";
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Checks whether a request may use a cookie. Browsers add cookies to requests that any site triggers (CSRF), so an
 * unsafe method (RFC 9110 §9.2.1) needs an own or trusted Origin. All browsers send Origin with such methods, so a
 * missing or `null` Origin is refused.
 */
export function mayUseCookie(
  method: string,
  origin: string | null,
  site: Site,
): Result<undefined, Refusal<"origin_untrusted">> {
  if (safeMethods.has(method) || originTrust(origin, site) !== "foreign") return ok(undefined);
  return refusal("origin_untrusted", "a cookie came with an unsafe method and no Origin that is trusted");
}
