import { DatabaseSync } from "node:sqlite";
import { readMigrations } from "../../../cli/identity/migrations.ts";
import { seconds, systemClock } from "../../../src/base/time.ts";
import { answerIdentity, turnOf } from "../../../src/identity/answer-identity.ts";
import type { IdentitySettings } from "../../../src/identity/identity-settings.ts";
import type { IdentityParts } from "../../../src/identity/options.ts";
import { seedIdentity } from "../../../src/identity/seed.ts";
import type { EndedLogin } from "../../../src/identity/service-messages.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { hashCheaply } from "./cheap-passwords.ts";

hashCheaply();

export const apiUrl = "https://api.example.com";
export const cookieName = "__Host-stagedoor.session_token";

export const settings: IdentitySettings = {
  apiUrl,
  origins: ["https://www.example.com"],
  secret: "a-secret-of-this-test-alone-0123456789",
  idle: seconds(3600),
  accessTtl: seconds(900),
  refreshTtl: seconds(86_400),
  refreshGrace: seconds(10),
  bearerSignature: "required",
  clients: [{ clientId: "app", redirectUris: ["com.example.app:/callback"] }],
  assets: "vod-ts",
  signUp: "open",
};

/** The identity worker's own code on SQLite, with its log entries, telemetry and log lines. */
export async function identityStage(changes: Partial<IdentitySettings> = {}) {
  const database = new DatabaseSync(":memory:");
  for (const { sql } of readMigrations()) database.exec(sql);
  const logged: Revocation[] = [];
  const events: TelemetryEvent[] = [];
  const lines: string[] = [];
  const faults = { logIsDown: false, logIsFull: false };
  const ended: EndedLogin[] = [];
  const parts: IdentityParts = {
    settings: { ...settings, ...changes },
    database,
    revocations: {
      append: async (entries) => {
        if (faults.logIsDown) throw new Error("down");
        logged.push(...entries);
        return faults.logIsFull ? entries.length : 0;
      },
    },
    onEnded: (login) => ended.push(login),
    telemetry: (event) => events.push(event),
    clock: systemClock,
    onError: () => lines.push("an exception"),
    log: (level, message) => lines.push(`${level} ${message}`),
  };
  await seedIdentity(parts);
  const send = async (path: string, init: RequestInit = {}) => {
    const request = new Request(`${apiUrl}/api/auth${path}`, init);
    return answerIdentity(request, { ...parts, turn: await turnOf(request, parts) });
  };
  return { database, parts, logged, ended, events, lines, faults, fetch: send, post: postWith(send) };
}

/** Posts JSON as a page of the API's own site does. */
export function postWith(send: (path: string, init: RequestInit) => Promise<Response>) {
  return (path: string, body: object, headers: Record<string, string> = {}) =>
    send(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Origin: apiUrl, ...headers },
      body: JSON.stringify(body),
    });
}

export type IdentityStage = Awaited<ReturnType<typeof identityStage>>;

export interface SignedIn {
  readonly cookie: string;
  readonly bearer: string;
  readonly sessionId: string;
  readonly userId: string;
}

const password = "correct horse battery";

/** Signs a new user up, or an existing user in. Each call creates a session. */
export async function signIn({ fetch, post }: Pick<IdentityStage, "fetch" | "post">, email: string): Promise<SignedIn> {
  const signUp = await post("/sign-up/email", { email, password, name: "Someone" });
  const response = signUp.status === 200 ? signUp : await post("/sign-in/email", { email, password });
  const [cookie = ""] = response.headers.getSetCookie()[0]?.split(";") ?? [];
  const bearer = response.headers.get("set-auth-token") ?? "";
  const { session } = Object(await (await fetch("/get-session", { headers: { cookie } })).json());
  return { cookie, bearer, sessionId: session.id, userId: session.userId };
}

export interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
}

/** Requests the first tokens of a family by code and PKCE, as an app does on a device. */
export async function requestTokens(stage: Pick<IdentityStage, "fetch">, { bearer }: SignedIn): Promise<Tokens> {
  const code_verifier = "v".repeat(64);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code_verifier));
  const redirect_uri = "com.example.app:/callback";
  const query = new URLSearchParams({
    ...{ response_type: "code", client_id: "app", redirect_uri, scope: "stream:play offline_access", state: "s" },
    ...{ code_challenge: Buffer.from(digest).toString("base64url"), code_challenge_method: "S256" },
  });
  const response = await stage.fetch(`/oauth2/authorize?${query}`, {
    headers: { Authorization: `Bearer ${bearer}`, Accept: "application/json", "Sec-Fetch-Mode": "cors" },
  });
  const { url } = Object(await response.json());
  const code = new URL(url).searchParams.get("code") ?? "";
  const result = await postTokenRequest(stage, { grant_type: "authorization_code", code, redirect_uri, code_verifier });
  if (result.status !== 200) throw new Error(`no tokens: ${result.status}`);
  return Object(result.body);
}

export interface Refreshed {
  readonly status: number;
  readonly error: string | undefined;
  readonly body: unknown;
  readonly token: string;
}

export function refresh(stage: Pick<IdentityStage, "fetch">, refresh_token: string): Promise<Refreshed> {
  return postTokenRequest(stage, { grant_type: "refresh_token", refresh_token });
}

async function postTokenRequest(stage: Pick<IdentityStage, "fetch">, form: Record<string, string>): Promise<Refreshed> {
  const body = new URLSearchParams({ client_id: "app", ...form });
  const response = await stage.fetch("/oauth2/token", { method: "POST", body });
  const json = Object(await response.json());
  return { status: response.status, error: json.error, body: json, token: json.refresh_token ?? "" };
}
