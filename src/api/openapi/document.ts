import type { RefusalCode } from "../../base/result.ts";
import { refusalCodes } from "../../http/problems.ts";
import { version } from "../../metrics/metrics.ts";
import { longestBody } from "../../sessions/session-context.ts";
import { type JsonSchema, problemExample } from "./answer-schemas.ts";
import { components, credentialsOf, headersOf } from "./components.ts";
import { always, type DescribedAnswer, type DescribedRoute, type DescribedRoutes, tags } from "./description.ts";
import { operatorRoutesDescribed } from "./operator-descriptions.ts";
import { serviceRoutes, sessionRoutes } from "./viewer-descriptions.ts";

export const openApiPath = "/openapi.json";

/** The addresses of the described service. */
export interface DescribedSite {
  /** STAGEDOOR_API_URL; addresses are relative without it. */
  readonly apiUrl: string | undefined;
  readonly basePath: string;
  readonly mediaUrl: string;
}

/** A document of OpenAPI 3.1, as far as this service writes one. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly servers: readonly Server[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, PathItem>>;
  readonly components: ReturnType<typeof components>;
}

interface Server {
  readonly url: string;
  readonly description: string;
}

type PathItem = Readonly<Record<string, Operation | readonly Server[]>>;
type Operation = ReturnType<typeof operation>;

/** Everything that stands below the base path. */
export const routesBelowBase: DescribedRoutes = { ...sessionRoutes, ...operatorRoutesDescribed };
/** Everything that stands at the root of the API's host. */
export const routesAtRoot: DescribedRoutes = serviceRoutes;

/** The description of the API, made of what stands beside each route and of the schemas and refusals in the code. */
export function openApiDocument({ apiUrl = "", basePath, mediaUrl }: DescribedSite): OpenApiDocument {
  const root = { url: apiUrl === "" ? "/" : apiUrl, description: "The API's host." };
  const base = { url: basePath === "/" ? root.url : apiUrl + basePath, description: "The API." };
  const media = { url: mediaUrl, description: "The media host." };
  const serversOf = (path: string) => (path === "/health" || path === "/ready" ? [root, media] : [root]);
  return {
    openapi: "3.1.1",
    info: { title: "Stagedoor", version, description: introduction },
    servers: [base],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: {
      ...pathsOf(routesBelowBase),
      ...pathsOf(routesAtRoot, serversOf),
    },
    components: components(),
  };
}

function pathsOf(routes: DescribedRoutes, serversOf?: (path: string) => readonly Server[]): Record<string, PathItem> {
  return Object.fromEntries(
    Object.entries(routes).map(([path, byMethod]) => [
      path.replace(/:(\w+)/g, "{$1}"),
      {
        ...(serversOf !== undefined && { servers: serversOf(path) }),
        ...Object.fromEntries(
          Object.entries(byMethod).map(([method, route]) => [method.toLowerCase(), operation(route)]),
        ),
      },
    ]),
  );
}

function operation(route: DescribedRoute) {
  const { id, summary, description, tag, asks, parameters = [], body, answer, otherwise } = route;
  const codes = refusalCodes.filter((code) => [...route.refusals, ...always].includes(code));
  return {
    operationId: id,
    summary,
    description,
    tags: [tag],
    security: credentialsOf(asks),
    parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === "path" })),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        description: `JSON of no more than ${route.longestBody ?? longestBody} bytes.`,
        content: { "application/json": { schema: reference("schemas", body.schema), example: body.example } },
      },
    }),
    responses: {
      [answer.status]: answered(answer, headersOf(route, undefined)),
      ...refusedResponses(codes, route),
      ...(otherwise !== undefined && { [otherwise.status]: answered(otherwise, {}) }),
    },
  };
}

function answered({ status, description, schema, type = "application/json" }: DescribedAnswer, headers: object) {
  const content = { [type]: schema === undefined ? {} : { schema: reference("schemas", schema) } };
  return { description, headers, ...(status !== 204 && { content }) };
}

/** One response a status: problem details, with the codes that it may have. */
function refusedResponses(codes: readonly RefusalCode[], route: DescribedRoute) {
  const byStatus = Map.groupBy(codes, (code) => problemExample(code).status);
  return Object.fromEntries(
    [...byStatus].map(([status, those]) => [
      status,
      {
        description: those.map((code) => `\`${code}\`: ${problemExample(code).title}.`).join(" "),
        headers: headersOf(route, status),
        content: {
          "application/problem+json": {
            schema: { allOf: [reference("schemas", "Problem"), { properties: { code: { enum: those } } }] },
            examples: Object.fromEntries(those.map((code) => [code, reference("examples", code)])),
          },
        },
      },
    ]),
  );
}

function reference(where: "schemas" | "examples", name: string): JsonSchema {
  return { $ref: `#/components/${where}/${name}` };
}

/** What stands before the routes, in Markdown of paragraphs and code alone. */
const introduction = [
  "A bearer token in, protected HLS out: a start answers with a signed manifest URL, and the session that it begins can be " +
    "shown, renewed and ended.",
  "One credential a request, in a header: a token in the query or the body is refused, whatever else came. Plain http is " +
    "refused outside localhost. Every answer may be read by every site without credentials; with credentials only by those " +
    "that STAGEDOOR_ORIGINS names.",
  "A refusal is problem details (RFC 9457) with a stable `code` and what to do about it; its `Request-Id` names the line of " +
    "the log that says why. At an address that there is not, it is `route_unknown`, and for a method that a route does not " +
    "know, `method_unknown` with Allow. OPTIONS is answered everywhere.",
  "Below `/api/auth`, whatever the base path, the identity worker answers where it is deployed: better-auth's own routes, " +
    "which its own client speaks.",
  "The media host takes GET and HEAD of the URLs that playlists give: `/<grant>/<asset>/<path>?<the origin's query>&<purpose>=" +
    "<expiry>.<signature>`, the purpose being list, seg or key. Nobody puts one together; use each exactly as it is given. A " +
    "segment's URL that has run out is answered 307 to a fresh one while its session lasts. Pages of any site may send it any " +
    "header, but no credentials: `withCredentials` is not supported there.",
].join("\n\n");
