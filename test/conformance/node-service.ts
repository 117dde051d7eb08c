import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secretHeader, secretVariable } from "../../cli/lib/dev-environment.ts";
import { devKeysFile, newDevKeys } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { fixtureCatalog, projectRoot } from "../../cli/lib/project.ts";
import { startLiveOrigin } from "../../cli/local/live-origin.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { keepLine, keepSecrets } from "../cluster/kept-logs.ts";
import { runServe } from "../cluster/serve.ts";
import { type Deployment, ownAssets, settings, writeOwnFilms } from "./deployment.ts";

/** `npx stagedoor serve` with the fixture streams from their folder, and a live origin. */
export async function startNodeService(): Promise<Deployment> {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-serve-"));
  const [port, mediaPort, live] = [await freePort(), await freePort(), await startLiveOrigin({ port: 0 })];
  let keys: readonly RingKey[] = await newDevKeys();
  const words = ["--port", `${port}`, "--media-port", `${mediaPort}`];
  const secret = live.secrets[secretVariable] ?? "";
  mkdirSync(join(folder, ".stagedoor"));
  writeOwnFilms(join(folder, "films"));
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(configWith(live.url)));
  writeFileSync(join(folder, "secrets-development.env"), `${secretVariable}=${secret}\n`, { mode: 0o600 });
  let log = "";
  const run = () => {
    keepSecrets(keys, live.secrets);
    writeFileSync(join(folder, devKeysFile), JSON.stringify({ keys }), { mode: 0o600 });
    return runServe(folder, words, (text) => {
      log += text;
    });
  };
  let service = await run();
  return {
    apiUrl: `http://localhost:${port}`,
    mediaUrl: `http://localhost:${mediaPort}`,
    addressHeader: "X-Forwarded-For",
    promise: 2000,
    get keys() {
      return keys;
    },
    log: () => linesOf(log).join("\n"),
    async deploy(next) {
      keys = next;
      await service.stop();
      service = await run();
    },
    async stop() {
      await service.stop();
      for (const line of linesOf(log)) keepLine(line);
      await live.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The lines of the log, without the text with credentials that is for people. */
const linesOf = (output: string) => output.split("\n").filter((line) => line.startsWith("{"));

/** A deployment's file with the assets of the fixture catalog that need no CloudFront, and the suite's own. */
function configWith(liveUrl: string): object {
  const catalog = JSON.parse(readFileSync(fixtureCatalog, "utf8"));
  const fixtures = catalog.assets.flatMap(
    ({ entry, origin, cdn, ...asset }: { entry: string; origin: { type: string }; cdn?: string }) =>
      cdn === undefined
        ? [{ ...asset, origin: origin.type === "http" ? "live" : "films", entries: { hls: entry } }]
        : [],
  );
  const own = ownAssets.map((asset) => ({ ...asset, origin: "own", entries: { hls: "index.m3u8" } }));
  const { host } = new URL(liveUrl);
  return {
    version: 1,
    host: { type: "node", privateOrigins: [host] },
    api: { host: "api.{domain}" },
    cdns: { main: { type: "node", host: "media.{domain}" } },
    origins: {
      films: { type: "file", folder: join(projectRoot, "fixtures/media") },
      own: { type: "file", folder: "films" },
      live: { type: "http", url: `${liveUrl}/`, secret: secretVariable },
    },
    secrets: { [secretVariable]: { use: "header", header: secretHeader, hosts: [host] } },
    identity: {
      issuers: [
        {
          issuer: "https://id.stagedoor.test/",
          audience: "tv",
          algorithms: ["ES256"],
          jwksUri: "https://id.stagedoor.test/jwks",
        },
      ],
    },
    environments: { production: { domain: "tv.stagedoor.test" } },
    assets: [...fixtures, ...own],
    settings,
  };
}
