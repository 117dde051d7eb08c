import type { Hono } from "hono";
import type { TextHash } from "../../base/crypto.ts";
import { withCors } from "../../http/cors.ts";
import { docsPage } from "./docs-page.ts";
import { style } from "./docs-style.ts";
import { type DescribedSite, openApiDocument } from "./document.ts";

/** Where they stand. */
export const docsPaths = ["/openapi.json", "/docs"] as const;

/** A description changes with a deployment alone. */
const caching = "public, max-age=300";

/**
 * `GET /openapi.json` and `GET /docs`, at the root whatever the base path. Both are made when they are first asked for, once
 * an isolate. The page's policy (CSP level 3) lets in its own style, by its hash, and nothing else.
 */
export function mountDocs(app: Hono, site: DescribedSite, sha256: TextHash): void {
  let document: string | undefined;
  let page: string | undefined;
  const [documentPath, pagePath] = docsPaths;
  app.get(documentPath, () => {
    document ??= JSON.stringify(openApiDocument(site));
    return withCors(answer(document, "application/json"));
  });
  app.get(pagePath, () => {
    page ??= docsPage(openApiDocument(site));
    const told = answer(page, "text/html; charset=utf-8");
    told.headers.set("Content-Security-Policy", policy(sha256));
    told.headers.set("Referrer-Policy", "no-referrer");
    return told;
  });
}

function policy(sha256: TextHash): string {
  const hash = `${sha256(style).replaceAll("-", "+").replaceAll("_", "/")}=`;
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
}

function answer(text: string, type: string): Response {
  const headers = { "Content-Type": type, "Cache-Control": caching, "X-Content-Type-Options": "nosniff" };
  return new Response(text, { headers });
}
