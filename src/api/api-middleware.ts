import type { Context, MiddlewareHandler } from "hono";
import { isBackendAuthorization } from "../auth/backend-token.ts";
import type { Credential } from "../auth/credential.ts";
import type { QuotaStatus } from "../auth/rate-limit.ts";
import { originTrust, type RequestCredential, type Site } from "../auth/request-credential.ts";
import type { Refusal } from "../base/result.ts";
import { corsHeaders, exposedHeaders, httpsRequired, isPlainHttp, strictTransport } from "../http/cors.ts";
import { type DpopUse, withDpopChallenge } from "../http/problem-response.ts";
import { subjectHashNow } from "../sessions/identifiers.ts";
import type { SessionContext, SessionRequest } from "../sessions/session-context.ts";

export interface MiddlewareOptions {
  readonly site: Site;
  /** Whether some issuer requires DPoP. */
  readonly dpopRequired: boolean;
  readonly refused: (refusal: Refusal, request: Request) => Response;
}

/**
 * The rules for every request to the API: plain HTTP is refused before anything is read (`https_required`), pages of
 * trusted sites may read the response with their user's cookie, challenges mention DPoP, and browsers return over
 * https.
 *
 * A trusted origin is named and allowed credentials. All others keep the response's `*`, without credentials. The
 * response to a backend has none of these headers.
 */
export function apiMiddleware({ site, dpopRequired, refused }: MiddlewareOptions): MiddlewareHandler {
  return async (context, next) => {
    const { raw } = context.req;
    if (isPlainHttp(raw.url)) return refused(httpsRequired, raw);
    await next();
    setSiteHeaders(context, site);
    const challenge = context.res.headers.get("WWW-Authenticate");
    if (challenge !== null)
      context.header("WWW-Authenticate", withDpopChallenge(challenge, dpopUse(raw, dpopRequired)));
    const strict = strictTransport(raw.url);
    if (strict !== undefined) context.header("Strict-Transport-Security", strict);
    return;
  };
}

/**
 * A trusted origin may read the response with its user's cookie. No page may read the response to a backend's
 * credential: a page that has it could start streams for every viewer.
 */
function setSiteHeaders(context: Context, site: Site): void {
  const { headers } = context.req.raw;
  // A cache must not serve a response for one origin to another.
  if (site.origins.length > 0) context.header("Vary", "Origin", { append: true });
  if (isBackendAuthorization(headers.get("Authorization"))) {
    for (const name of corsHeaders) context.header(name, undefined);
    return;
  }
  const origin = headers.get("Origin");
  if (origin === null || originTrust(origin, site) !== "trusted") return;
  context.header("Access-Control-Allow-Origin", origin);
  context.header("Access-Control-Allow-Credentials", "true");
  // Responses of the identity worker expose only its own headers.
  const exposed = context.res.headers.get("Access-Control-Expose-Headers");
  context.header("Access-Control-Expose-Headers", exposedHeaders(exposed));
}

function dpopUse({ headers }: Request, required: boolean): DpopUse {
  if (/^\s*dpop(\s|$)/i.test(headers.get("Authorization") ?? "")) return "tried";
  return required ? "required" : "none";
}

/** What the handler of a request found out, for the RateLimit fields and the log. */
interface Observations {
  readonly standings: readonly QuotaStatus[];
  /** The keyed hash of the subject, if the credential was accepted. */
  readonly subject: string | undefined;
}

export interface RequestObserver {
  readonly observed: () => Observations;
  readonly onQuotaStatus: (standing: QuotaStatus) => void;
  /** Notes the viewer that a backend names. */
  readonly onViewer: SessionRequest["onViewer"];
  /** The same credential; the observer notes its subject when it is accepted. */
  readonly observe: (credential: RequestCredential) => RequestCredential;
}

export function requestObserver(context: Pick<SessionContext, "keys" | "clock">): RequestObserver {
  const standings: QuotaStatus[] = [];
  let accepted: Pick<Credential, "issuer" | "subject"> | undefined;
  return {
    observed: () => ({
      standings,
      // Computed on demand: a successful request is not logged.
      get subject() {
        return accepted && subjectHashNow(accepted, context);
      },
    }),
    onQuotaStatus: (standing) => void standings.push(standing),
    onViewer: (viewer) => {
      accepted = viewer;
    },
    observe: (credential) => ({
      ...credential,
      validate: async (before) => {
        const validated = await credential.validate(before);
        if (validated.ok) accepted ??= validated.value;
        return validated;
      },
    }),
  };
}
