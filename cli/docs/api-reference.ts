import * as z from "zod";
import { problemExample, securityOf } from "../../src/api/openapi/components.ts";
import { routesAtRoot, routesBelowBase } from "../../src/api/openapi/document.ts";
import { commonRefusals, type RouteDescription, type RouteResponse, tags } from "../../src/http/route.ts";
import { type Example, errorExamples, identityRoutes, responseExamples, sampleValues } from "./api-examples.ts";
import { code, markdownTable } from "./json-schema.ts";

interface DescribedRoute extends RouteDescription {
  readonly method: string;
  readonly path: string;
}

/** The shell variables of a credential, by the header that sends it. */
const credentialHeaders: Readonly<Record<string, readonly (readonly [name: string, value: string])[] | undefined>> = {
  viewer: [["Authorization", "Bearer $TOKEN"]],
  session: [
    ["Authorization", "Bearer $TOKEN"],
    ["CTA-Common-Access-Token", "$GRANT"],
  ],
  operator: [["Authorization", "Bearer $OPERATOR"]],
  signedIn: [["Authorization", "Bearer $SIGNED_IN"]],
};

/** `docs/reference/api.md`, generated from the route tables: every route, with a call that succeeds and one that fails. */
export function apiReference(): string {
  const routes = [...described(routesBelowBase), ...described(routesAtRoot)];
  const sections = Object.entries(tags).map(([tag, description]) => {
    const texts = routes.filter((route) => route.tag === tag).map(routeText);
    return `## ${tag}\n\n${description}\n\n${texts.join("\n\n")}`;
  });
  return `${introduction}\n\n${sections.join("\n\n")}\n\n${identitySection()}\n`;
}

function described(table: Readonly<Record<string, Readonly<Record<string, RouteDescription>>>>) {
  return Object.entries(table).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, route]): DescribedRoute => ({ ...route, method, path })),
  );
}

const introduction = `# API reference

<!-- Written by \`npm run docs\` from the route tables in src: change it there. -->

\`\`\`sh
API=http://localhost:8787        # of npx stagedoor dev or npm start
TOKEN=$(npx stagedoor token)     # a viewer's token: see credentials
OPERATOR=$(cat ann.jwt)          # an operator's credential: npx stagedoor operator new
\`\`\`

In a deployment \`API\` is https://api.example.com with its \`STAGEDOOR_BASE_PATH\`. The examples use these variables, and \`SESSION\` and \`GRANT\` from the response of a start. In JavaScript, \`api\`, \`token\`, \`operator\`,
\`session\` and \`grant\` have the same values. [Credentials](../identity-providers/credentials.md) lists what else the routes accept:
cookies, key-bound tokens (DPoP), opaque tokens. \`GET /openapi.json\` describes the same routes for programs (OpenAPI 3.1).

Every refusal is a problem document (RFC 9457) with a stable \`code\`, and has the headers \`Stagedoor-Refusal\` (the code) and
\`Request-Id\`. [Troubleshooting](../troubleshooting.md) has the usual causes of each code; every route can also refuse with
${commonRefusals.map((each) => `[\`${each}\`](../troubleshooting.md#${each})`).join(", ")}. Responses may get new members: ignore
those that you do not know.

Pages of any site can call the API with a token; only sites in \`STAGEDOOR_ORIGINS\` can use cookies.`;

function routeText(route: DescribedRoute): string {
  const { method, path, summary, description, access, parameters = [], response, refusals } = route;
  const headers = credentialHeaders[Array.isArray(access) ? "operator" : String(access)] ?? [];
  // An optional body belongs to another credential than the example's.
  const body = route.body?.required === false ? undefined : route.body?.example;
  const call = { method, path, headers, body };
  const query = parameters.filter((parameter) => parameter.in === "query");
  const error = errorExamples[route.id] ?? (headers.length > 0 ? withoutCredential : undefined);
  const codes = refusals.map((each) => `[\`${each}\`](../troubleshooting.md#${each}) (${problemExample(each).status})`);
  return [
    `### ${summary}`,
    `\`${method} ${path.replace(/:(\w+)/g, "{$1}")}\` · ${accessText(route)}`,
    description,
    ...(query.length === 0
      ? []
      : [
          markdownTable(
            ["Parameter", "Meaning"],
            query.map(({ name, description: meaning }) => [code(name), meaning]),
          ),
        ]),
    example(call),
    responseText(route.id, response),
    ...(error === undefined ? [] : [`${error.text}:`, curl({ ...call, ...error.call }), problemText(error)]),
    ...(codes.length === 0
      ? []
      : [
          `<details>
<summary>All refusals</summary>

${codes.join(", ")}

</details>`,
        ]),
  ].join("\n\n");
}

const withoutCredential: Example = { text: "Without a credential", call: { headers: [] }, code: "token_missing" };

function accessText({ access }: RouteDescription): string {
  if (access === "public") return "no credential";
  if (access === "viewer") return "a viewer's credential";
  if (access === "session") return "a viewer's credential and the session's grant";
  const scopes = securityOf(access).flatMap(({ operator = [] }) => operator.map(code));
  return `an operator's credential with the scope ${scopes.join(" or ")}`;
}

interface Call {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** JSON, or a form's parameters as text. */
  readonly body?: unknown;
}

function example(call: Call): string {
  return `${curl(call)}\n\n${javaScript(call)}`;
}

const json = (value: unknown) => JSON.stringify(value);
const isForm = (body: unknown): body is string => typeof body === "string";

/** `:id` in a path of the session's routes, and of an asset's. */
const idOf = (path: string) => (path.startsWith("/stream/") ? "$SESSION" : "film-42");

function curl({ method, path, headers, body }: Call): string {
  const hasBody = body !== undefined;
  const all = [...headers, ...(hasBody && !isForm(body) ? [["Content-Type", "application/json"] as const] : [])];
  const isPlain = method === (hasBody ? "POST" : "GET");
  const data = isForm(body)
    ? body.split("&").map((pair) => `-d "${pair}"`)
    : hasBody
      ? [`-d '${json(body).replaceAll("'", "'\\''")}'`]
      : [];
  const words = [
    `curl -s ${isPlain ? "" : `-X ${method} `}"$API${path.replace(":id", idOf(path))}"`,
    ...all.map(([name, value]) => `-H "${name}: ${value}"`),
    ...data,
  ];
  return `\`\`\`sh\n${words.join(" \\\n  ")}\n\`\`\``;
}

/** Headers that a browser sends by itself, and that a page cannot set. */
const sentByBrowsers = ["Origin", "Sec-Fetch-Mode"];

function javaScript({ method, path, headers, body }: Call): string {
  const variable: Readonly<Record<string, string>> = {
    $TOKEN: "token",
    $GRANT: "grant",
    $OPERATOR: "operator",
    $SESSION: "session",
    $SIGNED_IN: "signedIn",
    $REFRESH: "refresh",
  };
  const quoted = (text: string) => {
    const template = text.replace(/\$[A-Z_]+/g, (name) => `\${${variable[name] ?? name}}`);
    const [, only] = /^\$\{(\w+)\}$/.exec(template) ?? [];
    return only ?? (template === text ? json(text) : `\`${template}\``);
  };
  const hasBody = body !== undefined;
  const all = [...headers, ...(hasBody && !isForm(body) ? [["Content-Type", "application/json"] as const] : [])];
  const names = all
    .filter(([name]) => !sentByBrowsers.includes(name))
    .map(([name, value]) => `${/^\w+$/.test(name) ? name : json(name)}: ${quoted(value)}`);
  const settings = [
    ...(method === "GET" ? [] : [`  method: ${json(method)},`]),
    ...(names.length === 0 ? [] : [`  headers: { ${names.join(", ")} },`]),
    ...(hasBody ? [`  body: ${isForm(body) ? formCode(body, quoted) : `JSON.stringify(${objectCode(body)})`},`] : []),
  ];
  const url = `\`\${api}${path.replace(":id", idOf(path) === "$SESSION" ? `\${session}` : "film-42")}\``;
  const call = settings.length === 0 ? `fetch(${url});` : `fetch(${url}, {\n${settings.join("\n")}\n});`;
  return `\`\`\`js\nconst response = await ${call}\n\`\`\``;
}

function formCode(body: string, quoted: (text: string) => string): string {
  const pairs = [...new URLSearchParams(body)].map(([name, value]) => `${name}: ${quoted(value)}`);
  return `new URLSearchParams({ ${pairs.join(", ")} })`;
}

/** JSON as JavaScript: names without quotation marks. */
function objectCode(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(objectCode).join(", ")}]`;
  if (typeof value !== "object" || value === null) return json(value);
  const members = Object.entries(value).map(([name, member]) => `${name}: ${objectCode(member)}`);
  return `{ ${members.join(", ")} }`;
}

const reasons: Readonly<Record<number, string | undefined>> = {
  200: "OK",
  201: "Created",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  422: "Unprocessable Content",
  429: "Too Many Requests",
};

const statusLine = (status: number) => `HTTP/1.1 ${[status, reasons[status] ?? ""].join(" ").trim()}`;

function http(status: number, headers: readonly string[], body?: unknown): string {
  const content = body === undefined ? [] : ["", typeof body === "string" ? body : JSON.stringify(body, null, 2)];
  return ["```http", statusLine(status), ...headers, ...content, "```"].join("\n");
}

function responseText(id: string, { status, body, contentType = "application/json" }: RouteResponse): string {
  if (status === 204) return http(status, []);
  return http(
    status,
    [`Content-Type: ${contentType}`],
    body === undefined ? undefined : responseExample(id, body.schema),
  );
}

function problemText({ code: refusalCode }: Example): string {
  const problem = problemExample(refusalCode);
  return http(problem.status, ["Content-Type: application/problem+json", `Stagedoor-Refusal: ${refusalCode}`], problem);
}

/**
 * An example of a route's response: its own, or a value of the schema in which each member has the sample value of its
 * name, or the simplest one of its type.
 */
export function responseExample(id: string, schema: z.ZodType): unknown {
  return responseExamples[id] ?? sample(z.toJSONSchema(schema, { io: "output", unrepresentable: "any" }), "");
}

const sampleAsset = routesBelowBase["/operator/assets/:id"]?.PUT?.body?.example;

/** A schema without a type: the members of an asset are in the configuration's reference. */
function isAnything(schema: unknown): boolean {
  return Object.keys(Object(schema)).every((member) => member === "description" || member === "$schema");
}

/** Whether a sample value fits a schema's type. A schema with alternatives has none. */
function isOfType(value: unknown, type: unknown): boolean {
  if (type === undefined) return true;
  if (Array.isArray(value)) return type === "array";
  return typeof value === "number" ? type === "number" || type === "integer" : typeof value === type;
}

function sample(schema: unknown, name: string): unknown {
  const of = (member: string): unknown =>
    typeof schema === "object" && schema !== null ? Reflect.get(schema, member) : undefined;
  const [enumeration, items, forms, constant] = [of("enum"), of("items"), of("anyOf") ?? of("oneOf"), of("const")];
  if (isAnything(schema)) return sampleAsset;
  if (constant !== undefined) return constant;
  const value = sampleValues[name];
  if (Array.isArray(enumeration)) return enumeration.includes(value) ? value : enumeration[0];
  if (value !== undefined && isOfType(value, of("type"))) return value;
  if (Array.isArray(forms)) return sample(forms[0], name);
  switch (of("type")) {
    case "object": {
      const required = of("required");
      const isRequired = (member: string) => Array.isArray(required) && required.includes(member);
      const properties = Object.entries(Object(of("properties")));
      return Object.fromEntries(
        properties.filter(([member]) => isRequired(member)).map(([member, value]) => [member, sample(value, member)]),
      );
    }
    case "array":
      return items === undefined ? [] : [sample(items, "")];
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    default:
      return "…";
  }
}

/** The routes of the identity worker, from the table of those that are open. */
function identitySection(): string {
  const texts = identityRoutes.map(({ route, summary, signedIn, headers = [], body, members, success, error }) => {
    const [method = "", path = ""] = route.split(" ");
    const credential = signedIn ? (credentialHeaders.signedIn ?? []) : [];
    const call = { method, path: `/api/auth${path}`, headers: [...credential, ...headers], body };
    const failing = error && { ...call, ...error.call };
    return [
      `### ${summary}`,
      `\`${method} /api/auth${path}\`${signedIn ? " · a session of the identity worker" : ""}`,
      ...(members === undefined ? [] : [members]),
      example(call),
      http(success.status, success.headers ?? ["Content-Type: application/json"], success.body),
      ...(error === undefined || failing === undefined
        ? []
        : [`${error.text}:`, curl(failing), http(error.status, ["Content-Type: application/json"], error.body)]),
    ].join("\n\n");
  });
  return `## Signing in

Only with the identity worker. The routes are [better-auth](https://www.better-auth.com)'s, always at \`/api/auth\` of the API's host,
and its client works unmodified. \`SIGNED_IN\` is the header \`set-auth-token\` of a sign-in or sign-up; a browser has a cookie instead.
A program that is not a browser sends the \`Origin\` of the API. Their errors are better-auth's: \`code\` and \`message\`, or \`error\` and
\`error_description\` (RFC 6749) for the OAuth routes. What the API itself refuses, such as too many passwords (429 \`rate_limited\`), is a
problem document as above.

${texts.join("\n\n")}`;
}
