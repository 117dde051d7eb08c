import type { RefusalCode } from "../../base/refusal.ts";
import { version } from "../../base/version.ts";
import { longestBody } from "../../flows/session/context.ts";
import { refusalCodes } from "../faces.ts";
import { components, credentialsOf, headersOf } from "./components.ts";
import { always, type DescribedAnswer, type DescribedRoute, type DescribedRoutes, tags } from "./described.ts";
import { introduction } from "./introduction.ts";
import { operatorRoutesDescribed } from "./operator-routes.ts";
import { problemExample } from "./problem-schema.ts";
import type { JsonSchema } from "./schemas.ts";
import { serviceRoutes } from "./service-routes.ts";
import { sessionRoutes } from "./session-routes.ts";

/** Where the described service stands. */
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

export type PathItem = Readonly<Record<string, Operation | readonly Server[]>>;
export type Operation = ReturnType<typeof operation>;

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
