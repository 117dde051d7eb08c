import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { devAudience, secretHeader, secretVariable } from "../../cli/lib/dev-environment.ts";
import { devKeysFile } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { fixtureCatalog, projectRoot } from "../../cli/lib/project.ts";
import { startLiveOrigin } from "../../cli/local/live-origin.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { publicHalf } from "../../src/keys/key-material.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { keepLine, keepSecrets } from "../cluster/kept-logs.ts";
import { runServe } from "../cluster/serve.ts";
import { until } from "../cluster/viewer.ts";
import { newRing, ownAssets, settings, writeOwnFilms } from "./deployment.ts";

/** A deployment's folder with a running `npx stagedoor serve`. */
export interface NodeService {
  readonly folder: string;
  readonly ports: { readonly api: number; readonly media: number };
  readonly keys: readonly RingKey[];
  /** The lines of its log. */
  readonly lines: () => readonly string[];
  /** Gives it other keys while it runs (SIGHUP). */
  readonly reload: (keys: readonly RingKey[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export interface NodeServiceOptions {
  readonly environment?: "production";
  /** Members of `host` in stagedoor.config.json. */
  readonly host?: object;
  /** By default those of the suite, and a new ring. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly keys?: readonly RingKey[];
  /** The port of the media host, and the address that both hosts listen on. */
  readonly mediaPort?: number;
  readonly address?: string;
  /** Films in addition to the fixtures', by path; the first segment is the asset's id. By default those of the suite. */
  readonly films?: ReadonlyMap<string, Buffer>;
}

/** The issuer of viewers' tokens in production, with the ring's token key. */
export const productionIssuer = "https://id.stagedoor.test/";

/** The domain of production: the hosts are api.… and media.… of it. */
export const domain = "tv.stagedoor.test";

/** Runs `npx stagedoor serve` with the fixture streams from their folder, and a live origin. */
export async function startService(options: NodeServiceOptions = {}): Promise<NodeService> {
  const { environment, films, address } = options;
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-serve-"));
  const live = await startLiveOrigin({ port: 0 });
  const [api, media] = [await freePort(), options.mediaPort ?? (await freePort())];
  let keys = options.keys ?? (await newRing());
  const inProduction = environment === undefined ? [] : ["--env", environment];
  const words = ["--port", `${api}`, "--media-port", `${media}`, ...inProduction];
  if (address !== undefined) words.push("--address", address);
  const secret = live.secrets[secretVariable] ?? "";
  mkdirSync(join(folder, ".stagedoor"));
  if (films === undefined) writeOwnFilms(join(folder, "films"));
  else writeFilms(join(folder, "films"), films);
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(configWith(live.url, keys, options)));
  const secretsFile = join(folder, `secrets-${environment ?? "development"}.env`);
  writeFileSync(secretsFile, `${secretVariable}=${secret}\n`, { mode: 0o600 });
  const ringFile = join(folder, environment === undefined ? devKeysFile : `keys-${environment}.json`);
  let log = "";
  const writeRing = (next: readonly RingKey[]) => {
    keys = next;
    keepSecrets(keys, live.secrets);
    writeFileSync(ringFile, JSON.stringify({ keys }), { mode: 0o600 });
  };
  writeRing(keys);
  const service = await runServe(folder, words, (text) => {
    log += text;
  });
  const reloads = () => linesOf(log).filter((line) => /"event":"reload/.test(line));
  return {
    folder,
    ports: { api, media },
    get keys() {
      return keys;
    },
    lines: () => linesOf(log),
    async reload(next) {
      const before = reloads().length;
      writeRing(next);
      service.child.kill("SIGHUP");
      const [line] = await until(
        () => reloads().slice(before),
        (lines) => lines.length > 0,
      );
      if (!line?.includes('"reloaded"')) throw new Error(`no reload: ${line}`);
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

function writeFilms(folder: string, films: ReadonlyMap<string, Buffer>): void {
  for (const [path, bytes] of films) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes);
  }
}

/** The members of a fixture that a deployment's file has in another form. Its own session length is left out. */
interface Fixture {
  readonly entry: string;
  readonly origin: { readonly type: string };
  readonly cdn?: string;
  readonly session?: number;
}

/** A deployment's file with the assets of the fixture catalog that need no CloudFront, and the suite's own. */
function configWith(liveUrl: string, keys: readonly RingKey[], options: NodeServiceOptions): object {
  const { host, films } = options;
  const catalog = JSON.parse(readFileSync(fixtureCatalog, "utf8"));
  const fixtures = catalog.assets.flatMap(({ entry, origin, cdn, session: _, ...asset }: Fixture) =>
    cdn === undefined ? [{ ...asset, origin: origin.type === "http" ? "live" : "films", entries: { hls: entry } }] : [],
  );
  const ids = new Set([...(films?.keys() ?? [])].map((path) => path.slice(0, path.indexOf("/"))));
  const added = films === undefined ? ownAssets : [...ids].map((id) => ({ id }));
  const own = added.map((asset) => ({ ...asset, origin: "own", entries: { hls: "index.m3u8" } }));
  const liveHost = new URL(liveUrl).host;
  return {
    version: 1,
    host: { type: "node", privateOrigins: [liveHost], ...host },
    api: { host: "api.{domain}" },
    cdns: { main: { type: "node", host: "media.{domain}" } },
    origins: {
      films: { type: "file", folder: join(projectRoot, "fixtures/media") },
      own: { type: "file", folder: "films" },
      live: { type: "http", url: `${liveUrl}/`, secret: secretVariable },
    },
    secrets: { [secretVariable]: { use: "header", header: secretHeader, hosts: [liveHost] } },
    identity: {
      issuers: [
        {
          issuer: productionIssuer,
          audience: devAudience,
          algorithms: ["ES256"],
          jwks: { keys: keysFor({ keys }, "token").map(publicHalf) },
        },
      ],
    },
    environments: { production: { domain } },
    assets: [...fixtures, ...own],
    settings: options.settings ?? settings,
  };
}
