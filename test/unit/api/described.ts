import type { Hono } from "hono";
import { problemSchema } from "../../../src/api/openapi/components.ts";
import { routesAtRoot, routesBelowBase } from "../../../src/api/openapi/document.ts";
import type { Refusal, Result } from "../../../src/base/result.ts";
import { commonRefusals, type RouteDescription, type RouteTable } from "../../../src/http/route.ts";

/** Makes the API throw instead of sending a response that its own description does not allow. */
export function heldToDescription(app: Hono, basePath: string): Hono {
  const { fetch } = app;
  app.fetch = async (request, ...rest) => {
    const response = await fetch(request, ...rest);
    await holdToDescription(request.method, new URL(request.url).pathname, basePath, response);
    return response;
  };
  return app;
}

/** Throws if the result of a route's handler does not match the route's description. */
export async function heldToRoute<Value extends object | undefined>(
  method: string,
  template: string,
  pending: Promise<Result<Value, Refusal>>,
): Promise<Result<Value, Refusal>> {
  const result = await pending;
  const route = routesBelowBase[template]?.[method];
  if (route === undefined) throw new Error(`no route ${method} ${template} is described`);
  if (!result.ok && ![...route.refusals, ...commonRefusals].includes(result.refusal.code))
    throw new Error(`${method} ${template} is not described with ${result.refusal.code}`);
  if (result.ok) route.response.body?.schema.parse(JSON.parse(JSON.stringify(result.value)));
  return result;
}

/**
 * Throws if a response does not match its description: an undescribed status or code, or a body that its strict schema rejects.
 * The response's body stays unread.
 */
export async function holdToDescription(
  method: string,
  path: string,
  basePath: string,
  response: Response,
): Promise<void> {
  const byMethod = find(path, basePath === "/" ? "" : basePath);
  // A HEAD response is that of GET without its body.
  if (byMethod === undefined || method === "OPTIONS" || method === "HEAD") return;
  const route = byMethod[method];
  const text = await response.clone().text();
  const fail = (what: string): never => {
    throw new Error(`${method} ${path} does not match its description: ${what}`);
  };
  if (response.headers.get("Content-Type") === "application/problem+json") {
    const { code } = problemSchema.parse(JSON.parse(text));
    const codes = route === undefined ? ["https_required", "method_unknown"] : [...route.refusals, ...commonRefusals];
    if (!codes.includes(code)) fail(`it refuses with ${code}`);
    return;
  }
  const described = [route?.response, route?.otherResponse].find((one) => one?.status === response.status);
  if (described === undefined) return fail(`its status is ${response.status}`);
  if (described.body !== undefined) described.body.schema.parse(JSON.parse(text));
  else if (described.contentType === undefined && text !== "") fail("it has a body");
}

function find(path: string, base: string): Readonly<Record<string, RouteDescription>> | undefined {
  const at = (routes: RouteTable<RouteDescription>, prefix: string) =>
    Object.entries(routes).find(([template]) => matches(prefix + template, path))?.[1];
  return at(routesAtRoot, "") ?? at(routesBelowBase, base);
}

/** Like the router: a parameter is one segment that is not empty. */
function matches(template: string, path: string): boolean {
  const expected = template.split("/");
  const segments = path.split("/");
  return (
    expected.length === segments.length &&
    expected.every((part, i) => (part.startsWith(":") ? segments[i] !== "" : part === segments[i]))
  );
}
