import { readJson, requestText } from "../base/body-text.ts";
import { identityPath } from "../base/constants.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";

/** The identity worker, over its service binding. */
export type Identity = (request: Request) => Promise<Response>;

/** A request to the identity worker whose body was read. */
export interface IdentityRequest extends Pick<Request, "method" | "url" | "headers"> {
  readonly body: string;
}

/** Looks at a request, with the part of its path below {@link identityPath}, before the worker does. */
export type BeforeIdentity = (request: IdentityRequest, path: string) => Promise<Result<undefined, Refusal>>;

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
 * `method_unknown`, `body_invalid` for a body that {@link requestText} refuses, is longer than 64 KiB, or says that it is JSON
 * and is not; what `before` refuses; `store_unavailable` where the worker does not answer.
 */
export async function askIdentity(
  request: Request,
  identity: Identity,
  before: BeforeIdentity,
): Promise<Result<Response, Refusal>> {
  const path = new URL(request.url).pathname.slice(identityPath.length);
  if (!/^(\/[A-Za-z0-9._~-]+)+$/.test(path))
    return refusal("route_unknown", "no plain path below the identity worker's");
  const { method, url } = request;
  if (!methods.includes(method)) return refuse({ code: "method_unknown", reason: `not one of ${allow}`, allow });
  const body = method === "POST" ? await bodyOf(request) : ok("");
  if (!body.ok) return body;
  const allowed = await before({ method, url, headers: request.headers, body: body.value }, path);
  if (!allowed.ok) return allowed;
  const headers = new Headers(request.headers);
  // The runtime counts the bytes that it sends: a byte order mark is not among them.
  headers.delete("Content-Length");
  // An empty text would be given a type of its own, which the worker does not accept: a sign-out has no body.
  const passed = new Request(url, { method, headers, body: body.value || null, redirect: "manual" });
  try {
    return ok(keptByNobody(await identity(passed)));
  } catch {
    return refusal("store_unavailable", "the identity worker does not answer over its service binding");
  }
}

/** Where a body says that it is JSON the library would answer 400 with a code of its own for what is not. */
async function bodyOf(request: Request): Promise<Result<string, Refusal>> {
  const body = await requestText(request, longestBody);
  const type = request.headers.get("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (!body.ok || body.value === "" || type !== "application/json") return body;
  const document = readJson(body.value);
  return document.ok ? body : document;
}

function keptByNobody({ body, status, headers }: Response): Response {
  const answered = new Response(body, { status, headers });
  answered.headers.set("Cache-Control", "no-store");
  return answered;
}
