import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { devClient, devSignUp } from "../../cli/lib/dev-environment.ts";
import { devKeysFile, newDevKeys, newIdentitySecret } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { newSessionKey } from "../../src/keys/generate.ts";
import { keepLine, keepSecrets } from "./kept-logs.ts";
import { runServe } from "./serve.ts";

const domain = "tv.stagedoor.test";

export interface ServedAccounts {
  readonly apiUrl: string;
  readonly mediaUrl: string;
  /** Where the API and the media host listen. */
  readonly ports: readonly [number, number];
  /** The SQLite file of the service. */
  readonly file: string;
  readonly log: () => readonly string[];
  readonly stop: () => Promise<void>;
}

/** `npx stagedoor serve` in development, with accounts in its SQLite file and the film `vod-ts`. */
export async function serveAccounts(): Promise<ServedAccounts> {
  const folder = folderWith({});
  const keys = await newDevKeys();
  mkdirSync(join(folder, ".stagedoor"));
  writeFileSync(join(folder, devKeysFile), JSON.stringify({ keys }), { mode: 0o600 });
  keepSecrets(keys);
  return serveIn(folder, "development", ["--processes", "2"]);
}

/** The same for viewers, with accounts in PostgreSQL. Its public hosts have TLS, so {@link throughProxy} reaches them. */
export async function serveAccountsFrom(url: string, password: string): Promise<ServedAccounts> {
  const settings = { ...devSignUp, STAGEDOOR_IDENTITY_CLIENTS: [devClient] };
  const folder = folderWith({ host: { type: "node", postgres: { url } }, settings });
  const keys = [newSessionKey("s1", randomBytes)];
  const secrets = { STAGEDOOR_POSTGRES_PASSWORD: password, STAGEDOOR_IDENTITY_SECRET: newIdentitySecret() };
  writeFileSync(join(folder, "keys-production.json"), JSON.stringify({ keys }), { mode: 0o600 });
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(join(folder, "secrets-production.env"), lines.join(""), { mode: 0o600 });
  keepSecrets(keys, { password, identitySecret: secrets.STAGEDOOR_IDENTITY_SECRET });
  return serveIn(folder, "production", ["--env", "production", "--processes", "2"]);
}

/** fetch as clients have it: through a proxy with TLS in front of the service. */
export function throughProxy({ apiUrl, mediaUrl, ports }: ServedAccounts, direct: typeof fetch): typeof fetch {
  const targets = new Map([apiUrl, mediaUrl].map((url, index) => [url, `http://localhost:${ports[index]}`]));
  return (input, init) => {
    const request = new Request(input, init);
    const { origin, pathname, search } = new URL(request.url);
    const target = targets.get(origin);
    if (target === undefined) return direct(request);
    const forwarded = new Request(target + pathname + search, request);
    forwarded.headers.set("X-Forwarded-Proto", "https");
    return direct(forwarded);
  };
}

/** The folder of a deployment with one film. */
function folderWith({ settings, ...members }: { readonly settings?: object; readonly host?: object }): string {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-accounts-"));
  const config = {
    version: 1,
    host: { type: "node" },
    api: { host: "api.{domain}" },
    cdns: { main: { type: "node", host: "media.{domain}" } },
    origins: { films: { type: "file", folder: "films" } },
    identity: { worker: true },
    environments: { production: { domain } },
    assets: [{ id: "vod-ts", origin: "films", entries: { hls: "index.m3u8" } }],
    settings: { STAGEDOOR_IDENTITY_REFRESH_GRACE: "60", ...settings },
    ...members,
  };
  cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(folder, "films/vod-ts"), { recursive: true });
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  return folder;
}

async function serveIn(
  folder: string,
  environment: "development" | "production",
  words: readonly string[],
): Promise<ServedAccounts> {
  const ports = [await freePort(), await freePort()] as const;
  const [port, mediaPort] = ports;
  const service = await runServe(folder, ["--port", `${port}`, "--media-port", `${mediaPort}`, ...words]);
  const log = () => service.output().slice(service.output().indexOf("Ready.")).split("\n").slice(1, -1);
  const isLocal = environment === "development";
  return {
    apiUrl: isLocal ? `http://localhost:${port}` : `https://api.${domain}`,
    mediaUrl: isLocal ? `http://localhost:${mediaPort}` : `https://media.${domain}`,
    ports,
    file: join(folder, `data/${environment}.sqlite`),
    log,
    stop: async () => {
      await service.stop();
      log().forEach(keepLine);
      rmSync(folder, { recursive: true });
    },
  };
}
