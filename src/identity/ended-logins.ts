import * as z from "zod";
import { decodeBase64url, encodeBase64url } from "../base/base64url.ts";
import { isUnixSeconds, type UnixSeconds, unixSeconds } from "../base/seconds.ts";

/** A session of sign-in that the identity worker ended. */
export interface EndedLogin {
  readonly userId: string;
  /** Its name in grants: see `login-name.ts`. */
  readonly login: string;
  /** When the last access token that it gave out has expired. */
  readonly tokensUntil: UnixSeconds;
  /** False where the revocation log was full: then nothing but the viewer's streams can end what came from it. */
  readonly logged: boolean;
}

/**
 * The header in which the identity worker tells the API which logins a request ended. The API holds the session keys, and so the
 * names of the viewers' streams; it takes the header off before it answers.
 */
const header = "Stagedoor-Ended-Logins";

/** As many as a header holds without any doubt. Of others the revocation log alone says that they were signed out of. */
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
  const told = new Response(response.body, response);
  const text = JSON.stringify(ended.slice(0, most));
  told.headers.set(header, encodeBase64url(new TextEncoder().encode(text)));
  return told;
}

/** The logins that a request ended, and the response without them. It throws where the header cannot be read. */
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
