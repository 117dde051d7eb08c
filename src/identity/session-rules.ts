import { getCurrentAdapter } from "@better-auth/core/context";
import type {
  BetterAuthOptions,
  BetterAuthPlugin,
  DBTransactionAdapter,
  GenericEndpointContext,
  Where,
} from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";
import { fromStore, type GuardParts, guardSessions } from "./sign-out.ts";

/** Maximum number of sign-in sessions per user. A further sign-in ends the one that would expire first. */
export const mostSessions = 50;

/** Maximum number of surplus sessions that one sign-in ends. */
const batch = 50;

type EndpointRequest = Pick<GenericEndpointContext, "context" | "headers">;

const model = "session";
const signsIn = ["/sign-in/email", "/sign-up/email"];

const readToken = createAuthMiddleware(({ context, getSignedCookie }) =>
  getSignedCookie(context.authCookies.sessionToken.name, context.secret),
);

/**
 * Rules for ending sign-in sessions: every end has an entry in the revocation log, and a session that a user has signed
 * out of is really over.
 */
export function sessionRules(parts: GuardParts): BetterAuthPlugin {
  return {
    id: "stagedoor-sessions",
    init: ({ adapter }) => ({ context: { adapter: guardSessions(adapter, parts) }, options: { databaseHooks } }),
    hooks: {
      before: [{ matcher: ({ path }) => path === "/change-password", handler: endOthersAsWell }],
      after: [{ matcher: ({ path }) => path === "/sign-out", handler: honestSignOut }],
    },
  };
}

const databaseHooks: NonNullable<BetterAuthOptions["databaseHooks"]> = {
  session: {
    create: {
      before: async ({ userId }, request) => {
        if (request === null) return;
        if (signsIn.includes(request.path ?? "")) await endWhatItReplaces(request);
        await endSurplus(request, userId);
      },
    },
  },
  account: {
    update: {
      // The last step before the new password is written: if the log is down, the old password stays and the change can
      // be retried.
      before: async (_, request) => {
        if (request?.path !== "/change-password") return;
        const token = await presentedToken(request);
        if (token === undefined) return;
        const session = await fromStore(() => request.context.internalAdapter.findSession(token));
        if (session !== null) await end(request, [{ field: "userId", value: session.user.id }]);
      },
    },
  },
};

/** A thief with the old password must not stay signed in: the library ends other sessions only on request. */
const endOthersAsWell = createAuthMiddleware(async () => ({ context: { body: { revokeOtherSessions: true } } }));

/**
 * The library always reports a sign-out as successful, and a user of a shared device must be able to rely on that. So a
 * remaining session row is ended, even if it has expired, or the response is 503. A credential without a session gets
 * 401 and keeps the cookie. A request without a credential succeeds, because nobody is signed in.
 */
const honestSignOut = createAuthMiddleware(async (request) => {
  const token = await presentedToken(request);
  if (token !== undefined) return end(request, [{ field: "token", value: token }]);
  const cookie = request.getCookie(request.context.authCookies.sessionToken.name);
  if (cookie === null && request.headers?.has("Authorization") !== true) return;
  request.context.responseHeaders?.delete("Set-Cookie");
  throw new APIError("UNAUTHORIZED", {
    code: "UNAUTHORIZED",
    message: "Sign out with the session's cookie or token: this credential is neither.",
  });
});

/** The token of the session that a request presents by cookie or bearer token, with its signature verified. */
async function presentedToken({ context, headers }: EndpointRequest): Promise<string | undefined> {
  const input = { context, headers: headers ?? new Headers() };
  const token = await readToken(input);
  return typeof token === "string" && token !== "" ? token : undefined;
}

/** Ends the session whose cookie a sign-in overwrites: no browser could reach it or sign it out afterwards. */
async function endWhatItReplaces(request: EndpointRequest): Promise<void> {
  const token = await presentedToken(request);
  if (token === undefined) return;
  const where = [{ field: "token", value: token }];
  await fromStore(async () => (await storeOf(request)).delete({ model, where }));
}

async function endSurplus(request: EndpointRequest, userId: string): Promise<void> {
  const rows = await fromStore(async () =>
    (await storeOf(request)).findMany<{ id: string }>({
      model,
      where: [{ field: "userId", value: userId }],
      sortBy: { field: "expiresAt", direction: "desc" },
      offset: mostSessions - 1,
      limit: batch,
    }),
  );
  if (rows.length > 0) await end(request, [{ field: "id", operator: "in", value: rows.map(({ id }) => id) }]);
}

async function end(request: EndpointRequest, where: Where[]): Promise<void> {
  await fromStore(async () => (await storeOf(request)).deleteMany({ model, where }));
}

/** Inside a transaction, only its own adapter can reach the database. */
function storeOf({ context }: EndpointRequest): Promise<DBTransactionAdapter> {
  return getCurrentAdapter(context.adapter);
}

/** The prefix of the library's cookies: `__Host-` binds a cookie to this exact host (RFC 6265bis §4.1.3.2). */
export const cookiePrefix = "__Host-stagedoor";

/** The additional cookie of a sign-in with `rememberMe: false`. */
export const briefCookieName = `${cookiePrefix}.dont_remember`;

/** 400 days in seconds, the longest that a browser keeps a cookie (RFC 6265bis §5.5). */
const longestMaxAge = 34_560_000;

/**
 * Gives session cookies the longest lifetime. Only the server decides when a session ends, and any use prolongs it,
 * while the browser would delete the cookie at the age set at sign-in. Deletions and browser-session cookies are not
 * changed.
 */
export function keepSessionCookie(headers: Headers): void {
  const cookies = headers.getSetCookie();
  if (cookies.length === 0) return;
  headers.delete("Set-Cookie");
  for (const cookie of cookies) {
    const kept = /^[^=;]*\.session_token=/.test(cookie)
      ? cookie.replace(/(;\s*Max-Age=)[1-9]\d*/i, `$1${longestMaxAge}`)
      : cookie;
    headers.append("Set-Cookie", kept);
  }
}
