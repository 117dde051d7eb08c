import type { MiddlewareHandler } from "hono";
import type { Refusal } from "../base/refusal.ts";
import { type Site, standingOf } from "../credential/trusted-origins.ts";
import { exposedBeside } from "./cors.ts";
import { httpsRequired, isPlainHttp, strictTransport } from "./https.ts";
import { type DpopUse, withDpopChallenge } from "./problem.ts";

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
      asked.header("Access-Control-Expose-Headers", exposedBeside(named));
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
