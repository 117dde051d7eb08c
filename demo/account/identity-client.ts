import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { type ApiResult, showRequest } from "../api-result.ts";
import { type Problem, problemIn, withHeaders } from "../problem.ts";
import type { Watch, WatchedRequest } from "../watched-request.ts";

/**
 * better-auth's own client. Its session store is not used, since it would notify other tabs through localStorage, and
 * this page writes to no storage.
 */
const client = createAuthClient({
  baseURL: location.origin,
  basePath: "/api/auth",
  plugins: [jwtClient()],
  disableDefaultFetchPlugins: true,
});

export interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Creates an account and signs in to it. The browser gets the cookie, the page the e-mail address. */
export function signUp({ email, password }: Credentials, watch: Watch): Promise<ApiResult<string | undefined>> {
  const name = email.split("@", 1)[0] ?? "";
  return send("POST /api/auth/sign-up/email", { watch }, emailIn, (options) =>
    client.signUp.email({ email, password, name }, options),
  );
}

export function signIn({ email, password }: Credentials, watch: Watch): Promise<ApiResult<string | undefined>> {
  return send("POST /api/auth/sign-in/email", { watch }, emailIn, (options) =>
    client.signIn.email({ email, password }, options),
  );
}

/** Ends the sign-in session and the streams that it started, and removes the cookie. */
export function signOut(watch: Watch): Promise<ApiResult<undefined>> {
  return send(
    "POST /api/auth/sign-out",
    { watch },
    () => undefined,
    (options) => client.signOut({}, options),
  );
}

/** The e-mail address for the browser's cookie, or undefined without a session. The request is not listed. */
export function signedInEmail(): Promise<ApiResult<string | undefined>> {
  return send("GET /api/auth/get-session", {}, emailIn, (options) => client.getSession({ fetchOptions: options }));
}

/** A short-lived JWT for the signed-in user. `note` is shown in the list of requests. */
export function fetchAccessToken(watch: Watch, note: string | undefined): Promise<ApiResult<string>> {
  return send(
    "GET /api/auth/token",
    { watch, note },
    ({ token }) => String(token),
    (options) => client.token({ fetchOptions: options }),
  );
}

type Call = (options: {
  readonly onResponse: (context: { readonly response: Response }) => void;
}) => Promise<{ readonly data: unknown; readonly error: unknown }>;

async function send<Value>(
  name: string,
  { watch, note }: { readonly watch?: Watch; readonly note?: string | undefined },
  read: (document: { readonly [name: string]: unknown }) => Value,
  call: Call,
): Promise<ApiResult<Value>> {
  const request: WatchedRequest = { kind: "account", url: undefined, name, ...(note !== undefined && { note }) };
  return showRequest(watch === undefined ? undefined : { watch, request }, async () => {
    let response: Response | undefined;
    try {
      const onResponse = (context: { readonly response: Response }) => {
        response = context.response;
      };
      const { data, error } = await call({ onResponse });
      if (response === undefined) return { kind: "unreachable" };
      const { status, headers, ok } = response;
      if (!ok) return { kind: "refused", problem: withAdvice(withHeaders(problemIn(status, Object(error)), headers)) };
      return { kind: "done", status, value: read(Object(data)) };
    } catch {
      return { kind: "unreachable" };
    }
  });
}

/** The library's own message has no advice. */
function withAdvice(problem: Problem): Problem {
  if (problem.code !== "UNAUTHORIZED") return problem;
  return {
    ...problem,
    title: "Not signed in",
    detail: "Sign in at the top of the page, or choose another token.",
  };
}

function emailIn({ user }: { readonly [name: string]: unknown }): string | undefined {
  const { email } = Object(user);
  return typeof email === "string" ? email : undefined;
}
