import { type Problem, problemOf } from "./problem.ts";

export interface Session {
  readonly sessionId: string;
  readonly manifestUrl: string;
  /** Milliseconds, both. */
  readonly manifestEnds: number;
  readonly sessionEnds: number;
}

export type Started =
  | { readonly is: "started"; readonly status: number; readonly session: Session }
  | { readonly is: "refused"; readonly problem: Problem }
  | { readonly is: "unreachable" };

/** Trades a bearer token for a session: `POST /stream/start`. */
export async function startStream(path: string, asset: string, token: string): Promise<Started> {
  let response: Response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ asset }),
    });
  } catch {
    return { is: "unreachable" };
  }
  const text = await response.text();
  if (response.status !== 201) {
    const challenge = response.headers.get("WWW-Authenticate") ?? undefined;
    return { is: "refused", problem: { ...problemOf(response.status, text), challenge } };
  }
  const { sessionId, manifestUrl, manifestExpiresAt, sessionExpiresAt } = JSON.parse(text);
  const session = {
    sessionId,
    manifestUrl,
    manifestEnds: Date.parse(manifestExpiresAt),
    sessionEnds: Date.parse(sessionExpiresAt),
  };
  return { is: "started", status: response.status, session };
}
