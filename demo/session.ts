import { type Answer, type Shown, showing } from "./answer.ts";
import type { Credential } from "./credential.ts";
import { problemOf, withFields } from "./problem.ts";

/** A playback session as the page holds it: what a start answered, and the credential it was started with. */
export interface Session {
  readonly sessionId: string;
  readonly asset: string;
  readonly manifestUrl: string;
  /** Milliseconds, both. */
  readonly manifestEnds: number;
  readonly sessionEnds: number;
  /** A secret: sent to the API alone, and shown nowhere. */
  readonly grant: string;
  readonly credential: Credential;
}

/** What the API says of a session. */
export interface SessionState {
  readonly state: string;
  readonly networks: number | undefined;
}

/** What a stream is started with. */
export interface Wanted {
  readonly asset: string;
  readonly credential: Credential;
  /** Whether the viewer's oldest stream makes room. */
  readonly takeover: boolean;
}

/** Trades a credential for a session: `POST /stream/start`. */
export function startSession(apiPath: string, wanted: Wanted, shown: Shown): Promise<Answer<Session>> {
  const { asset, credential, takeover } = wanted;
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(takeover ? { asset, takeover } : { asset }),
  };
  const read = ({ sessionId, manifestUrl, grant, ...times }: Document) => ({
    ...{ sessionId: String(sessionId), asset, manifestUrl: String(manifestUrl), grant: String(grant), credential },
    manifestEnds: Date.parse(String(times.manifestExpiresAt)),
    sessionEnds: Date.parse(String(times.sessionExpiresAt)),
  });
  return ask(`${apiPath}/stream/start`, { credential, request, read, shown });
}

/** A session's state: `GET /stream/{id}`. */
export function sessionState(apiPath: string, session: Session): Promise<Answer<SessionState>> {
  const read = ({ state, networks }: Document) => ({
    state: String(state),
    networks: typeof networks === "number" ? networks : undefined,
  });
  return askForOwn(apiPath, session, { request: {}, read });
}

/** Ends a session: `DELETE /stream/{id}`. Its URLs are worth nothing within two seconds. */
export function endSession(apiPath: string, session: Session, shown: Shown): Promise<Answer<undefined>> {
  return askForOwn(apiPath, session, { request: { method: "DELETE" }, read: () => undefined, shown });
}

type Document = { readonly [name: string]: unknown };

interface Asked<Value> {
  readonly request: RequestInit & { readonly headers?: Readonly<Record<string, string>> };
  readonly read: (document: Document) => Value;
  readonly shown?: Shown;
}

/** An id alone, which anybody who sees a URL can read, does nothing: the grant and the viewer's credential go with it. */
async function askForOwn<Value>(
  apiPath: string,
  { sessionId, grant, credential }: Session,
  asked: Asked<Value>,
): Promise<Answer<Value>> {
  const request = { ...asked.request, headers: { "CTA-Common-Access-Token": grant } };
  const send = () => ask(`${apiPath}/stream/${encodeURIComponent(sessionId)}`, { ...asked, request, credential });
  const first = await send();
  return hasEnded(first) && credential.ended() ? send() : first;
}

/** Whether another token is all that a request lacks. */
export function hasEnded(answer: Answer<unknown>): boolean {
  return answer.is === "refused" && answer.problem.code === "token_expired";
}

async function ask<Value>(
  path: string,
  { credential, request, read, shown }: Asked<Value> & { readonly credential: Credential },
): Promise<Answer<Value>> {
  const presented = await credential.present();
  if (presented.is !== "done") return presented;
  const { headers, credentials } = presented.value;
  return showing(shown, () =>
    send(path, { ...request, credentials, headers: { ...request.headers, ...headers } }, read),
  );
}

async function send<Value>(
  path: string,
  request: RequestInit,
  read: (document: Document) => Value,
): Promise<Answer<Value>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, request);
    text = await response.text();
  } catch {
    return { is: "unreachable" };
  }
  if (!response.ok) return { is: "refused", problem: withFields(problemOf(response.status, text), response.headers) };
  return { is: "done", status: response.status, value: read(text === "" ? {} : JSON.parse(text)) };
}
