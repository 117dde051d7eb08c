import type { BetterAuthOptions, BetterAuthPlugin } from "better-auth";
import { createAuthMiddleware } from "better-auth/api";
import { after, type Clock, type Seconds, seconds } from "../base/seconds.ts";
import { loginName } from "../sessions/login-name.ts";
import type { RevocationLog } from "../sessions/revocation.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import { fromStore, unavailable } from "./unavailable.ts";

export interface EndSessionParts {
  /** `iss` of the tokens that carry the session's id as `sid`. */
  readonly issuer: string;
  readonly log: Pick<RevocationLog, "append">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly accessTtl: Seconds;
}

type SessionHooks = NonNullable<NonNullable<BetterAuthOptions["databaseHooks"]>["session"]>;

/** The longest a playback session may last. */
const longestSession = 604_800;

/**
 * What has to happen before a session of sign-in is deleted, by whichever route: the log is told, which ends its playback
 * sessions and refuses its tokens, and its refresh tokens go. In this order, so that a log that is down leaves the session
 * as it was, to be signed out again, and never half of it. One that ended by itself needs none of it.
 */
export function beforeSessionEnds(parts: EndSessionParts): SessionHooks {
  const { issuer, log, clock, telemetry, accessTtl } = parts;
  return {
    delete: {
      before: async (session, request) => {
        if (session.expiresAt.getTime() <= Date.now()) return;
        const now = clock();
        const value = await loginName(issuer, session.id);
        const until = after(now, seconds(longestSession + accessTtl));
        await fromStore(() => log.append([{ kind: "login", value, cause: "revoked", at: now, until }]));
        telemetry({ event: "revoked", kind: "login" });
        if (request === null) return;
        const where = [{ field: "sessionId", value: session.id }];
        for (const model of ["oauthAccessToken", "oauthRefreshToken"])
          await fromStore(() => request.context.adapter.deleteMany({ model, where }));
      },
    },
  };
}

/**
 * better-auth answers a sign-out with success even where the session could not be deleted. Whoever signs out on a shared
 * device must not walk away from that: the row is looked for once more, and what is still there is a 503.
 */
export function honestSignOut(): BetterAuthPlugin {
  return {
    id: "stagedoor-sign-out",
    hooks: {
      after: [
        {
          matcher: ({ path }) => path === "/sign-out",
          handler: createAuthMiddleware(async (asked) => {
            const { authCookies, secret, internalAdapter } = asked.context;
            const token = await asked.getSignedCookie(authCookies.sessionToken.name, secret);
            if (typeof token !== "string" || token === "") return;
            const left = await fromStore(() => internalAdapter.findSession(token));
            if (left !== null && left.session.expiresAt.getTime() > Date.now()) throw unavailable();
          }),
        },
      ],
    },
  };
}
