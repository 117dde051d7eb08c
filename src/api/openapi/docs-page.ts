import type { RefusalCode } from "../../base/result.ts";
import { faceOf, refusalCodes } from "../../http/problems.ts";
import type { JsonSchema } from "./answer-schemas.ts";
import { always, type DescribedParameter, type DescribedRoute } from "./description.ts";
import { style } from "./docs-style.ts";
import { type OpenApiDocument, routesAtRoot, routesBelowBase } from "./document.ts";

/** The description as a page to read: no script, no font and no picture, nothing that a strict policy would have to let in. */
export function docsPage({ info, tags, servers, components }: OpenApiDocument): string {
  const routes = pageRoutes(servers[0]?.url ?? "/");
  const [first = "", ...rest] = info.description.split("\n\n");
  const group = ({ name, description }: (typeof tags)[number]) => html`<h2>${name}</h2><p>${description}</p>
${routes.filter(({ route }) => route.tag === name).map((route) => routeOf(route, components.schemas))}`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title}: the API</title>
<style>${new Html(style)}</style>
</head>
<body>
<header>
<h1>${info.title}</h1>
<p>${prose(first)}</p>
<p>For programs the same is <a href="/openapi.json">openapi.json</a>. Why a request was refused stands under <a href="#refusals">Refusals</a>.</p>
<details class="every"><summary><span>What holds for every request</span></summary><div class="inside">
${rest.map((text) => html`<p>${prose(text)}</p>`)}
</div></details>
</header>
<main>
${tags.map(group)}
<h2 id="refusals">Refusals</h2>
<p>Any request may meet ${listed(always.map(problemLink))}. The operator finds what usually lies behind a code, and what to do, in <code>docs/troubleshooting.md</code>.</p>
<dl>${refusalCodes.map(problem)}</dl>
</main>
</body>
</html>
`.text;
}

function pageRoutes(server: string): readonly PageRoute[] {
  const base = server.replace(/\/$/, "");
  const root = /^https?:\/\/[^/]*/.exec(base)?.[0] ?? "";
  const below = Object.entries(routesBelowBase).map(([path, byMethod]) => ({
    path: base.slice(root.length) + path,
    byMethod,
  }));
  const atRoot = Object.entries(routesAtRoot).map(([path, byMethod]) => ({ path, byMethod }));
  return [...below, ...atRoot].flatMap(({ path, byMethod }) =>
    Object.entries(byMethod).map(([method, route]) => ({ method, path: path.replace(/:(\w+)/g, "{$1}"), route })),
  );
}

function listed(parts: readonly Html[]): readonly Html[] {
  return parts.map((part, i) => html`${i > 0 && ", "}${part}`);
}

function problem(code: (typeof refusalCodes)[number]): Html {
  const { status, title, detail } = faceOf(code);
  return html`<div id="${code}"><dt><span class="status">${status}</span><code>${code}</code> ${title}</dt><dd>${prose(detail)}</dd></div>`;
}

/** A piece of HTML that was put together here; any other text is escaped on its way in. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Part = Html | string | number | undefined | false | readonly Part[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** HTML from a template: what is filled in is escaped unless it is {@link Html} itself, and what is not there adds nothing. */
function html(pieces: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(pieces.map((piece, i) => piece + textOf(parts[i])).join(""));
}

/** A text in which pairs of backticks hold code, as descriptions have it. */
function prose(text: string): readonly Html[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}

function textOf(part: Part): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Html) return part.text;
  if (typeof part === "object") return part.map(textOf).join("");
  return String(part).replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const credentials = {
  anybody: "None.",
  viewer: "A viewer's: a bearer token, a token that is bound to a key with its DPoP proof, or the session cookie.",
  session: "A viewer's, and in `CTA-Common-Access-Token` the grant that the session's start answered with.",
} as const;

interface PageRoute {
  readonly method: string;
  /** With the base path before it. */
  readonly path: string;
  readonly route: DescribedRoute;
}

/** A route to open and to read. */
function routeOf({ method, path, route }: PageRoute, schemas: Readonly<Record<string, JsonSchema>>): Html {
  const { summary, description, asks, parameters = [], body, answer, refusals } = route;
  const codes = refusalCodes.filter((code) => refusals.includes(code));
  return html`<details id="${route.id}">
<summary><span class="method ${method}">${method}</span><span class="path">${path}</span><span class="what">${summary}</span></summary>
<div class="inside">
<p>${prose(description)}</p>
<h3>Credential</h3><p>${prose(typeof asks === "string" ? credentials[asks] : operators(asks))}</p>
${parameters.length > 0 && html`<h3>Parameters</h3><ul class="fields">${parameters.map(parameterOf)}</ul>`}
${body !== undefined && html`<h3>Body</h3>${pre(body.example)}${fields(schemas[body.schema])}`}
<h3>${answer.status}</h3><p>${prose(answer.description)}${answer.type !== undefined && html` <code>${answer.type}</code>`}</p>
${answer.schema !== undefined && fields(schemas[answer.schema])}
${codes.length > 0 && html`<h3>Refusals</h3><dl class="codes">${codes.map(refused)}</dl>`}
</div>
</details>`;
}

/** A link to what the page says of a code. */
function problemLink(code: RefusalCode): Html {
  return html`<a href="#${code}"><code>${code}</code></a>`;
}

function refused(code: RefusalCode): Html {
  const { status, title } = faceOf(code);
  return html`<div><dt><span class="status">${status}</span>${problemLink(code)}</dt><dd>${title}.</dd></div>`;
}

function operators(scopes: readonly string[]): string {
  return `An operator's, with the scope ${scopes.map((scope) => `\`${scope}\``).join(" or ")}.`;
}

function parameterOf({ name, in: place, description, schema }: DescribedParameter): Html {
  return html`<li><code class="name">${name}</code> <span class="type">${typeOf(schema)}, in the ${place}</span> <span class="tells">${prose(description)}</span></li>`;
}

function pre(example: unknown): Html {
  return html`<pre>${JSON.stringify(example, null, 2)}</pre>`;
}

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const hasDefault = (schema: unknown) => members(schema).default !== undefined;
const members = (value: unknown): Members => (isMembers(value) ? value : {});
const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A JSON Schema's members as a list to read: name, type, what it tells, and what lies in it. */
function fields(schema: unknown): Html | undefined {
  const { properties, required, items, oneOf } = members(schema);
  if (items !== undefined) return fields(items);
  const ways = list(oneOf)
    .map(fields)
    .filter((way) => way !== undefined);
  if (ways.length > 0) return html`${ways}`;
  const named = Object.entries(members(properties));
  if (named.length === 0) return undefined;
  const needed = new Set(list(required));
  return html`<ul class="fields">${named.map(([name, member]) => field(name, member, needed.has(name)))}</ul>`;
}

function field(name: string, schema: unknown, needed: boolean): Html {
  const { description } = members(schema);
  return html`<li><code class="name">${name}</code> <span class="type">${typeOf(schema)}${needed || hasDefault(schema) ? "" : ", or left out"}</span>${
    typeof description === "string" && html` <span class="tells">${prose(description)}</span>`
  }${fields(schema)}</li>`;
}

/** A schema's type in words, with its values or its range where they are few. */
function typeOf(schema: unknown): string {
  const {
    type,
    enum: values,
    const: only,
    items,
    oneOf,
    anyOf,
    minimum,
    maximum,
    default: usual,
    format,
  } = members(schema);
  const ways = [...list(oneOf), ...list(anyOf)];
  const ending = usual === undefined ? "" : `, ${JSON.stringify(usual)} by default`;
  if (only !== undefined) return JSON.stringify(only);
  if (list(values).length > 12) return `a code${ending}`;
  if (values !== undefined) return `${list(values).join(" | ")}${ending}`;
  if (ways.length > 0) return `${[...new Set(ways.map(typeOf))].join(" or ")}${ending}`;
  if (type === "array") return `list of ${typeOf(items)}${ending}`;
  const range = [minimum, maximum].every((bound) => Number.isInteger(bound) && Math.abs(Number(bound)) < 2 ** 40);
  if (format === "date-time") return "time of RFC 3339 in UTC";
  return `${type ?? "anything"}${range ? ` ${minimum} to ${maximum}` : ""}${ending}`;
}
