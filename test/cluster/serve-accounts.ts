import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devKeysFile, newDevKeys } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { keepLine, keepSecrets } from "./kept-logs.ts";
import { runServe } from "./serve.ts";

export interface ServedAccounts {
  readonly apiUrl: string;
  /** The SQLite file of the service. */
  readonly file: string;
  readonly log: () => readonly string[];
  readonly stop: () => Promise<void>;
}

/** `npx stagedoor serve` with accounts of its own and the film `vod-ts`. `host` adds to that member of the file. */
export async function serveAccounts(host: object, secrets: Readonly<Record<string, string>>): Promise<ServedAccounts> {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-accounts-"));
  const [port, mediaPort, keys] = [await freePort(), await freePort(), await newDevKeys()];
  const config = {
    version: 1,
    host: { type: "node", ...host },
    api: { host: "api.{domain}" },
    cdns: { main: { type: "node", host: "media.{domain}" } },
    origins: { films: { type: "file", folder: "films" } },
    identity: { worker: true },
    environments: { production: { domain: "tv.stagedoor.test" } },
    assets: [{ id: "vod-ts", origin: "films", entries: { hls: "index.m3u8" } }],
    settings: { STAGEDOOR_IDENTITY_REFRESH_GRACE: "60" },
  };
  cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(folder, "films/vod-ts"), { recursive: true });
  mkdirSync(join(folder, ".stagedoor"));
  writeFileSync(join(folder, devKeysFile), JSON.stringify({ keys }), { mode: 0o600 });
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  if (lines.length > 0) writeFileSync(join(folder, "secrets-development.env"), lines.join(""), { mode: 0o600 });
  keepSecrets(keys, secrets);
  const service = await runServe(folder, ["--port", `${port}`, "--media-port", `${mediaPort}`]);
  const log = () => service.output().slice(service.output().indexOf("Ready.")).split("\n").slice(1, -1);
  return {
    apiUrl: `http://localhost:${port}`,
    file: join(folder, "data/development.sqlite"),
    log,
    stop: async () => {
      await service.stop();
      log().forEach(keepLine);
      rmSync(folder, { recursive: true });
    },
  };
}
