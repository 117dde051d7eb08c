import { boundedText } from "../base/bounded-text.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result, refuse } from "../base/result.ts";

/** Below this path of the API's origin, whatever its base path, stands the identity worker. */
export const identityPath = "/api/auth";

/** The identity worker, over its service binding. */
export type Identity = (request: Request) => Promise<Response>;

/**
 * Looks at a request, with the part of its path below {@link identityPath}, before the worker does, and gives back what the
 * worker is to be asked.
 */
export type BeforeIdentity = (request: Request, path: string) => Promise<Result<Request, Refusal>>;

const longestBody = 65_536;
const methods = ["GET", "HEAD", "POST"];
const allow = "GET, HEAD, POST, OPTIONS";

/** The answer to a preflight, which names no origin: whose pages may ask is for the shell to add. */
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
 * Hands a request to the identity worker, and its answer back, kept by nobody. `route_unknown` for a path with another
 * spelling than its plain one: two that read it differently would let a request around what `before` counts;
 * `method_unknown`, `body_invalid` for a body of more than 64 KiB, `store_unavailable` where the worker does not answer.
 */
export async function askIdentity(
  request: Request,
  identity: Identity,
  before: BeforeIdentity,
): Promise<Result<Response, Refusal>> {
  const path = new URL(request.url).pathname.slice(identityPath.length);
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path))
    return refusal("route_unknown", "no plain path below the identity worker's");
  const { method } = request;
  if (!methods.includes(method)) return refuse({ code: "method_unknown", reason: `not one of ${allow}`, allow });
  const allowed = await before(request, path);
  if (!allowed.ok) return allowed;
  const body = method === "POST" ? await boundedText(allowed.value, longestBody) : null;
  if (body === undefined) return refusal("body_invalid", `the body is longer than ${longestBody} bytes`);
  const headers = new Headers(request.headers);
  // The runtime counts what is sent, which is not what came where that was no UTF-8.
  headers.delete("Content-Length");
  // An empty text would be given a type of its own, which the worker does not take: a sign-out has no body.
  const passed = new Request(request.url, { method, headers, body: body || null, redirect: "manual" });
  try {
    return ok(keptByNobody(await identity(passed)));
  } catch {
    return refusal("store_unavailable", "the identity worker does not answer over its service binding");
  }
}

function keptByNobody({ body, status, headers }: Response): Response {
  const answered = new Response(body, { status, headers });
  answered.headers.set("Cache-Control", "no-store");
  return answered;
}
