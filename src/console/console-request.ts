import type { Context } from "hono";
import { credentialOf } from "../auth/request-credential.ts";
import { requestText } from "../base/body-text.ts";
import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { clientOf, sourceOf } from "../http/request.ts";
import { pasted } from "../operator/explain/explain-text.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import type { SessionRequest } from "../sessions/session-context.ts";
import type { ConsoleSession } from "./console-sign-in.ts";

/** Enough for a signed URL of 8 kB, percent-encoded throughout. */
const maxForm = 32_768;

/** The fields of a form; `body_invalid` for anything else. */
export async function formOf(raw: Request): Promise<Result<URLSearchParams, Refusal>> {
  const type = raw.headers.get("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase();
  const text = await requestText(raw, maxForm);
  if (!text.ok) return text;
  return type === "application/x-www-form-urlencoded"
    ? ok(new URLSearchParams(text.value))
    : refusal("body_invalid", "the body is not a form", "Content-Type: Use application/x-www-form-urlencoded.");
}

export interface ConsoleDeps {
  readonly sha256: TextHash;
  readonly development: boolean;
}

/**
 * A request to the console, for the handlers of the API. Its credential is `token`, the field of the sign-in form; the
 * header Authorization is ignored.
 */
export function requestOf(
  { req, executionCtx }: Context,
  token: string | undefined,
  context: OperatorContext,
  { sha256, development }: ConsoleDeps,
): SessionRequest {
  const { raw } = req;
  const url = new URL(raw.url);
  const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${headerText(token)}` });
  const credentialRequest = { method: raw.method, url: url.origin + url.pathname, headers, body: undefined };
  return {
    credential: credentialOf(credentialRequest, context),
    grant: undefined,
    subject: undefined,
    id: req.param("id") ?? "",
    query: url.searchParams,
    body: "",
    ...sourceOf(raw, development),
    origin: undefined,
    client: clientOf(raw, sha256, development),
    onQuotaStatus: () => undefined,
    onViewer: () => undefined,
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

/** Text that a header cannot contain is not a token either, and becomes an invalid one. */
function headerText(token: string): string {
  const trimmed = pasted(token);
  return /^[\x21-\x7e]+$/.test(trimmed) ? trimmed : "-";
}

/** A request of a signed-in operator. */
interface ConsoleRequest {
  readonly session: ConsoleSession;
  /** The operator's name. */
  readonly operator: string;
  readonly request: SessionRequest;
  /** The parameter of the path: a session's id or a refusal code. */
  readonly name: string;
  readonly form: URLSearchParams;
}

/** Renders a page or runs an action for a signed-in operator. */
export type PageHandler = (request: ConsoleRequest, context: OperatorContext) => Promise<Result<Response, Refusal>>;

/**
 * Refuses forms of other pages. A `SameSite=Strict` cookie is still sent by pages of other hosts of the same site, so a
 * POST needs the Origin of the console itself (RFC 6454), and `Sec-Fetch-Site`, if present, has to agree.
 * `origin_untrusted`.
 */
export function checkOrigin({ url, headers }: Pick<Request, "url" | "headers">): Result<undefined, Refusal> {
  if (headers.get("Origin") !== new URL(url).origin)
    return refusal("origin_untrusted", "the form was sent without the console's Origin");
  const site = headers.get("Sec-Fetch-Site");
  return site === null || site === "same-origin"
    ? ok(undefined)
    : refusal("origin_untrusted", "the browser reports that the form was sent by another site");
}

export const signInPath = "/console/sign-in";

export function isConsolePath(path: string): boolean {
  return path === "/console" || path.startsWith("/console/");
}

/**
 * Path and query of a page of the console; empty for the overview and for anything else, so that a link cannot lead
 * from the sign-in to another site.
 */
export function consolePath(text: string | undefined, url: string): string {
  if (text === undefined || !URL.canParse(text, url)) return "";
  const { origin, pathname, search } = new URL(text, url);
  const isPage = origin === new URL(url).origin && isConsolePath(pathname) && pathname !== signInPath;
  return isPage && pathname + search !== "/console" ? pathname + search : "";
}

/** The page that a request is for; empty for the overview and for a form. */
export function requestedPage({ method, url }: Pick<Request, "method" | "url">): string {
  const requested = new URL(url);
  requested.searchParams.delete("again");
  return method === "GET" ? consolePath(requested.pathname + requested.search, url) : "";
}
