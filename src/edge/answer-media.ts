import { type Refusal, type Result, refusal } from "../base/result.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { httpsRequired, isPlainHttp, mediaPreflight, strictTransport, withCors } from "../http/cors.ts";
import { errorResponse, type Reporting, refusedResponse } from "../http/problem-response.ts";
import type { RequestTraits } from "../metrics/gathered.ts";
import type { openGrant } from "../signing/grant.ts";
import { type MediaTarget, targetOf } from "../signing/media-url.ts";

/** A GET or HEAD request to the media host. */
export interface MediaRequest {
  readonly method: "GET" | "HEAD";
  /** Path and query, as they were on the wire. */
  readonly target: string;
  readonly raw: Request;
  /** Receives the subject's keyed hash once a grant was opened, for the log. */
  readonly onSubject?: (subject: string) => void;
  /** Receives the asset that the path names, if the catalog has it, for lists of refusals. */
  readonly onAsset?: (asset: string) => void;
}

/** Opens grants as `open` does and reports the subject's hash, for the log. */
export function opening({ onSubject }: MediaRequest, open: typeof openGrant): typeof openGrant {
  if (onSubject === undefined) return open;
  return (text, keys, now) => {
    const opened = open(text, keys, now);
    if (opened.ok) onSubject(opened.value.subject);
    return opened;
  };
}

/** Reports the asset that a path names, whether the request is authentic or not. */
export function noteAsset({ onAsset }: MediaRequest, { path }: Pick<MediaTarget, "path">, catalog: Catalog): void {
  const asset = onAsset === undefined ? undefined : catalog.assetOfPath(path);
  if (asset !== undefined) onAsset?.(asset.id);
}

/**
 * Keeps files of an origin from running as pages of the media host. Without it a link to `evil.html`, `evil.svg` or
 * `evil.xml` in an origin runs that file's scripts on a site next to the API, whose cookies and forms it could then use. The
 * policy counts only where a browser opens the file as a page (CSP3 §4.2); players load files as subresources, to which it
 * does not apply. A page that is a single video, audio or image file may still show it.
 */
export const inertHeaders = [
  ["X-Content-Type-Options", "nosniff"],
  [
    "Content-Security-Policy",
    "sandbox; default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'",
  ],
] as const;

export function withInert(response: Response): Response {
  for (const [name, value] of inertHeaders) response.headers.set(name, value);
  return response;
}

const asked = "media";

/** The handler of a worker of the media host. */
export type AnswerMedia = (request: MediaRequest) => Promise<Result<Response, Refusal>>;

export interface AnswerOptions {
  /** See {@link MediaRequest}. By default that of the request's URL. */
  readonly target?: string | undefined;
  /** What is known of a request that is refused. By default nothing. */
  readonly readTraits?: (request: Request) => RequestTraits;
}

/**
 * The outer shell of the edge and the manifest worker: HTTPS alone, preflights, methods, CORS headers and {@link inertHeaders} on
 * every response, one log line per refusal. There is no router here: the path is data that was signed, and only the check
 * may interpret it.
 */
export async function answerMedia(
  request: Request,
  reporting: Reporting,
  answer: AnswerMedia,
  { target = targetOf(request.url), readTraits = () => ({}) }: AnswerOptions = {},
): Promise<Response> {
  const { url, headers } = request;
  if (isPlainHttp(url)) {
    const refused = { headers, asked, traits: readTraits(request) } as const;
    return withInert(withCors(refusedResponse(httpsRequired, refused, reporting)));
  }
  const answered = withInert(await answerSecure(request, target, { reporting, answer, readTraits }));
  const strict = strictTransport(url);
  if (strict !== undefined) answered.headers.set("Strict-Transport-Security", strict);
  return answered;
}

async function answerSecure(
  request: Request,
  target: string,
  {
    reporting,
    answer,
    readTraits,
  }: { readonly reporting: Reporting; readonly answer: AnswerMedia } & Required<Pick<AnswerOptions, "readTraits">>,
): Promise<Response> {
  const { method, headers } = request;
  let subject: string | undefined;
  let asset: string | undefined;
  const traits = () => ({ ...readTraits(request), asset });
  const onAsset = (named: string) => {
    asset = named;
  };
  const onSubject = (opened: string) => {
    subject = opened;
  };
  if (method === "OPTIONS") return mediaPreflight(headers);
  if (method !== "GET" && method !== "HEAD")
    return refused(refusal("method_not_covered", "neither GET nor HEAD").refusal);
  try {
    const answered = await answer({ method, target, raw: request, onSubject, onAsset });
    return answered.ok ? withCors(answered.value) : refused(answered.refusal);
  } catch (error) {
    return withCors(errorResponse(error, { headers, asked, traits: traits() }, reporting));
  }

  function refused(why: Refusal): Response {
    return withCors(refusedResponse(why, { headers, subject, asked, traits: traits() }, reporting));
  }
}

/** Whether the manifest worker had a playlist in memory or asked the origin for it first. */
export type PlaylistFrom = "memory" | "origin";

/** From the manifest worker to the edge only. */
const header = "Stagedoor-Playlist-From";

export function setPlaylistFrom(response: Response, from: PlaylistFrom): void {
  response.headers.set(header, from);
}

/** Reads and removes the manifest worker's header: viewers have no use for it. */
export function readPlaylistFrom(answered: Response): {
  readonly from: PlaylistFrom | undefined;
  readonly response: Response;
} {
  const from = answered.headers.get(header);
  const response = new Response(answered.body, answered);
  response.headers.delete(header);
  return { from: from === "memory" || from === "origin" ? from : undefined, response };
}
