import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Response } from "miniflare";
import { projectRoot } from "./cluster.ts";

/** Serves the demo page from `web/`, and hls.js beside it, so that the page asks no other host for anything. */
export async function servePage(path: string): Promise<Response> {
  const file = files[path];
  if (file === undefined) return new Response("There is nothing at this address.\n", { status: 404 });
  return new Response(await readFile(join(projectRoot, file.path), "utf8"), { headers: { "Content-Type": file.type } });
}

const files: Readonly<Record<string, { path: string; type: string } | undefined>> = {
  "/": { path: "web/index.html", type: "text/html; charset=utf-8" },
  "/hls.js": { path: "node_modules/hls.js/dist/hls.min.js", type: "text/javascript; charset=utf-8" },
};
