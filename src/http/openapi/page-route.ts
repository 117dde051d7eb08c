import type { RefusalCode } from "../../base/refusal.ts";
import { faceOf, refusalCodes } from "../faces.ts";
import type { DescribedParameter, DescribedRoute } from "./described.ts";
import { type Html, html, prose } from "./html.ts";
import { fields, typeOf } from "./page-schema.ts";
import type { JsonSchema } from "./schemas.ts";

const credentials = {
  anybody: "None.",
  viewer: "A viewer's: a bearer token, a token that is bound to a key with its DPoP proof, or the session cookie.",
  session: "A viewer's, and in `CTA-Common-Access-Token` the grant that the session's start answered with.",
} as const;

export interface PageRoute {
  readonly method: string;
  /** With the base path before it. */
  readonly path: string;
  readonly route: DescribedRoute;
}

/** A route to open and to read. */
export function routeOf({ method, path, route }: PageRoute, schemas: Readonly<Record<string, JsonSchema>>): Html {
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
export function problemLink(code: RefusalCode): Html {
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
