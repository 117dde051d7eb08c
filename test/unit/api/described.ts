import type { Hono } from "hono";
import { answerSchema } from "../../../src/api/openapi/answer-schemas.ts";
import { always, type DescribedRoute, type DescribedRoutes } from "../../../src/api/openapi/description.ts";
import { routesAtRoot, routesBelowBase } from "../../../src/api/openapi/document.ts";
import type { Refusal, Result } from "../../../src/base/result.ts";
import { isRefusalCode } from "../../../src/http/problems.ts";

/** The API, which from now on throws in place of an answer that its own description does not tell of. */
export function heldToDescription(app: Hono, basePath: string): Hono {
  const { fetch } = app;
  app.fetch = async (request, ...rest) => {
    const answer = await fetch(request, ...rest);
    await holdToDescription(request.method, new URL(request.url).pathname, basePath, answer);
    return answer;
  };
  return app;
}

/** The same for what a flow gives the route: it throws where the route's description does not tell of it. */
export async function heldToRoute<Value extends object | undefined>(
  method: string,
  template: string,
  flow: Promise<Result<Value, Refusal>>,
): Promise<Result<Value, Refusal>> {
  const result = await flow;
  const route = routesBelowBase[template]?.[method];
  if (route === undefined) throw new Error(`no route ${method} ${template} is described`);
  if (!result.ok && ![...route.refusals, ...always].includes(result.refusal.code))
    throw new Error(`${method} ${template} is not described with ${result.refusal.code}`);
  if (result.ok && route.answer.schema !== undefined)
    answerSchema(route.answer.schema).parse(JSON.parse(JSON.stringify(result.value)));
  return result;
}

/**
 * Throws where an answer of the API is not what its description says: a status or a code that the route is not described with,
 * or a body that its schema does not take, down to a member that nobody named. The body is left unread.
 */
export async function holdToDescription(
  method: string,
  path: string,
  basePath: string,
  answer: Response,
): Promise<void> {
  const described = find(path, basePath === "/" ? "" : basePath);
  // A HEAD's answer is a GET's without its body.
  if (described === undefined || method === "OPTIONS" || method === "HEAD") return;
  const route = described[method];
  const text = await answer.clone().text();
  const fail = (what: string): never => {
    throw new Error(`${method} ${path} is not as it is described: ${what}`);
  };
  if (answer.headers.get("Content-Type") === "application/problem+json") {
    const { code } = Object(answerSchema("Problem").parse(JSON.parse(text)));
    if (typeof code !== "string" || !isRefusalCode(code)) return fail("its problem has no code");
    const codes = route === undefined ? ["https_required", "method_unknown"] : [...route.refusals, ...always];
    if (!codes.includes(code)) fail(`it refuses with ${code}`);
    return;
  }
  const told = [route?.answer, route?.otherwise].find((one) => one?.status === answer.status);
  if (told === undefined) return fail(`it answers ${answer.status}`);
  if (told.schema !== undefined) answerSchema(told.schema).parse(JSON.parse(text));
  else if (told.type === undefined && text !== "") fail("it has a body");
}

function find(path: string, base: string): Readonly<Record<string, DescribedRoute>> | undefined {
  const at = (routes: DescribedRoutes, before: string) =>
    Object.entries(routes).find(([template]) => matches(before + template, path))?.[1];
  return at(routesAtRoot, "") ?? at(routesBelowBase, base);
}

/** As the router does it: a parameter is a whole segment that is not empty. */
function matches(template: string, path: string): boolean {
  const wanted = template.split("/");
  const came = path.split("/");
  return (
    wanted.length === came.length &&
    wanted.every((part, i) => (part.startsWith(":") ? came[i] !== "" : part === came[i]))
  );
}
