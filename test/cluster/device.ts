import { oauthProviderClient } from "@better-auth/oauth-provider/client";
import { createAuthClient } from "better-auth/client";
import { jwtClient } from "better-auth/client/plugins";
import { devClient } from "../../cli/lib/dev-environment.ts";
import { testPassword } from "./secrets.ts";

export const password = `${testPassword} of a device`;

/**
 * A viewer's device: better-auth's own client, unmodified, with a fetch that keeps cookies and sends an Origin as a
 * browser does. `origin` is that of the page.
 */
export function deviceAt(apiUrl: string, origin = apiUrl) {
  const jar = new Map<string, string>();
  /** The bearer token of the last response that set one. */
  let bearer = "";
  const browse: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    request.headers.set("Origin", origin);
    if (jar.size > 0) request.headers.set("Cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(request);
    for (const cookie of response.headers.getSetCookie()) keep(cookie);
    bearer = response.headers.get("set-auth-token") ?? bearer;
    return response;
  };
  const keep = (cookie: string) => {
    const [pair = "", ...attributes] = cookie.split("; ");
    const at = pair.indexOf("=");
    if (attributes.includes("Max-Age=0")) jar.delete(pair.slice(0, at));
    else jar.set(pair.slice(0, at), pair.slice(at + 1));
  };
  const client = createAuthClient({
    baseURL: apiUrl,
    plugins: [jwtClient(), oauthProviderClient()],
    fetchOptions: { customFetchImpl: browse },
  });
  const start = (headers: Record<string, string>, send: typeof fetch = fetch) =>
    send(`${apiUrl}/stream/start`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify({ asset: "vod-ts" }),
    });
  return {
    client,
    jar,
    browse,
    bearer: () => bearer,
    /** Starts `vod-ts` with each credential that the device has. */
    startBy: {
      cookie: () => start({}, browse),
      bearer: () => start({ Authorization: `Bearer ${bearer}` }),
      jwt: async () => start({ Authorization: `Bearer ${(await client.token()).data?.token}` }),
      token: (token: string) => start({ Authorization: `Bearer ${token}` }),
    },
  };
}

export type Device = ReturnType<typeof deviceAt>;

/** A device with a new account. */
export async function signedUp(apiUrl: string): Promise<Device & { readonly email: string }> {
  const email = `${crypto.randomUUID()}@example.com`;
  const device = deviceAt(apiUrl);
  const { error } = await device.client.signUp.email({ email, password, name: "Ann" });
  if (error !== null) throw new Error(`no sign-up: ${error.status}`);
  return { ...device, email };
}

export interface TokenResponse {
  readonly status: number;
  readonly error: string | undefined;
  readonly access: string;
  readonly refresh: string;
}

const [, redirect_uri = ""] = devClient.redirectUris;

/** Requests an app's first tokens by code and PKCE (RFC 7636), with the session of `device`. */
export async function requestTokens(apiUrl: string, device: Device): Promise<TokenResponse> {
  const code_verifier = Buffer.from(crypto.getRandomValues(new Uint8Array(48))).toString("base64url");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(code_verifier));
  const query = new URLSearchParams({
    ...{ response_type: "code", client_id: devClient.clientId, redirect_uri, scope: "stream:play offline_access" },
    ...{ state: "s", code_challenge: Buffer.from(digest).toString("base64url"), code_challenge_method: "S256" },
  });
  const response = await device.browse(`${apiUrl}/api/auth/oauth2/authorize?${query}`, { redirect: "manual" });
  const location = response.headers.get("Location") ?? Object(await response.json()).url;
  const code = new URL(location).searchParams.get("code") ?? "";
  return postTokenRequest(apiUrl, { grant_type: "authorization_code", code, redirect_uri, code_verifier });
}

export function refresh(apiUrl: string, refresh_token: string, signal?: AbortSignal): Promise<TokenResponse> {
  return postTokenRequest(apiUrl, { grant_type: "refresh_token", refresh_token }, signal);
}

/** Signs an app out: revokes its refresh token (RFC 7009). */
export function revokeToken(apiUrl: string, token: string): Promise<Response> {
  const body = new URLSearchParams({ client_id: devClient.clientId, token });
  return fetch(`${apiUrl}/api/auth/oauth2/revoke`, { method: "POST", body });
}

async function postTokenRequest(
  apiUrl: string,
  form: Record<string, string>,
  signal?: AbortSignal,
): Promise<TokenResponse> {
  const response = await fetch(`${apiUrl}/api/auth/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({ client_id: devClient.clientId, ...form }),
    ...(signal !== undefined && { signal }),
  });
  const { error, access_token = "", refresh_token = "" } = Object(await response.json());
  return { status: response.status, error, access: access_token, refresh: refresh_token };
}
