import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import type { Clock, Timer } from "../base/seconds.ts";
import type { CredentialKind, Telemetry } from "../telemetry/telemetry.ts";
import { type BindingContext, holdsBinding } from "./bound-token.ts";
import type { Credential } from "./credential.ts";
import { type IdentitySource, identityCredential, isIdentityToken, isSigned } from "./identity-credential.ts";
import type { BeforeAsking } from "./introspection.ts";
import type { Presented } from "./presented.ts";
import type { ProofReplay } from "./proof-replay.ts";
import type { CredentialAsked } from "./read-presented.ts";
import { mayUseCookie, type Site } from "./trusted-origins.ts";
import type { VerifiedToken } from "./verified-token.ts";
import { prefixOf, type TokenSources, verifyToken } from "./verify-token.ts";

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
export async function validatePresented(
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
export function kindOf(presented: Presented, sources: CredentialSources): CredentialKind {
  if (presented.is === "cookie") return "cookie";
  if (presented.form === "jws") return "jwt";
  const ours =
    sources.identity !== undefined && isIdentityToken(presented.token) && !prefixOf(presented.token, sources);
  return ours ? "identity" : "introspected";
}
