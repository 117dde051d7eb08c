import { version } from "../../base/constants.ts";
import type { RefusalCode } from "../../base/result.ts";
import { refusalCodes } from "../../http/problems.ts";
import { commonRefusals, type RouteDescription, type RouteResponse, type RouteTable, tags } from "../../http/route.ts";
import { metricsRouteDescriptions, operatorRouteDescriptions } from "../../operator/operator-routes.ts";
import { longestBody } from "../../sessions/session-context.ts";
import { serviceRouteDescriptions, viewerRoutes } from "../api-routes.ts";
import { components, headersOf, type JsonSchema, problemExample, securityOf } from "./components.ts";

export const openApiPath = "/openapi.json";

/** The URLs of the service that the document describes. */
export interface DescribedSite {
  /** STAGEDOOR_API_URL; without it, the servers are relative URLs. */
  readonly apiUrl: string | undefined;
  readonly basePath: string;
  readonly mediaUrl: string;
}

/** The members of an OpenAPI 3.1 document that this service uses. */
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

export const routesBelowBase: RouteTable<RouteDescription> = { ...viewerRoutes, ...operatorRouteDescriptions };
/** The routes at the root of the API's host, whatever the base path. */
export const routesAtRoot: RouteTable<RouteDescription> = { ...metricsRouteDescriptions, ...serviceRouteDescriptions };

/** The OpenAPI document of the whole API, generated from the same tables as its routes. */
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
    components: components([routesBelowBase, routesAtRoot].flatMap(Object.values).flatMap(Object.values)),
  };
}

function pathsOf(
  routes: RouteTable<RouteDescription>,
  serversOf?: (path: string) => readonly Server[],
): Record<string, PathItem> {
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

function operation(route: RouteDescription) {
  const { id, summary, description, tag, access, parameters = [], body, response, otherResponse } = route;
  const codes = refusalCodes.filter((code) => [...route.refusals, ...commonRefusals].includes(code));
  return {
    operationId: id,
    summary,
    description,
    tags: [tag],
    security: securityOf(access),
    parameters: parameters.map((parameter) => ({ ...parameter, required: parameter.in === "path" })),
    ...(body !== undefined && {
      requestBody: {
        required: body.required ?? true,
        description: `JSON, at most ${route.maxBody ?? longestBody} bytes.`,
        content: { "application/json": { schema: reference("schemas", body.name), example: body.example } },
      },
    }),
    responses: {
      [response.status]: responseObject(response, headersOf(route, undefined)),
      ...problemResponses(codes, route),
      ...(otherResponse !== undefined && { [otherResponse.status]: responseObject(otherResponse, {}) }),
    },
  };
}

function responseObject(
  { status, description, body, contentType = "application/json" }: RouteResponse,
  headers: object,
) {
  const content = { [contentType]: body === undefined ? {} : { schema: reference("schemas", body.name) } };
  return { description, headers, ...(status !== 204 && { content }) };
}

/** One response per status, with the codes that have this status. */
function problemResponses(codes: readonly RefusalCode[], route: RouteDescription) {
  const byStatus = Map.groupBy(codes, (code) => problemExample(code).status);
  return Object.fromEntries(
    [...byStatus].map(([status, ofStatus]) => [
      status,
      {
        description: ofStatus.map((code) => `\`${code}\`: ${problemExample(code).title}.`).join(" "),
        headers: headersOf(route, status),
        content: {
          "application/problem+json": {
            schema: { allOf: [reference("schemas", "Problem"), { properties: { code: { enum: ofStatus } } }] },
            examples: Object.fromEntries(ofStatus.map((code) => [code, reference("examples", code)])),
          },
        },
      },
    ]),
  );
}

function reference(section: "schemas" | "examples", name: string): JsonSchema {
  return { $ref: `#/components/${section}/${name}` };
}

/** Markdown. */
const introduction = [
  "This API exchanges a bearer token for protected HLS. A start returns a signed manifest URL and begins a session, which " +
    "can be shown, renewed and ended.",
  "Send one credential per request, in a header. Tokens in the query or the body are rejected. Plain HTTP is rejected, except " +
    "on localhost. Any site may send requests without credentials and read the responses; only sites in STAGEDOOR_ORIGINS " +
    "may send cookies.",
  "Refusals are problem details (RFC 9457) with a stable `code` and what to do about it. `Request-Id` identifies the log line " +
    "with the cause. An unknown path is `route_unknown`; an unsupported method is `method_unknown`, with Allow. Every route " +
    "answers OPTIONS.",
  "If the identity worker is deployed, better-auth's own routes are below `/api/auth`, whatever the base path. Use better-auth's " +
    "client for them.",
  "The media host accepts GET and HEAD for the URLs in playlists: `/<grant>/<asset>/<path>?<the origin's query>&<purpose>=" +
    "<expiry>.<signature>`, where purpose is list, seg or key. Use each URL exactly as it is in the playlist. While the session " +
    "lasts, an expired segment URL is redirected (307) to a fresh one. Pages of any site may send any header, but no credentials: " +
    "`withCredentials` is not supported there.",
].join("\n\n");
