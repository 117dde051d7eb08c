import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { bundlePage } from "../cli/local/bundle.ts";

/** The players of a page, with the file of each in its package. */
const libraries = {
  hls: "node_modules/hls.js/dist/hls.min.js",
  shaka: "node_modules/shaka-player/dist/shaka-player.compiled.js",
  videojs: "node_modules/video.js/dist/video.min.js",
  native: undefined,
} as const;

export type PagePlayer = keyof typeof libraries;

/** Serves one page per player on an origin of its own, like a customer's site. */
export async function startPageServer(): Promise<{ urlOf(player: PagePlayer): string; stop(): void }> {
  const scripts = new Map<string, string>();
  for (const [name, library] of Object.entries(libraries)) {
    scripts.set(`/page/${name}.js`, await bundlePage(join(projectRoot, `proof/page/${name}-page.ts`)));
    if (library !== undefined) scripts.set(`/library/${name}.js`, await readFile(join(projectRoot, library), "utf8"));
  }
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const script = scripts.get(path);
    response.setHeader("Content-Type", script === undefined ? "text/html" : "text/javascript");
    response.end(script ?? markup(path.slice(1)));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the site has no port");
  return {
    urlOf: (player) => `http://localhost:${address.port}/${player}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function markup(player: string): string {
  const library = player === "native" ? "" : `<script src="/library/${player}.js"></script>`;
  return `<!doctype html><meta charset="utf-8"><title>${player}</title><link rel="icon" href="data:,">
<video muted playsinline crossorigin="anonymous" width="320" height="180"></video>${library}<script type="module" src="/page/${player}.js"></script>`;
}
