import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { type Answer, showing } from "../answer.ts";
import { type Problem, problemIn, withFields } from "../problem.ts";
import type { Watch, WatchedRequest } from "../watched-request.ts";

/**
 * better-auth's own client. Its session store stays unused: it would tell other tabs by way of localStorage, and this page
 * writes to no storage.
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

/** Makes an account and signs in to it: the browser gets its cookie, the page the address. */
export function signUp({ email, password }: Credentials, watch: Watch): Promise<Answer<string | undefined>> {
  const name = email.split("@", 1)[0] ?? "";
  return asked("POST /api/auth/sign-up/email", { watch }, emailIn, (options) =>
    client.signUp.email({ email, password, name }, options),
  );
}

export function signIn({ email, password }: Credentials, watch: Watch): Promise<Answer<string | undefined>> {
  return asked("POST /api/auth/sign-in/email", { watch }, emailIn, (options) =>
    client.signIn.email({ email, password }, options),
  );
}

/** Ends the session of sign-in, and with it what was started by it; the browser loses its cookie. */
export function signOut(watch: Watch): Promise<Answer<undefined>> {
  return asked(
    "POST /api/auth/sign-out",
    { watch },
    () => undefined,
    (options) => client.signOut({}, options),
  );
}

/** The address of who is signed in by the browser's cookie, undefined for nobody. It is not shown as a request. */
export function whoIsSignedIn(): Promise<Answer<string | undefined>> {
  return asked("GET /api/auth/get-session", {}, emailIn, (options) => client.getSession({ fetchOptions: options }));
}

/** An access token for who is signed in: a JWT of some minutes. `note` tells the list of requests why. */
export function fetchAccessToken(watch: Watch, note: string | undefined): Promise<Answer<string>> {
  return asked(
    "GET /api/auth/token",
    { watch, note },
    ({ token }) => String(token),
    (options) => client.token({ fetchOptions: options }),
  );
}

type Call = (options: {
  readonly onResponse: (context: { readonly response: Response }) => void;
}) => Promise<{ readonly data: unknown; readonly error: unknown }>;

async function asked<Value>(
  name: string,
  { watch, note }: { readonly watch?: Watch; readonly note?: string | undefined },
  read: (document: { readonly [name: string]: unknown }) => Value,
  call: Call,
): Promise<Answer<Value>> {
  const request: WatchedRequest = { kind: "account", url: undefined, name, ...(note !== undefined && { note }) };
  return showing(watch === undefined ? undefined : { watch, request }, async () => {
    let response: Response | undefined;
    try {
      const onResponse = (context: { readonly response: Response }) => {
        response = context.response;
      };
      const { data, error } = await call({ onResponse });
      if (response === undefined) return { is: "unreachable" };
      const { status, headers, ok } = response;
      if (!ok) return { is: "refused", problem: inWords(withFields(problemIn(status, Object(error)), headers)) };
      return { is: "done", status, value: read(Object(data)) };
    } catch {
      return { is: "unreachable" };
    }
  });
}

/** The library's own word for it says nothing of what to do. */
function inWords(problem: Problem): Problem {
  if (problem.code !== "UNAUTHORIZED") return problem;
  return {
    ...problem,
    title: "Nobody is signed in",
    detail: "Sign in at the top of the page, or choose another token.",
  };
}

function emailIn({ user }: { readonly [name: string]: unknown }): string | undefined {
  const { email } = Object(user);
  return typeof email === "string" ? email : undefined;
}
