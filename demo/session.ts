import { type ApiResult, type ShownRequest, showRequest } from "./api-result.ts";
import type { Credential } from "./credential.ts";
import { problemOf, withHeaders } from "./problem.ts";

/** A playback session of the page: the response to a start, and the credential that started it. */
export interface Session {
  readonly sessionId: string;
  readonly asset: string;
  readonly manifestUrl: string;
  /** Both in milliseconds. */
  readonly manifestExpiresAt: number;
  readonly sessionExpiresAt: number;
  /** A secret: sent only to the API, and never shown. */
  readonly grant: string;
  readonly credential: Credential;
}

/** A session's state according to the API. */
export interface SessionState {
  readonly state: string;
  readonly networks: number | undefined;
}

/** The asset and the credential of a start. */
export interface StartOptions {
  readonly asset: string;
  readonly credential: Credential;
  /** Whether to end the viewer's oldest stream at the stream limit. */
  readonly takeover: boolean;
}

/** Exchanges a credential for a session: `POST /stream/start`. */
export function startSession(apiPath: string, options: StartOptions, shown: ShownRequest): Promise<ApiResult<Session>> {
  const { asset, credential, takeover } = options;
  const request = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(takeover ? { asset, takeover } : { asset }),
  };
  const read = ({ sessionId, manifestUrl, grant, ...times }: JsonObject) => ({
    ...{ sessionId: String(sessionId), asset, manifestUrl: String(manifestUrl), grant: String(grant), credential },
    manifestExpiresAt: Date.parse(String(times.manifestExpiresAt)),
    sessionExpiresAt: Date.parse(String(times.sessionExpiresAt)),
  });
  return authorized(`${apiPath}/stream/start`, { credential, request, read, shown });
}

/** A file that no playlist names, and its signed URL. */
interface OpenedFile {
  readonly path: string;
  readonly url: string;
}

/** Exchanges a credential for the URLs of files that no playlist names: `POST /files`. */
export function openFiles(
  apiPath: string,
  { asset, files, credential }: Pick<StartOptions, "asset" | "credential"> & { readonly files: readonly string[] },
  shown: ShownRequest,
): Promise<ApiResult<readonly OpenedFile[]>> {
  const headers = { "Content-Type": "application/json" };
  const request = { method: "POST", headers, body: JSON.stringify({ asset, files }) };
  const read = ({ files: opened }: JsonObject) =>
    (Array.isArray(opened) ? opened : []).map((file: unknown) => {
      const { path, url } = Object(file);
      return { path: String(path), url: String(url) };
    });
  return authorized(`${apiPath}/files`, { credential, request, read, shown });
}

/** A session's state: `GET /stream/{id}`. */
export function sessionState(apiPath: string, session: Session): Promise<ApiResult<SessionState>> {
  const read = ({ state, networks }: JsonObject) => ({
    state: String(state),
    networks: typeof networks === "number" ? networks : undefined,
  });
  return requestOwn(apiPath, session, { request: {}, read });
}

/** Ends a session: `DELETE /stream/{id}`. Within two seconds its URLs are refused. */
export function endSession(apiPath: string, session: Session, shown: ShownRequest): Promise<ApiResult<undefined>> {
  return requestOwn(apiPath, session, { request: { method: "DELETE" }, read: () => undefined, shown });
}

type JsonObject = { readonly [name: string]: unknown };

interface ApiRequest<Value> {
  readonly request: RequestInit & { readonly headers?: Readonly<Record<string, string>> };
  readonly read: (document: JsonObject) => Value;
  readonly shown?: ShownRequest;
}

/** Adds the grant and the viewer's credential, since anyone who sees a URL can read the id. */
async function requestOwn<Value>(
  apiPath: string,
  { sessionId, grant, credential }: Session,
  apiRequest: ApiRequest<Value>,
): Promise<ApiResult<Value>> {
  const request = { ...apiRequest.request, headers: { "CTA-Common-Access-Token": grant } };
  const send = () =>
    authorized(`${apiPath}/stream/${encodeURIComponent(sessionId)}`, { ...apiRequest, request, credential });
  const first = await send();
  return isTokenExpired(first) && credential.discard() ? send() : first;
}

/** Whether a new token would let the request succeed. */
export function isTokenExpired(result: ApiResult<unknown>): boolean {
  return result.kind === "refused" && result.problem.code === "token_expired";
}

async function authorized<Value>(
  path: string,
  { credential, request, read, shown }: ApiRequest<Value> & { readonly credential: Credential },
): Promise<ApiResult<Value>> {
  const presented = await credential.present();
  if (presented.kind !== "done") return presented;
  const { headers, credentials } = presented.value;
  return showRequest(shown, () =>
    send(path, { ...request, credentials, headers: { ...request.headers, ...headers } }, read),
  );
}

async function send<Value>(
  path: string,
  request: RequestInit,
  read: (document: JsonObject) => Value,
): Promise<ApiResult<Value>> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, request);
    text = await response.text();
  } catch {
    return { kind: "unreachable" };
  }
  if (!response.ok)
    return { kind: "refused", problem: withHeaders(problemOf(response.status, text), response.headers) };
  return { kind: "done", status: response.status, value: read(text === "" ? {} : JSON.parse(text)) };
}
