import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { type Request, Response } from "miniflare";
import type { Demo, DemoToken } from "../../demo/demo-data.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { signDevToken } from "../lib/dev-keys.ts";
import { projectRoot } from "../lib/project.ts";

export interface PageOptions {
  readonly ring: KeyRing;
  readonly mediaUrl: string;
  /** The API's base path, as the setting has it. */
  readonly basePath: string | undefined;
}

/**
 * Serves the demo page from `demo/`, with hls.js, so that it requests nothing from other hosts. Its script is bundled per
 * request: a reload shows a change.
 */
export function servePage(options: PageOptions): (request: Request) => Promise<Response> {
  const policy = contentSecurityPolicy(options.mediaUrl);
  return async (request) => {
    const answer = answers[new URL(request.url).pathname];
    if (answer === undefined) return new Response("There is nothing at this address.\n", { status: 404 });
    const headers = {
      "Content-Type": answer.type,
      "Content-Security-Policy": policy,
      "Cache-Control": "no-store",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
    };
    return new Response(await answer.body(options), { headers });
  };
}

interface Answer {
  readonly type: string;
  readonly body: (options: PageOptions) => Promise<string>;
}

const script = "text/javascript; charset=utf-8";

const answers: Readonly<Record<string, Answer | undefined>> = {
  "/": { type: "text/html; charset=utf-8", body: () => file("demo/index.html") },
  "/page.css": { type: "text/css; charset=utf-8", body: () => bundle("demo/style/page.css") },
  "/page.js": { type: script, body: () => bundle("demo/main.ts") },
  "/hls.js": { type: script, body: () => file("node_modules/hls.js/dist/hls.min.mjs") },
  "/icon.svg": { type: "image/svg+xml", body: () => file("demo/icon.svg") },
  "/demo.json": { type: "application/json", body: async (options) => JSON.stringify(await demoOf(options)) },
};

/** The page runs its own scripts and talks to the API and the media host; its video comes out of MediaSource as a blob. */
function contentSecurityPolicy(mediaUrl: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src 'self' ${mediaUrl}`,
    `media-src blob: ${mediaUrl}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; ");
}

function file(path: string): Promise<string> {
  return readFile(join(projectRoot, path), "utf8");
}

async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [join(projectRoot, entry)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    alias: { "hls.js": "/hls.js" },
    external: ["/hls.js"],
    logLevel: "silent",
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild wrote nothing for ${entry}`);
  return output.text;
}

const lifetimeSeconds = 8 * 3600;

/** What the demo page starts with: the fixture streams, and fresh bearer tokens, some of which are refused. */
async function demoOf(options: {
  readonly ring: KeyRing;
  readonly mediaUrl: string;
  readonly basePath: string | undefined;
}): Promise<Demo> {
  const { ring, mediaUrl, basePath = "/" } = options;
  const { assets } = JSON.parse(await readFile(join(projectRoot, "fixtures/catalog.json"), "utf8"));
  return {
    apiPath: basePath === "/" ? "" : basePath,
    mediaUrl,
    streams: streamsOf(assets),
    tokens: await Promise.all([
      token(ring, "all", "Opens every stream", {}),
      token(ring, "one-stream", "One stream at a time", { streams: 1, subject: "demo-viewer-of-one" }),
      token(ring, "one", "Opens vod-single alone", { assets: ["vod-single"] }),
      token(ring, "expired", "Ended an hour ago", { lifetimeSeconds: -3600 }),
      token(ring, "scopeless", "Lacks the scope stream:play", { scope: "profile" }),
    ]),
  };
}

function streamsOf(assets: readonly Readonly<Record<string, unknown>>[]): Demo["streams"] {
  return assets.map(({ id, title, cdn }) => ({
    id: String(id),
    title: String(title),
    cdn: cdn === "cloudfront-signed" ? "cloudfront-signed" : "edge",
    live: String(id).startsWith("live"),
    playable: id !== "vod-rare",
  }));
}

async function token(
  ring: KeyRing,
  id: string,
  label: string,
  claims: Partial<Parameters<typeof signDevToken>[1]>,
): Promise<DemoToken> {
  const usual = { subject: "demo-viewer", assets: "*", lifetimeSeconds } as const;
  return { id, label, token: await signDevToken(ring, { ...usual, ...claims }) };
}
