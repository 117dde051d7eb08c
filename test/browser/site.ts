import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

/** A site that embeds a player: a video and hls.js. */
export interface Site {
  readonly url: string;
  stop(): void;
}

const markup = `<!doctype html><meta charset="utf-8"><title>film</title><link rel="icon" href="data:,"><video muted></video>
<script type="module">import Hls from "/hls.js"; window.Hls = Hls;</script>`;

/**
 * Serves a page with a player on an origin of its own, like a customer's site, so playback depends on the URLs and CORS
 * headers alone. (A page set by the test itself has no address, and Chrome forbids such a page to request a loopback
 * address.)
 */
export async function startSite(): Promise<Site> {
  const hls = await readFile(fileURLToPath(import.meta.resolve("hls.js/dist/hls.min.mjs")));
  const server = createServer((request, response) => {
    const script = request.url === "/hls.js";
    response.setHeader("Content-Type", script ? "text/javascript" : "text/html");
    response.end(script ? hls : markup);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the site has no port");
  return {
    url: `http://localhost:${address.port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
