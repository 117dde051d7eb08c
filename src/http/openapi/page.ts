import { faceOf, refusalCodes } from "../faces.ts";
import { always } from "./described.ts";
import { type OpenApiDocument, routesAtRoot, routesBelowBase } from "./document.ts";
import { Html, html, prose } from "./html.ts";
import { type PageRoute, problemLink, routeOf } from "./page-route.ts";
import { style } from "./page-style.ts";

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
