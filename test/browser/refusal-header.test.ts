import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { startStream } from "../cluster/start-stream.ts";
import { browserForFile } from "./browsing.ts";

const cluster = inject("shortLived");
const inTab = browserForFile();

/** The example of docs/players/refusals.md for a player. */
function exampleFor(player: string): string {
  const page = readFileSync(join(projectRoot, "docs/players/refusals.md"), "utf8");
  const start = page.indexOf(`\`\`\`js ${player}\n`);
  if (start < 0) throw new Error(`docs/players/refusals.md has no example for ${player}`);
  const from = page.indexOf("\n", start) + 1;
  return page.slice(from, page.indexOf("```", from));
}

const players = {
  "hls.js": {
    script: "hls.js/dist/hls.min.js",
    before: 'const hls = new Hls(); hls.attachMedia(document.querySelector("video"));',
    after: "hls.loadSource(manifestUrl);",
  },
  shaka: {
    script: "shaka-player/dist/shaka-player.compiled.js",
    before: 'const player = new shaka.Player(); await player.attach(document.querySelector("video"));',
    after: "",
  },
  "video.js": {
    script: "video.js/dist/video.min.js",
    before: "",
    after:
      'videojs(document.querySelector("video"), { html5: { vhs: { overrideNative: true } } }).src({ src: manifestUrl, type: "application/x-mpegURL" });',
  },
} as const;

let site: Server;
let address = "";

beforeAll(async () => {
  site = createServer(({ url = "" }, response) => {
    const { pathname, searchParams } = new URL(url, "http://localhost");
    if (pathname.startsWith("/library/")) {
      response.setHeader("Content-Type", "text/javascript");
      response.end(readFileSync(join(projectRoot, "node_modules", pathname.slice("/library/".length))));
      return;
    }
    const name = searchParams.get("player");
    if (name !== "hls.js" && name !== "shaka" && name !== "video.js") {
      response.writeHead(404).end();
      return;
    }
    const { script, before, after } = players[name];
    response.setHeader("Content-Type", "text/html");
    response.end(`<!doctype html><meta charset="utf-8"><title>refusal</title><link rel="icon" href="data:,"><video muted></video>
<script src="/library/${script}"></script>
<script type="module">
const manifestUrl = ${JSON.stringify(searchParams.get("url"))};
const onRefusal = (code) => { document.title = code; };
${before}
${exampleFor(name)}
${after}
</script>`);
  });
  await new Promise<void>((resolve) => site.listen(0, "localhost", resolve));
  const bound = site.address();
  address = bound !== null && typeof bound === "object" ? `http://localhost:${bound.port}` : "";
});

afterAll(() => {
  site.closeAllConnections();
  site.close();
});

describe("the examples of docs/players/refusals.md", () => {
  it.each(["hls.js", "shaka", "video.js"] as const)("read the code of a refused manifest in %s", (player) =>
    inTab(async ({ page }) => {
      const { manifestUrl } = await startStream(cluster, "vod-single");
      const changed = manifestUrl.replace(/.(?=.$)/, (letter) => (letter === "A" ? "B" : "A"));
      await page.goto(`${address}/?${new URLSearchParams({ player, url: changed })}`);
      await expect.poll(() => page.title(), { timeout: 30_000 }).toBe("signature_invalid");
    }),
  );
});
