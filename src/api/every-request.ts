import type { MiddlewareHandler } from "hono";
import type { Credential } from "../auth/credential.ts";
import type { RateStanding } from "../auth/rate-limit.ts";
import { type RequestCredential, type Site, standingOf } from "../auth/request-credential.ts";
import type { Refusal } from "../base/result.ts";
import { exposedHeaders, httpsRequired, isPlainHttp, strictTransport } from "../http/cors.ts";
import { type DpopUse, withDpopChallenge } from "../http/problem-response.ts";
import { subjectName } from "../sessions/identifiers.ts";
import type { SessionContext } from "../sessions/session-context.ts";

export interface EveryRequest {
  readonly site: Site;
  /** Whether some issuer takes no token without a proof. */
  readonly dpopRequired: boolean;
  readonly refused: (why: Refusal, request: Request) => Response;
}

/**
 * What holds for every request to the API and its answer: plain HTTP is refused before anything is read (`https_required`),
 * pages of trusted sites may read the answer with their user's cookie, a challenge names DPoP where that is meant, and
 * browsers come back over https.
 *
 * Only a trusted site is named, and allowed credentials; all others keep what the answer says without them (`*`).
 */
export function everyRequest({ site, dpopRequired, refused }: EveryRequest): MiddlewareHandler {
  return async (asked, next) => {
    const { raw } = asked.req;
    if (isPlainHttp(raw.url)) return refused(httpsRequired, raw);
    await next();
    const origin = raw.headers.get("Origin");
    // A cache that keeps an answer for one origin must not give it to another.
    if (site.origins.length > 0) asked.header("Vary", "Origin", { append: true });
    if (origin !== null && standingOf(origin, site) === "trusted") {
      asked.header("Access-Control-Allow-Origin", origin);
      asked.header("Access-Control-Allow-Credentials", "true");
      // The identity worker names its own alone.
      const named = asked.res.headers.get("Access-Control-Expose-Headers");
      asked.header("Access-Control-Expose-Headers", exposedHeaders(named));
    }
    const challenge = asked.res.headers.get("WWW-Authenticate");
    if (challenge !== null) asked.header("WWW-Authenticate", withDpopChallenge(challenge, useOf(raw, dpopRequired)));
    const strict = strictTransport(raw.url);
    if (strict !== undefined) asked.header("Strict-Transport-Security", strict);
    return;
  };
}

function useOf({ headers }: Request, required: boolean): DpopUse {
  if (/^\s*dpop(\s|$)/i.test(headers.get("Authorization") ?? "")) return "tried";
  return required ? "required" : "none";
}

/** What is learnt of a request to the API while a flow answers it: for the answer's RateLimit fields, and for the log. */
interface Learnt {
  readonly standings: readonly RateStanding[];
  /** The keyed hash of its subject, once its credential was accepted. */
  readonly subject: string | undefined;
}

export interface Learning {
  readonly learnt: () => Learnt;
  readonly onStanding: (standing: RateStanding) => void;
  /** The same credential, which tells whom it was accepted for. */
  readonly following: (credential: RequestCredential) => RequestCredential;
}

/** Nothing yet, and what comes. */
export function learning(context: Pick<SessionContext, "keys" | "clock">): Learning {
  const standings: RateStanding[] = [];
  let accepted: Credential | undefined;
  return {
    learnt: () => ({
      standings,
      // Made for those that ask: a request that succeeds is no line of the log.
      get subject() {
        return accepted && subjectName(accepted, context);
      },
    }),
    onStanding: (standing) => void standings.push(standing),
    following: (credential) => ({
      ...credential,
      validate: async (before) => {
        const validated = await credential.validate(before);
        if (validated.ok) accepted ??= validated.value;
        return validated;
      },
    }),
  };
}
