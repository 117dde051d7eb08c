import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Request, Response } from "miniflare";
import type { Demo, DemoStream, DemoToken } from "../../demo/demo-data.ts";
import { isAllowedFile } from "../../src/catalog/file-globs.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { signDevToken } from "../lib/dev-keys.ts";
import { fixtureCatalog, packageRoot } from "../lib/project.ts";
import { bundlePage } from "./bundle.ts";
import { docsFile } from "./docs-pages.ts";
import { serveExample } from "./examples.ts";
import { miniflareModule } from "./wrangler-modules.ts";

export interface PageOptions {
  readonly ring: KeyRing;
  readonly mediaUrl: string;
  /** The URL of the emulated CloudFront distribution, if there is one. */
  readonly distributionUrl: () => string | undefined;
  /** STAGEDOOR_BASE_PATH. */
  readonly basePath: string | undefined;
  /** Reads the assets of the running catalog. */
  readonly assets: () => Promise<readonly unknown[]>;
}

/**
 * Serves the demo page from `demo/`, and hls.js, so that the page loads nothing from other hosts. Its script is bundled for
 * each request: a reload shows a change.
 */
export function servePage(options: PageOptions): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    const mediaHosts = [options.mediaUrl, options.distributionUrl() ?? []].flat().join(" ");
    const example = await serveExample(url, mediaHosts);
    if (example !== undefined) return example;
    const path = url.pathname;
    const file = files[path] ?? (await docsFile(path));
    if (file === undefined) return new miniflareModule.Response("Not found.\n", { status: 404 });
    const headers = {
      "Content-Type": file.type,
      "Content-Security-Policy": contentSecurityPolicy(mediaHosts),
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    };
    return new miniflareModule.Response(await file.body(options), { headers });
  };
}

/** In place of the page, if the package comes without it. */
export async function noPage(): Promise<Response> {
  return new miniflareModule.Response("Not found.\n", { status: 404 });
}

interface PageFile {
  readonly type: string;
  readonly body: (options: PageOptions) => Promise<string | Uint8Array>;
}

const script = "text/javascript; charset=utf-8";

const files: Readonly<Record<string, PageFile | undefined>> = {
  "/": { type: "text/html; charset=utf-8", body: () => projectFile("demo/index.html") },
  "/page.css": { type: "text/css; charset=utf-8", body: () => bundle("demo/style/page.css") },
  "/no-script.css": { type: "text/css; charset=utf-8", body: () => projectFile("demo/style/no-script.css") },
  "/page.js": { type: script, body: () => bundle("demo/main.ts") },
  "/hls.js": { type: script, body: () => projectFile("node_modules/hls.js/dist/hls.min.mjs") },
  "/icon.svg": { type: "image/svg+xml", body: () => projectFile("demo/icon.svg") },
  "/streams.json": { type: "application/json", body: async (options) => JSON.stringify(await streamsOf(options)) },
  "/demo.json": { type: "application/json", body: async (options) => JSON.stringify(await demoOf(options)) },
};

/** Allows the page its own scripts, requests to the API and the hosts of media, and video from MediaSource (a blob URL). */
function contentSecurityPolicy(mediaHosts: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' ${mediaHosts}`,
    `connect-src 'self' ${mediaHosts}`,
    `media-src blob: ${mediaHosts}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function projectFile(path: string): Promise<string> {
  return readFile(join(packageRoot, path), "utf8");
}

function bundle(entry: string): Promise<string> {
  return bundlePage(join(packageRoot, entry), { alias: { "hls.js": "/hls.js" }, external: ["/hls.js"] });
}

const lifetimeSeconds = 8 * 3600;

/** The data of the demo page: the streams of the catalog, and new bearer tokens, some of which are refused. */
async function demoOf(options: PageOptions): Promise<Demo> {
  const { ring, mediaUrl, basePath = "/" } = options;
  return {
    apiPath: basePath === "/" ? "" : basePath,
    mediaUrl,
    streams: await streamsOf(options),
    tokens: await Promise.all([
      token(ring, "all", "All streams", {}),
      token(ring, "one-stream", "One stream at a time", { streams: 1, subject: "demo-viewer-of-one" }),
      token(ring, "one", "Only vod-single", { assets: ["vod-single"] }),
      token(ring, "expired", "Expired an hour ago", { lifetimeSeconds: -3600 }),
      token(ring, "scopeless", "Without the scope stream:play", { scope: "profile" }),
    ]),
  };
}

/** The assets of the catalog as the page's streams. An asset that replaces a fixture has another title, or none. */
async function streamsOf({ assets }: PageOptions): Promise<readonly DemoStream[]> {
  const catalog: { readonly assets: readonly unknown[] } = JSON.parse(await readFile(fixtureCatalog, "utf8"));
  const fixtures = new Map(catalog.assets.map(fieldsOf).map(({ id, title }) => [id, title]));
  return (await assets()).map(fieldsOf).map(({ id, title, cdn, files, entry }) => ({
    id,
    title,
    group: fixtures.get(id) === title ? groupOf(id, cdn) : "added",
    playable: id !== "vod-rare",
    files: stills.filter((path) => isAllowedFile({ files, entry }, path)),
  }));
}

/** Files that the page shows if an asset has them. */
const stills = ["poster.jpg", "thumbs/thumbs.vtt"];

interface AssetFields {
  readonly id: string;
  readonly title: string;
  readonly cdn: string;
  readonly entry: string;
  readonly files: readonly string[];
}

function fieldsOf(asset: unknown): AssetFields {
  const { id, title = "", cdn = "edge", entry = "", files } = Object(asset);
  const globs = Array.isArray(files) ? files.map(String) : [];
  return { id: String(id), title: String(title), cdn: String(cdn), entry: String(entry), files: globs };
}

function groupOf(id: string, cdn: string): DemoStream["group"] {
  if (cdn !== "edge") return "cloudfront";
  return id.startsWith("live") ? "live" : "edge";
}

async function token(
  ring: KeyRing,
  id: string,
  label: string,
  claims: Partial<Parameters<typeof signDevToken>[1]>,
): Promise<DemoToken> {
  const defaults = { subject: "demo-viewer", assets: "*", lifetimeSeconds } as const;
  return { id, label, token: await signDevToken(ring, { ...defaults, ...claims }) };
}
