import * as z from "zod";
import type { Presented } from "../../auth/credential.ts";
import type { EndSignIns, IdentitySessions } from "../../auth/identity-credential.ts";
import { identityPath } from "../../base/constants.ts";
import { endSignInsPath } from "../../identity/end-sign-ins.ts";
import { rightsOf } from "../../identity/identity-settings.ts";
import { type EndedLogin, takeEndedLogins } from "../../identity/sign-out.ts";

/** The part of a service binding that is used here. */
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
 * The identity worker over a service binding: its own `GET /api/auth/get-session`, with the one credential that was presented
 * and nothing else of the viewer's request. Asking is a use of the session, which prolongs it, unless it is a look alone. It rejects where the worker
 * answers anything but a session or `null`.
 */
export function identityService(binding: IdentityBinding, apiUrl: string): IdentitySessions {
  return async (presented, use = "use") => {
    const query = use === "look" ? "?disableRefresh=true" : "";
    const asked = new Request(`${apiUrl}${identityPath}/get-session${query}`, { headers: headersOf(presented) });
    const response = await binding.fetch(asked);
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
 * The identity worker's routes, over its service binding. What a request ended there is told to `endLogin`: in the background
 * where the revocation log has it, and else before the answer, which rejects where `endLogin` says that it failed.
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

/** The identity worker's own end of sessions of sign-in, over its service binding. It rejects for any answer but a 204. */
export function identityEnding(binding: IdentityBinding, apiUrl: string): EndSignIns {
  return async (which) => {
    const headers = { "Content-Type": "application/json" };
    const asked = new Request(`${apiUrl}${endSignInsPath}`, { method: "POST", headers, body: JSON.stringify(which) });
    const response = await binding.fetch(asked);
    if (response.status !== 204) throw new Error(`the identity worker answered ${response.status}`);
  };
}

function headersOf(presented: Presented): Record<string, string> {
  return presented.is === "cookie" ? { Cookie: presented.cookie } : { Authorization: `Bearer ${presented.token}` };
}
