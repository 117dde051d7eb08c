import { type Problem, problemOf } from "./problem.ts";

/** A playback session as the page holds it: what a start answered, and the token it was started with. */
export interface Session {
  readonly sessionId: string;
  readonly asset: string;
  readonly manifestUrl: string;
  /** Milliseconds, both. */
  readonly manifestEnds: number;
  readonly sessionEnds: number;
  /** Both are secrets: sent to the API alone, and shown nowhere. */
  readonly grant: string;
  readonly token: string;
}

/** What the API says of a session. */
export interface SessionState {
  readonly state: string;
  readonly networks: number | undefined;
}

export type Answer<Value> =
  | { readonly is: "done"; readonly status: number; readonly value: Value }
  | { readonly is: "refused"; readonly problem: Problem }
  | { readonly is: "unreachable" };

/** Trades a bearer token for a session: `POST /stream/start`. With `takeover` the viewer's oldest stream makes room. */
export function startSession(
  apiPath: string,
  asset: string,
  token: string,
  takeover: boolean,
): Promise<Answer<Session>> {
  const request = {
    method: "POST",
    headers: { ...bearer(token), "Content-Type": "application/json" },
    body: JSON.stringify(takeover ? { asset, takeover } : { asset }),
  };
  return ask(`${apiPath}/stream/start`, request, ({ sessionId, manifestUrl, grant, ...times }) => ({
    ...{ sessionId: String(sessionId), asset, manifestUrl: String(manifestUrl), grant: String(grant), token },
    manifestEnds: Date.parse(String(times.manifestExpiresAt)),
    sessionEnds: Date.parse(String(times.sessionExpiresAt)),
  }));
}

/** How a session stands: `GET /stream/{id}`. */
export function sessionState(apiPath: string, session: Session): Promise<Answer<SessionState>> {
  return ask(pathOf(apiPath, session), { headers: own(session) }, ({ state, networks }) => ({
    state: String(state),
    networks: typeof networks === "number" ? networks : undefined,
  }));
}

/** Ends a session: `DELETE /stream/{id}`. Its URLs are worth nothing within two seconds. */
export function endSession(apiPath: string, session: Session): Promise<Answer<undefined>> {
  return ask(pathOf(apiPath, session), { method: "DELETE", headers: own(session) }, () => undefined);
}

async function ask<Value>(
  path: string,
  request: RequestInit,
  read: (document: { readonly [name: string]: unknown }) => Value,
): Promise<Answer<Value>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, request);
    text = await response.text();
  } catch {
    return { is: "unreachable" };
  }
  if (!response.ok) {
    const challenge = response.headers.get("WWW-Authenticate") ?? undefined;
    return { is: "refused", problem: { ...problemOf(response.status, text), challenge } };
  }
  return { is: "done", status: response.status, value: read(text === "" ? {} : JSON.parse(text)) };
}

function pathOf(apiPath: string, { sessionId }: Session): string {
  return `${apiPath}/stream/${encodeURIComponent(sessionId)}`;
}

function bearer(token: string) {
  return { Authorization: `Bearer ${token}` };
}

/** An id alone, which anybody who sees a URL can read, does nothing: the grant and the token go with it. */
function own({ token, grant }: Session) {
  return { ...bearer(token), "CTA-Common-Access-Token": grant };
}
