import type { RefusalCode } from "../../src/base/result.ts";

/** A call that a route refuses: what differs from the successful one, and the code. */
export interface Example {
  /** The difference in words, without a full stop. */
  readonly text: string;
  readonly call: {
    readonly path?: string;
    readonly headers?: readonly (readonly [name: string, value: string])[];
    readonly body?: unknown;
  };
  readonly code: RefusalCode;
}

const viewer = [["Authorization", "Bearer $TOKEN"]] as const;
const wrongGrant = [...viewer, ["CTA-Common-Access-Token", "not-a-grant"]] as const;
const grantMissing: Example = { text: "Without the grant", call: { headers: viewer }, code: "session_unknown" };

/** The failing call of a route by its id. Other routes show a call without a credential. */
export const errorExamples: Readonly<Record<string, Example | undefined>> = {
  startStream: { text: "An asset that does not exist", call: { body: { asset: "film-43" } }, code: "asset_unknown" },
  openFiles: {
    text: "A file that the asset does not allow",
    call: { body: { asset: "film-42", files: ["index.m3u8"] } },
    code: "file_forbidden",
  },
  showSession: grantMissing,
  endSession: { text: "With something else as the grant", call: { headers: wrongGrant }, code: "grant_invalid" },
  renewSession: grantMissing,
  listSessions: {
    text: "A limit out of range",
    call: { path: "/operator/sessions?limit=0" },
    code: "body_invalid",
  },
  explain: { text: "Without the text", call: { body: {} }, code: "body_invalid" },
  simulate: { text: "Without the asset", call: { body: { credential: "eyJ…" } }, code: "body_invalid" },
  putAsset: { text: "Without an origin", call: { body: { entry: "index.m3u8" } }, code: "asset_invalid" },
  removeAsset: {
    text: "An asset that does not exist",
    call: { path: "/operator/assets/film-43" },
    code: "asset_unknown",
  },
  revoke: { text: "Not exactly one thing to revoke", call: { body: {} }, code: "revocation_invalid" },
};

const time = "2026-12-01T20:00:00Z";

/** The values of members in examples of responses, by their names. */
export const sampleValues: Readonly<Record<string, unknown>> = {
  sessionId: "q83vEjRWeJCrze8SNFZ4kA",
  manifestUrl: "https://media.example.com/2D3RhEOh…/film-42/index.m3u8?list=1796155500.Xo3kQd8l2wVb9rTn",
  manifestExpiresAt: "2026-12-01T20:05:00Z",
  sessionExpiresAt: "2026-12-02T02:00:00Z",
  endsAt: "2026-12-02T02:00:00Z",
  expiresAt: "2026-12-01T21:00:00Z",
  path: "poster.jpg",
  url: "https://media.example.com/2D3RhEOh…/film-42/poster.jpg?file=1796155500.Xo3kQd8l2wVb9rTn",
  grant: "2D3RhEOhAQWgWGmnAWlzdGFnZWRvb3I",
  startedAt: time,
  lastSeenAt: "2026-12-01T20:40:12Z",
  at: time,
  asset: "film-42",
  until: "2026-12-08T00:00:00Z",
  from: "2026-12-01T20:00:00Z",
  subject: "Zk3vT9bQ1xw",
  country: "DE",
  request: "9f1c2d3e4a5b6c7d",
  worker: "api",
  kid: "s1",
  fingerprint: "kTq2Xw7b",
  longestSessionSeconds: 604_800,
  total: { asset_forbidden: 2 },
  counts: { asset_forbidden: 2 },
  code: "asset_forbidden",
  verdict: "refused",
  reason: "the token's claim assets does not contain film-42",
  kind: "start",
  part: "assets",
  state: "fail",
  text: "the token's claim assets does not contain film-42",
  faults: [],
};

/** The response of a route, by the route's id, where the members' names do not tell. */
export const responseExamples: Readonly<Record<string, unknown>> = {
  listRevoked: {
    at: time,
    count: 1,
    revocations: [
      {
        kind: "asset",
        value: "film-42",
        at: "2026-11-30T21:04:11Z",
        until: null,
        author: "ann",
        reason: "licence ended",
      },
    ],
  },
  breakdown: {
    at: time,
    by: "country",
    count: 2,
    groups: [
      {
        value: "DE",
        watching: 812,
        refused: 40,
        causes: { ours: 0, origin: 31, provider: 0, viewer: 9 },
        codes: { origin_slow: 31, signature_expired: 9 },
        observed: {},
      },
      {
        value: "FR",
        watching: 401,
        refused: 0,
        causes: { ours: 0, origin: 0, provider: 0, viewer: 0 },
        codes: {},
        observed: {},
      },
    ],
  },
  listEvents: {
    missed: false,
    events: [
      {
        id: "session.ended q83vEjRWeJCrze8SNFZ4kA 1796155500",
        type: "session.ended",
        timestamp: time,
        data: { session: "q83vEjRWeJCrze8SNFZ4kA", asset: "film-42", subject: "3yq0ZB…", why: "revoked" },
      },
    ],
  },
  listActions: {
    actions: [
      {
        at: time,
        operator: "ann",
        through: "console",
        act: "revoke",
        kind: "session",
        target: "q83vEjRWeJCrze8SNFZ4kA",
        outcome: "done",
      },
    ],
  },
  explain: {
    kind: "media",
    verdict: "refused",
    code: "grant_invalid",
    at: time,
    status: 403,
    title: "Invalid grant",
    reason: "the grant is not CBOR",
    steps: [{ part: "grant", state: "fail", text: "the grant is not CBOR", code: "grant_invalid" }],
  },
};

/** A route of the identity worker, which has no description of its own. `route` is its key in `identity/route-guard.ts`. */
interface IdentityRoute {
  readonly route: string;
  readonly summary: string;
  /** Whether it needs a session of the identity worker. */
  readonly signedIn?: true;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** JSON, or a form's parameters as text. */
  readonly body?: unknown;
  /** What its members or parameters mean. */
  readonly members?: string;
  readonly success: { readonly status: number; readonly headers?: readonly string[]; readonly body: unknown };
  readonly error?: Omit<Example, "code"> & { readonly status: number; readonly body: unknown };
}

const origin = [["Origin", "$API"]] as const;
const user = {
  id: "9dkgXw5ieIYl34EqzXJ1ZfXATydXDEXJ",
  name: "Ann",
  email: "ann@example.com",
  emailVerified: false,
  image: null,
  createdAt: time,
  updatedAt: time,
  assets: "*",
  streams: null,
};
const session = {
  id: "ealVhThh3of2MMWvnGteMneEyYr3LuXx",
  token: "OLQJUA55tvkVhK0MwGbH4U6oiZGtVUq2",
  userId: user.id,
  createdAt: time,
  updatedAt: time,
  expiresAt: "2026-12-08T20:00:00Z",
  ipAddress: "",
  userAgent: "curl/8.5.0",
};
const tokenHeaders = ["Content-Type: application/json", "set-auth-token: OLQJUA55tvkVhK0MwGbH4U6oiZGtVUq2.NRLBwn9M…"];
const signedOut = {
  text: "Without a session",
  call: { headers: origin },
  status: 401,
  body: { message: "Unauthorized", code: "UNAUTHORIZED" },
} as const;
const status = { status: 200, body: { status: true } } as const;
const password = "correct horse battery";
const wrongPassword = { status: 400, body: { message: "Invalid password", code: "INVALID_PASSWORD" } } as const;

export const identityRoutes: readonly IdentityRoute[] = [
  {
    route: "POST /sign-up/email",
    summary: "Create an account",
    members: "Only with `STAGEDOOR_IDENTITY_SIGN_UP=open`. It also signs in.",
    headers: origin,
    body: { name: "Ann", email: "ann@example.com", password },
    success: { status: 200, headers: tokenHeaders, body: { token: session.token, user } },
    error: {
      text: "A short password",
      call: { body: { name: "Ann", email: "ann@example.com", password: "short" } },
      status: 400,
      body: { message: "Password too short", code: "PASSWORD_TOO_SHORT" },
    },
  },
  {
    route: "POST /sign-in/email",
    summary: "Sign in",
    headers: origin,
    body: { email: "ann@example.com", password },
    success: { status: 200, headers: tokenHeaders, body: { redirect: false, token: session.token, user } },
    error: {
      text: "A wrong password",
      call: { body: { email: "ann@example.com", password: "wrong" } },
      status: 401,
      body: { message: "Invalid email or password", code: "INVALID_EMAIL_OR_PASSWORD" },
    },
  },
  {
    route: "GET /get-session",
    summary: "Show the sign-in session",
    members: "Without a session the response is 200 with `null`.",
    signedIn: true,
    success: { status: 200, body: { session, user } },
    error: { text: "Without a session", call: { headers: [] }, status: 200, body: null },
  },
  {
    route: "GET /token",
    summary: "Get a JWT",
    members: "A bearer token for the API, of 15 minutes. Its keys are at `/api/auth/jwks`.",
    signedIn: true,
    success: { status: 200, body: { token: "eyJhbGciOiJFZERTQSIs…" } },
    error: signedOut,
  },
  {
    route: "GET /jwks",
    summary: "Get the keys of the JWTs",
    success: {
      status: 200,
      body: {
        keys: [{ alg: "EdDSA", crv: "Ed25519", kty: "OKP", x: "DDpAEf8M…", kid: "eFR0m9Piy5QaCXTzZ7VFtcMlqo5be07a" }],
      },
    },
  },
  {
    route: "GET /list-sessions",
    summary: "List the user's sign-in sessions",
    signedIn: true,
    success: { status: 200, body: [session] },
    error: signedOut,
  },
  {
    route: "POST /update-user",
    summary: "Change the name or the image",
    signedIn: true,
    headers: origin,
    body: { name: "Ann Example" },
    success: status,
    error: signedOut,
  },
  {
    route: "POST /verify-password",
    summary: "Check the password again",
    signedIn: true,
    headers: origin,
    body: { password },
    success: status,
    error: { text: "A wrong password", call: { body: { password: "wrong" } }, ...wrongPassword },
  },
  {
    route: "POST /change-password",
    summary: "Change the password",
    members: "`revokeOtherSessions` signs out the user's other devices. The response has a new session if it is true.",
    signedIn: true,
    headers: origin,
    body: { currentPassword: password, newPassword: "another horse battery", revokeOtherSessions: true },
    success: { status: 200, headers: tokenHeaders, body: { token: session.token, user } },
    error: {
      text: "A wrong password",
      call: { body: { currentPassword: "wrong", newPassword: "another horse battery" } },
      ...wrongPassword,
    },
  },
  {
    route: "POST /revoke-session",
    summary: "Sign out one device",
    members: "`token` is that of `/api/auth/list-sessions`. The streams of the session end within two seconds.",
    signedIn: true,
    headers: origin,
    body: { token: session.token },
    success: status,
    error: signedOut,
  },
  {
    route: "POST /revoke-other-sessions",
    summary: "Sign out all other devices",
    signedIn: true,
    headers: origin,
    success: status,
    error: signedOut,
  },
  {
    route: "POST /revoke-sessions",
    summary: "Sign out all devices",
    signedIn: true,
    headers: origin,
    success: status,
    error: signedOut,
  },
  {
    route: "POST /sign-out",
    summary: "Sign out",
    members: "Ends the session, its refresh tokens and, within two seconds, the streams that it started.",
    signedIn: true,
    headers: origin,
    success: { status: 200, body: { success: true } },
  },
  {
    route: "GET /oauth2/authorize",
    summary: "Ask for an app's code",
    members:
      "A page that the app opens in the system's browser, with the parameters of RFC 6749 and PKCE (RFC 7636): `client_id`, " +
      "`redirect_uri`, `response_type=code`, `scope`, `state`, `code_challenge`, `code_challenge_method=S256`. It redirects to " +
      "the app with the code. Called by `fetch`, which sends `Sec-Fetch-Mode: cors`, it answers the address instead. Without a " +
      "known client the address is the page `GET /api/auth/error`:",
    headers: [["Sec-Fetch-Mode", "cors"]],
    success: {
      status: 200,
      body: {
        redirect: true,
        url: "https://api.example.com/api/auth/error?error=invalid_client&error_description=client_id+is+required",
      },
    },
  },
  {
    route: "POST /oauth2/token",
    summary: "Exchange a code or a refresh token",
    members:
      "A form (RFC 6749). With `grant_type=authorization_code` it has `code`, `redirect_uri` and `code_verifier`. Each refresh " +
      "token is used once: the response has the next one.",
    body: "grant_type=refresh_token&client_id=my-app&refresh_token=$REFRESH",
    success: {
      status: 200,
      body: {
        access_token: "eyJ0eXAiOiJhdCtqd3Qi…",
        expires_in: 900,
        expires_at: 1_796_060_548,
        token_type: "Bearer",
        refresh_token: "aiQNQQnFitMPInlZwEbiwJCGzxKKcMgq",
        scope: "stream:play offline_access",
      },
    },
    error: {
      text: "With another grant type",
      call: { body: "grant_type=password&client_id=my-app" },
      status: 400,
      body: { error: "unsupported_grant_type", error_description: "it is authorization_code or refresh_token" },
    },
  },
  {
    route: "POST /oauth2/revoke",
    summary: "Sign an app out",
    members: "A form (RFC 7009). Revoking a refresh token ends the session that its code came from.",
    body: "client_id=my-app&token=$REFRESH",
    success: { status: 200, body: {} },
    error: {
      text: "Without the token",
      call: { body: "client_id=my-app" },
      status: 400,
      body: { error: "invalid_request", error_description: "there is no token" },
    },
  },
];
