import { existsSync } from "node:fs";
import { join } from "node:path";
import { environmentNames } from "../../src/deployment/config-schema.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused } from "../lib/command.ts";
import { requiredPeer } from "../lib/peers.ts";
import { readPort } from "../lib/ports.ts";
import { inDeployment, packageRoot, projectRoot } from "../lib/project.ts";

export const devCommand: Command = {
  name: "dev",
  summary: "run a deployment's folder on this machine",
  operands: [],
  options: {
    port: { type: "string" },
    "media-port": { type: "string" },
    "cdn-port": { type: "string" },
    secrets: { type: "string" },
  },
  help: `Runs the deployment of stagedoor.config.json on this machine, in simulated R2, KV and D1: its assets with their own origins,
its settings, and its issuers in addition to development tokens. Files of \`local\` folders are copied into their simulated
buckets. Assets on a CDN of the type cloudfront-function play through an emulated distribution with that function. Assets on one of
the type cloudfront have URLs of the real distribution, which refuses them: the development keys are not in its key group. Prints a
bearer token and an operator's credential for this machine. Ctrl-C stops it.

  --port <number>         the API (8787)
  --media-port <number>   the media host (8788)
  --cdn-port <number>     the emulated CloudFront distribution, if a CDN has the type cloudfront-function (8791)
  --secrets <file>        secrets of your origins and issuers, a line NAME=value each (secrets-development.env, if it exists)`,
  run: async (args) => {
    if (!inDeployment)
      return endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder>`, and run this command in it. In a clone of this project, `npm start` runs the fixture streams.",
      );
    const port = readPort("port", args.value("port") ?? "8787");
    const mediaPort = readPort("media-port", args.value("media-port") ?? "8788");
    const cdnPort = readPort("cdn-port", args.value("cdn-port") ?? "8791");
    if (new Set([port, mediaPort, cdnPort]).size < 3)
      endMisused(
        `--port, --media-port and --cdn-port must be different ports, not ${port}, ${mediaPort} and ${cdnPort}.`,
      );
    // Loaded only here: wrangler and Miniflare take seconds.
    const { runDeployment } = await requiredPeer("wrangler", () => import("./run-deployment.ts"));
    const ended = await runDeployment(projectRoot, { port, mediaPort, cdnPort, secrets: args.value("secrets") });
    return endFailed(ended);
  },
};

export const serveCommand: Command = {
  name: "serve",
  summary: "run the service of this folder on Node (host.type node)",
  operands: [],
  options: {
    env: { type: "string" },
    role: { type: "string" },
    processes: { type: "string" },
    port: { type: "string" },
    "media-port": { type: "string" },
    address: { type: "string" },
    data: { type: "string" },
    ring: { type: "string" },
    secrets: { type: "string" },
    catalog: { type: "boolean" },
  },
  help: `Runs the API and the media host of stagedoor.config.json, with its stores in one SQLite file. Put a proxy with TLS
in front of both ports; its address must be in host.trustedProxies, unless it is on this machine. Ctrl-C or SIGTERM waits for the
responses in progress and stops. SIGHUP reads the configuration, the keys and the secrets again, without a refused request; if
they are invalid, the service continues with the old ones and logs why.

  --env <environment>     staging or production: their domain, keys and secrets. Without it: development, on localhost, with keys made
                          for this machine and a token to try it with
  --role <role>           api or media: only that host, while other processes serve the other one (all)
  --processes <number>    processes that share the ports, one for each core; one that ends is started again (1)
  --port <number>         the API (8787)
  --media-port <number>   the media host (8788)
  --address <address>     the address to listen on (127.0.0.1)
  --data <file>           the SQLite file (data/<environment>.sqlite)
  --ring <file>           the key ring (keys-<environment>.json)
  --secrets <file>        secrets of your origins and issuers, a line NAME=value each (secrets-<environment>.env, if it exists)
  --catalog               replace the catalog by the assets of stagedoor.config.json; without it only an empty one gets them`,
  run: async (args) => {
    if (!inDeployment)
      return endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder> --host node`, and run this command in it.",
      );
    compileJsx();
    const { runService } = await import("./run-service.ts");
    const environment = readEnvironment(args);
    const port = readPort("port", args.value("port") ?? "8787");
    const mediaPort = readPort("media-port", args.value("media-port") ?? "8788");
    if (port === mediaPort) endMisused(`--port and --media-port must be different ports, not both ${port}.`);
    return endFailed(
      await runService(projectRoot, {
        environment,
        role: readRole(args),
        processes: readProcesses(args),
        port,
        mediaPort,
        address: args.value("address") ?? "127.0.0.1",
        data: args.value("data"),
        ring: args.value("ring"),
        secrets: args.value("secrets"),
        replacesCatalog: args.flag("catalog"),
      }),
    );
  },
};

function readEnvironment(args: Args) {
  const text = args.value("env");
  if (text === undefined) return undefined;
  return environmentNames.find((name) => name === text) ?? endInvalid("env", text, environmentNames.join(" or "));
}

const roles = ["all", "api", "media"] as const;

function readRole(args: Args) {
  const text = args.value("role") ?? "all";
  return roles.find((name) => name === text) ?? endInvalid("role", text, "api, media or all");
}

/** More than this is a typo. */
const mostProcesses = 128;

function readProcesses(args: Args): number {
  const text = args.value("processes") ?? "1";
  const number = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= mostProcesses
    ? number
    : endInvalid("processes", text, `a number from 1 to ${mostProcesses}`);
}

/** In a clone Node runs the sources themselves, and reads TypeScript but no JSX. An installed package is compiled. */
export function compileJsx(): void {
  if (!existsSync(join(packageRoot, "src"))) return;
  const { createRequire, registerHooks } = process.getBuiltinModule("node:module");
  registerHooks({
    load: (url, context, nextLoad) => {
      if (!url.endsWith(".tsx")) return nextLoad(url, context);
      const { transformSync } = createRequire(import.meta.url)("esbuild");
      const { source } = nextLoad(url, { ...context, format: "module" });
      const { code } = transformSync(String(source), {
        loader: "tsx",
        jsx: "automatic",
        jsxImportSource: "hono/jsx",
      });
      return { format: "module", source: code, shortCircuit: true };
    },
  });
}
