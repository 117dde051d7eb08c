import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { Response } from "miniflare";
import { packageRoot } from "../lib/project.ts";
import { bundlePage } from "./bundle.ts";
import { miniflareModule } from "./wrangler-modules.ts";

/**
 * A page of `examples/`, its script and its style sheet as browsers load them, at the path that they have in the project.
 * With `?source`, a script is sent as it is written. Undefined for other paths.
 */
export async function serveExample({ pathname, search }: URL, mediaHosts: string): Promise<Response | undefined> {
  if (!/^\/examples(\/|$)/.test(pathname)) return undefined;
  const folder = join(packageRoot, "examples");
  if (!existsSync(folder)) return undefined;
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const paths = new Set(files.map((file) => `/examples/${file.replaceAll("\\", "/")}`));
  if (pathname === "/examples" || (paths.has(pathname) && extname(pathname) === ""))
    return new miniflareModule.Response(null, { status: 308, headers: { Location: `${pathname}/` } });
  const path = pathname.endsWith("/") ? `${pathname}index.html` : pathname;
  const serve = paths.has(path) ? (search === "?source" ? asWritten : served[extname(path)]) : undefined;
  if (serve === undefined) return undefined;
  const { type, body } = await serve(join(packageRoot, path));
  return new miniflareModule.Response(body, {
    headers: {
      "Content-Type": `${type}; charset=utf-8`,
      "Content-Security-Policy": contentSecurityPolicy(mediaHosts),
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

interface Served {
  readonly type: string;
  readonly body: string;
}

/** Scripts are bundled for each request: a reload shows a change. */
const script = async (file: string): Promise<Served> => ({ type: "text/javascript", body: await bundlePage(file) });
const asWritten = async (file: string): Promise<Served> => ({ type: "text/plain", body: await readFile(file, "utf8") });

const served: Readonly<Record<string, ((file: string) => Promise<Served>) | undefined>> = {
  ".html": async (file) => ({ type: "text/html", body: await readFile(file, "utf8") }),
  ".css": async (file) => ({ type: "text/css", body: await bundlePage(file) }),
  ".ts": script,
  ".tsx": script,
};

/**
 * What the players need: the hosts of media, workers and media from blobs, and, for video.js, the font in its style sheet and
 * styles that it sets by script.
 */
function contentSecurityPolicy(mediaHosts: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src blob:",
    "style-src 'self' 'unsafe-inline'",
    "font-src data:",
    "img-src 'self' data:",
    `connect-src 'self' ${mediaHosts}`,
    `media-src blob: ${mediaHosts}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
