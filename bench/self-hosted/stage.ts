import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devKeyRing, signDevToken } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { startNginx } from "../../test/cluster/nginx.ts";
import { startNodeService } from "../../test/cluster/node-service.ts";
import { urisOf } from "../../test/cluster/walk.ts";
import type { BenchRequest } from "../load.ts";
import { playlistNamed } from "../playlists.ts";

const sizes = { "64k.ts": 65_536, "1m.ts": 1_048_576 } as const;

const config = {
  version: 1,
  host: { type: "node" },
  api: { host: "api.{domain}" },
  cdns: { main: { type: "node", host: "media.{domain}" } },
  origins: { films: { type: "file", folder: "films" } },
  identity: {
    issuers: [
      {
        issuer: "https://id.bench.test/",
        audience: "tv",
        algorithms: ["ES256"],
        jwksUri: "https://id.bench.test/jwks",
      },
    ],
  },
  environments: { production: { domain: "bench.test" } },
  assets: ["film", "vod", "live"].map((id) => ({ id, origin: "films", entries: { hls: "index.m3u8" } })),
  // As in production, with a quota that a benchmark from one address does not exhaust.
  settings: { STAGEDOOR_START_RATE_ADDRESS: 1_000_000 },
};

/** A service on this machine with one process each of nginx and Node. */
export async function startStage() {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-bench-"));
  chmodSync(folder, 0o755);
  writeFilms(join(folder, "films"));
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  const ports = {
    api: await freePort(),
    media: await freePort(),
    nginx: await freePort(),
    plain: await freePort(),
  };
  const service = await startNodeService(folder, { port: ports.api, mediaPort: ports.media });
  const plain = `server { listen 127.0.0.1:${ports.plain}; access_log off; root "${join(folder, "films")}"; }`;
  const nginx = await startNginx(folder, {
    port: ports.nginx,
    mediaPort: ports.media,
    // The same worker serves the files plainly.
    configuration: (out) => {
      const text = readFileSync(join(out, "nginx.conf"), "utf8");
      return text.replace("worker_processes auto", "worker_processes 1").replace(/\}\s*$/, `${plain}\n}\n`);
    },
  });
  const ring = await devKeyRing(folder);
  return {
    ports,
    pids: { node: service.pid, nginx: workerOf(nginx.pid) },
    /** A request of each viewer for a file of an asset, or for its playlist. */
    requestsOf: async (asset: "film" | "vod" | "live", viewers: number, file?: keyof typeof sizes) => {
      const requests: BenchRequest[] = [];
      for (let viewer = 0; viewer < viewers; viewer++) {
        const token = await signDevToken(ring, { subject: `viewer-${viewer}`, assets: "*", lifetimeSeconds: 3600 });
        const { manifestUrl } = await service.start(asset, token);
        const text = file === undefined ? "" : await (await fetch(manifestUrl)).text();
        const url = urisOf(text, manifestUrl).find((uri) => uri.url.includes(`/${file}?`))?.url ?? manifestUrl;
        const { pathname, search } = new URL(url);
        requests.push({ method: "GET", target: pathname + search });
      }
      return requests;
    },
    stop: async () => {
      await nginx.stop();
      await service.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function writeFilms(films: string): void {
  for (const asset of ["film", "vod", "live"]) mkdirSync(join(films, asset), { recursive: true });
  for (const [name, size] of Object.entries(sizes)) writeFileSync(join(films, "film", name), Buffer.alloc(size, 0x47));
  const segments = Object.keys(sizes).map((name) => `#EXTINF:6,\n${name}\n`);
  const head = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n";
  writeFileSync(join(films, "film/index.m3u8"), `${head}${segments.join("")}#EXT-X-ENDLIST\n`);
  writeFileSync(join(films, "vod/index.m3u8"), playlistNamed("vod1200"));
  writeFileSync(join(films, "live/index.m3u8"), playlistNamed("live6"));
}

/** The worker of an nginx, by its master process. */
function workerOf(master: number): number {
  const children = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ").map(Number);
  const worker = children.find((pid) => readdirSync(`/proc/${pid}/task`).length > 0);
  if (worker === undefined) throw new Error("nginx has no worker");
  return worker;
}
