import * as z from "zod";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { isUnixSeconds, type UnixSeconds, unixSeconds } from "../base/time.ts";

// What the API and the identity worker tell each other over the service binding. It imports no better-auth, because the
// API bundles it.

/**
 * The route that ends sign-in sessions. It is outside `/api/auth`, the only path that the API forwards. So only a
 * worker with a binding can call it, and the API does so only for operators.
 */
export const endSignInsPath = "/internal/end-sign-ins";

/** The route that finds the user with an e-mail address, for operators; like {@link endSignInsPath}. */
export const findUserPath = "/internal/find-user";

/** A sign-in session that the identity worker ended. */
export interface EndedLogin {
  readonly userId: string;
  /** Its `loginDigest`. */
  readonly login: string;
  /** The expiry of the last access token that it issued. */
  readonly tokensUntil: UnixSeconds;
  /** False if the revocation log was full: then only the viewer's streams can end its playback. */
  readonly logged: boolean;
}

/**
 * The header in which the identity worker reports ended logins to the API. The API has the session keys, and so the
 * names of the viewers' streams; it removes the header before it responds.
 */
const header = "Stagedoor-Ended-Logins";

/** Maximum number of logins in the header, safely below header limits. Further ones are only in the revocation log. */
const most = 100;

const schema = z.array(
  z.object({
    userId: z.string().min(1),
    login: z.string().min(1),
    tokensUntil: z.number().refine(isUnixSeconds).transform(unixSeconds),
    logged: z.boolean(),
  }),
);

/** The response with the logins that its request ended. */
export function withEndedLogins(response: Response, ended: readonly EndedLogin[]): Response {
  if (ended.length === 0) return response;
  const reported = new Response(response.body, response);
  const text = JSON.stringify(ended.slice(0, most));
  reported.headers.set(header, encodeBase64url(new TextEncoder().encode(text)));
  return reported;
}

/** The logins that a request ended, and the response without the header. Throws if the header is malformed. */
export function takeEndedLogins(response: Response): readonly [Response, readonly EndedLogin[]] {
  const text = response.headers.get(header);
  if (text === null) return [response, []];
  const bytes = decodeBase64url(text);
  if (bytes === undefined) throw new TypeError("the identity worker's ended logins are no base64url");
  const ended = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const stripped = new Response(response.body, response);
  stripped.headers.delete(header);
  return [stripped, ended];
}
