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

/** How many sessions of sign-in a user has at most; a sign-in beyond that ends the one that would end first by itself. */
export const mostSessions = 50;

/** How many of them one sign-in ends at most, where there are more than should be. */
const batch = 50;

type Asked = Pick<GenericEndpointContext, "context" | "headers">;

const model = "session";
const signsIn = ["/sign-in/email", "/sign-up/email"];

const readToken = createAuthMiddleware(({ context, getSignedCookie }) =>
  getSignedCookie(context.authCookies.sessionToken.name, context.secret),
);

/** How sessions of sign-in end: none without an entry of the revocation log, and none that a user believes to have ended. */
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
      before: async ({ userId }, asked) => {
        if (asked === null) return;
        if (signsIn.includes(asked.path ?? "")) await endWhatItReplaces(asked);
        await endSurplus(asked, userId);
      },
    },
  },
  account: {
    update: {
      // The last moment before the new password is written: a log that is down leaves the old one, to be changed again.
      before: async (_, asked) => {
        if (asked?.path !== "/change-password") return;
        const token = await presentedToken(asked);
        if (token === undefined) return;
        const session = await fromStore(() => asked.context.internalAdapter.findSession(token));
        if (session !== null) await end(asked, [{ field: "userId", value: session.user.id }]);
      },
    },
  },
};

/** A thief who knows the old password must not stay signed in: the library ends other sessions only where it is asked to. */
const endOthersAsWell = createAuthMiddleware(async () => ({ context: { body: { revokeOtherSessions: true } } }));

/**
 * The library answers a sign-out with success whatever it did. Whoever signs out on a shared device must not walk away from
 * that: what is still there is ended, also where it had ended by itself, or this is a 503; a credential that names no session
 * is a 401, and the cookie stays. Where no credential came nobody is signed in, which is success.
 */
const honestSignOut = createAuthMiddleware(async (asked) => {
  const token = await presentedToken(asked);
  if (token !== undefined) return end(asked, [{ field: "token", value: token }]);
  const cookie = asked.getCookie(asked.context.authCookies.sessionToken.name);
  if (cookie === null && asked.headers?.has("Authorization") !== true) return;
  asked.context.responseHeaders?.delete("Set-Cookie");
  throw new APIError("UNAUTHORIZED", {
    code: "UNAUTHORIZED",
    message: "Sign out with the session's cookie or token: this credential is neither.",
  });
});

/** The token of the session that a request presents by cookie or bearer token, its signature verified. */
async function presentedToken({ context, headers }: Asked): Promise<string | undefined> {
  const input = { context, headers: headers ?? new Headers() };
  const token = await readToken(input);
  return typeof token === "string" && token !== "" ? token : undefined;
}

/** No browser could reach the session any more whose cookie a sign-in overwrites, and so nobody could sign it out. */
async function endWhatItReplaces(asked: Asked): Promise<void> {
  const token = await presentedToken(asked);
  if (token === undefined) return;
  const where = [{ field: "token", value: token }];
  await fromStore(async () => (await storeOf(asked)).delete({ model, where }));
}

async function endSurplus(asked: Asked, userId: string): Promise<void> {
  const rows = await fromStore(async () =>
    (await storeOf(asked)).findMany<{ id: string }>({
      model,
      where: [{ field: "userId", value: userId }],
      sortBy: { field: "expiresAt", direction: "desc" },
      offset: mostSessions - 1,
      limit: batch,
    }),
  );
  if (rows.length > 0) await end(asked, [{ field: "id", operator: "in", value: rows.map(({ id }) => id) }]);
}

async function end(asked: Asked, where: Where[]): Promise<void> {
  await fromStore(async () => (await storeOf(asked)).deleteMany({ model, where }));
}

/** Within a transaction, where the database has them, that is the only one which gets through. */
function storeOf({ context }: Asked): Promise<DBTransactionAdapter> {
  return getCurrentAdapter(context.adapter);
}

/** The names of the library's cookies begin with it: `__Host-` binds a cookie to this host alone (RFC 6265bis §4.1.3.2). */
export const cookiePrefix = "__Host-stagedoor";

/** The cookie of who signed in with `rememberMe: false`, beside the session's. */
export const briefCookieName = `${cookiePrefix}.dont_remember`;

/** 400 days in seconds, the longest that a browser keeps a cookie (RFC 6265bis §5.5). */
const longestMaxAge = 34_560_000;

/**
 * Lets a session cookie outlive what its session has left: the server alone says when a session ends, and use through any
 * route prolongs it, while a browser would throw the cookie away by the age it was given at sign-in. One that is deleted,
 * and one that ends with the browser, stay as they are.
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
