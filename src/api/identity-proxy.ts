import { readJson, requestText } from "../base/body-text.ts";
import { identityPath } from "../base/constants.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";

/** Calls the identity worker over its service binding. */
export type Identity = (request: Request) => Promise<Response>;

/** A request to the identity worker, with its body read. */
export interface IdentityRequest extends Pick<Request, "method" | "url" | "headers"> {
  readonly body: string;
}

/** Runs before the identity worker. `path` is relative to {@link identityPath}. */
export type BeforeIdentity<Reason extends Refusal> = (
  request: IdentityRequest,
  path: string,
) => Promise<Result<undefined, Reason>>;

/** `store_unavailable`: the identity worker does not respond. */
type ProxyRefusal = Refusal<"route_unknown" | "method_unknown" | "body_invalid" | "store_unavailable">;

const maxBody = 65_536;
const methods = ["GET", "HEAD", "POST"];
const allow = "GET, HEAD, POST, OPTIONS";

/** The response to a preflight. The API's middleware adds the trusted origin. */
export function identityPreflight(): Response {
  return new Response(null, {
    status: 204,
    headers: {
      "Access-Control-Allow-Methods": allow,
      "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP",
      "Access-Control-Max-Age": "86400",
      "Cache-Control": "no-store",
    },
  });
}

/**
 * Forwards a request to the identity worker; the response is not cached. A path with escapes or empty segments is
 * `route_unknown`, because a path that the two workers read differently could bypass the limits of `before`.
 */
export async function proxyToIdentity<Reason extends Refusal>(
  request: Request,
  identity: Identity,
  before: BeforeIdentity<Reason>,
): Promise<Result<Response, ProxyRefusal | Reason>> {
  const path = new URL(request.url).pathname.slice(identityPath.length);
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path))
    return refusal("route_unknown", "the identity worker's paths have no escapes and no empty segments");
  const { method, url } = request;
  if (!methods.includes(method)) return refuse({ code: "method_unknown", reason: `not one of ${allow}`, allow });
  const body = method === "POST" ? await bodyOf(request) : ok("");
  if (!body.ok) return body;
  const allowed = await before({ method, url, headers: request.headers, body: body.value }, path);
  if (!allowed.ok) return allowed;
  const headers = new Headers(request.headers);
  // The runtime sets it again: reading the body as text drops a byte order mark.
  headers.delete("Content-Length");
  // An empty text body would get a Content-Type that the worker rejects; a sign-out has no body.
  const forwarded = new Request(url, { method, headers, body: body.value || null, redirect: "manual" });
  try {
    return ok(uncached(await identity(forwarded)));
  } catch {
    return refusal("store_unavailable", "the identity worker does not respond over its service binding");
  }
}

/** Checks JSON here, because better-auth answers invalid JSON with a code of its own. */
async function bodyOf(request: Request): Promise<Result<string, Refusal<"body_invalid">>> {
  const body = await requestText(request, maxBody);
  const type = request.headers.get("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (!body.ok || body.value === "" || type !== "application/json") return body;
  const document = readJson(body.value);
  return document.ok ? body : document;
}

function uncached({ body, status, headers }: Response): Response {
  const response = new Response(body, { status, headers });
  response.headers.set("Cache-Control", "no-store");
  return response;
}
