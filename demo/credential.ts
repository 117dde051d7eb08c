import type { ApiResult } from "./api-result.ts";

/** The credential of a request to the API. */
export interface Credential {
  /** Whether it belongs to the signed-in account, so that signing out ends the streams that it started. */
  readonly ofAccount: boolean;
  /** Called for each request, so that the token is fresh. Fails if there is none. */
  readonly present: () => Promise<ApiResult<Presented>>;
  /** Discards a token that the API reports as expired (401 token_expired). Returns whether a new one is available. */
  readonly discard: () => boolean;
}

/** The `fetch` options for a credential. */
export interface Presented {
  readonly headers: Readonly<Record<string, string>>;
  readonly credentials: RequestCredentials;
}

/** One bearer token, without a cookie. */
export function bearerCredential(token: string): Credential {
  return {
    ofAccount: false,
    present: async () => ({ kind: "done", status: 200, value: presentedBearer(token) }),
    discard: () => false,
  };
}

/** The sign-in cookie, which the browser adds itself and no script can read. */
export const cookieCredential: Credential = {
  ofAccount: true,
  present: async () => ({ kind: "done", status: 200, value: { headers: {}, credentials: "same-origin" } }),
  discard: () => false,
};

/** The Authorization header of a bearer token (RFC 6750 §2.1). */
export function presentedBearer(token: string): Presented {
  return { headers: { Authorization: `Bearer ${token}` }, credentials: "omit" };
}
