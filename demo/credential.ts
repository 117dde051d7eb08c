import type { Answer } from "./answer.ts";

/** What a request to the API is sent with. */
export interface Credential {
  /** Whether it belongs to the signed-in account, so that signing out ends the streams that it started. */
  readonly ofAccount: boolean;
  /** Called for each request, so that the token is fresh. Rejects if there is none. */
  readonly present: () => Promise<Answer<Presented>>;
  /** Told that the API calls it ended (401 token_expired), and says whether another can be had. */
  readonly ended: () => boolean;
}

/** What `fetch` needs for it. */
export interface Presented {
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: RequestCredentials;
}

/** One bearer token, and no cookie beside it. */
export function bearerCredential(token: string): Credential {
  return {
    ofAccount: false,
    present: async () => ({ is: "done", status: 200, value: presentedBearer(token) }),
    ended: () => false,
  };
}

/** The cookie of sign-in, which the browser adds by itself and shows to no script. */
export const cookieCredential: Credential = {
  ofAccount: true,
  present: async () => ({ is: "done", status: 200, value: { headers: {}, credentials: "same-origin" } }),
  ended: () => false,
};

/** A bearer token as RFC 6750 §2.1 has it. */
export function presentedBearer(token: string): Presented {
  return { headers: { Authorization: `Bearer ${token}` }, credentials: "omit" };
}
