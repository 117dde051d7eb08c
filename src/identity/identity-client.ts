import * as z from "zod";
import type { Presented } from "../auth/credential.ts";
import type { EndSignIns, FindUser, IdentitySessions } from "../auth/identity-credential.ts";
import { identityPath } from "../base/constants.ts";
import { rightsOf } from "./identity-settings.ts";
import { type EndedLogin, endSignInsPath, findUserPath, takeEndedLogins } from "./service-messages.ts";

/** The identity service: a worker's binding, or a handler of the same process. */
export interface IdentityBinding {
  fetch(request: Request): Promise<Response>;
}

const answerSchema = z
  .object({
    session: z.object({ id: z.string().min(1), createdAt: z.iso.datetime(), expiresAt: z.iso.datetime() }),
    user: z.looseObject({ id: z.string().min(1) }),
  })
  .nullable();

/**
 * Sign-in sessions from the identity worker's `GET /api/auth/get-session`, over its binding. The request
 * contains the presented credential and nothing else of the viewer's request. It extends the session, except with `use`
 * "look". Rejects if the response is neither a session nor `null`.
 */
export function identityService(binding: IdentityBinding, apiUrl: string): IdentitySessions {
  return async (presented, use = "use") => {
    const query = use === "look" ? "?disableRefresh=true" : "";
    const request = new Request(`${apiUrl}${identityPath}/get-session${query}`, { headers: headersOf(presented) });
    const response = await binding.fetch(request);
    if (response.status !== 200) throw new Error(`the identity worker answered ${response.status}`);
    const answer = answerSchema.parse(await response.json());
    if (answer === null) return undefined;
    const { session, user } = answer;
    return {
      sessionId: session.id,
      userId: user.id,
      createdAt: Date.parse(session.createdAt),
      expiresAt: Date.parse(session.expiresAt),
      ...rightsOf(user),
    };
  };
}

/**
 * The identity worker's routes, over its binding. Calls `endLogin` for each login that a request ended: in the
 * background if the revocation log has it already, otherwise before the response. Rejects if that `endLogin` failed.
 */
export function identityRoutes(
  binding: IdentityBinding,
  endLogin: (ended: EndedLogin) => Promise<boolean>,
  waitUntil: (work: Promise<unknown>) => void,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const [response, ended] = takeEndedLogins(await binding.fetch(request));
    for (const login of ended.filter(({ logged }) => logged)) waitUntil(endLogin(login));
    const done = await Promise.all(ended.filter(({ logged }) => !logged).map(endLogin));
    if (done.includes(false)) throw new Error("the sessions of a sign-out were not ended");
    return response;
  };
}

/** Ends sign-in sessions in the identity worker, over its binding. Rejects unless the response is 204. */
export function identityEnding(binding: IdentityBinding, apiUrl: string): EndSignIns {
  return async (which) => {
    const headers = { "Content-Type": "application/json" };
    const request = new Request(`${apiUrl}${endSignInsPath}`, { method: "POST", headers, body: JSON.stringify(which) });
    const response = await binding.fetch(request);
    if (response.status !== 204) throw new Error(`the identity worker answered ${response.status}`);
  };
}

/** Finds a user by e-mail address in the identity worker, over its binding. Rejects unless the response is 200. */
export function userFinding(binding: IdentityBinding, apiUrl: string): FindUser {
  return async (email) => {
    const headers = { "Content-Type": "application/json" };
    const request = new Request(`${apiUrl}${findUserPath}`, {
      method: "POST",
      headers,
      body: JSON.stringify({ email }),
    });
    const response = await binding.fetch(request);
    if (response.status !== 200) throw new Error(`the identity worker answered ${response.status}`);
    return foundSchema.parse(await response.json()).userId ?? undefined;
  };
}

const foundSchema = z.object({ userId: z.string().min(1).nullable() });

function headersOf(presented: Presented): Record<string, string> {
  return presented.kind === "cookie" ? { Cookie: presented.cookie } : { Authorization: `Bearer ${presented.token}` };
}
