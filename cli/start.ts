import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { operatorScopes as scopes } from "../src/auth/operator-token.ts";
import { seconds } from "../src/base/time.ts";
import { readConfiguration, workerNames } from "../src/config/configuration.ts";
import { readIdentityConfiguration } from "../src/config/identity-configuration.ts";
import { devEnvironment, devIdentityEnvironment, devSignUp } from "./lib/dev-environment.ts";
import { devIdentitySecret, devKeyRing, signDevToken } from "./lib/dev-keys.ts";
import { operatorSigningKey, signOperatorToken } from "./lib/operator-api.ts";
import { projectRoot } from "./lib/project.ts";
import { addressesAt, mergedOriginSecrets, seed, startCluster } from "./local/cluster.ts";
import { startLiveOrigin } from "./local/live-origin.ts";
import { servePage } from "./local/page.ts";
import { isInUse } from "./local/ports.ts";

const usage = `npm start -- [--port 8787] [--media-port 8788] [--live-port 8789]

Starts Stagedoor on this machine: the API, the media host and a demo page, with fixture streams to play, and an origin with
live streams that are cut from them.
Settings are environment variables: STAGEDOOR_MANIFEST_TTL, STAGEDOOR_SESSION_TTL, STAGEDOOR_PAUSE_ALLOWANCE,
STAGEDOOR_EXPIRY_STEP, STAGEDOOR_LEASE_TTL, STAGEDOOR_REVOCATION_MAX_AGE (seconds), STAGEDOOR_STREAM_LIMIT,
STAGEDOOR_SHARED_NETWORKS (0 for no limit), STAGEDOOR_STORE_FAILURE (closed or open), STAGEDOOR_RENEWAL (redirect or off),
STAGEDOOR_BASE_PATH, and for the identity worker STAGEDOOR_IDENTITY_IDLE, _ACCESS_TTL, _REFRESH_TTL, _REFRESH_GRACE
(seconds), _BEARER_SIGNATURE (required or optional), _CLIENTS, _SIGN_UP (open or closed) and _ASSETS.`;

const { port, mediaPort, livePort } = readArguments();
const settings = readSettings();
const { apiUrl, mediaUrl } = addressesAt({ port, mediaPort });
for (const [name, number] of [
  ["--port", port],
  ["--media-port", mediaPort],
  ["--live-port", livePort],
] as const) {
  if (await isInUse(number))
    fail(1, `Port ${number} is in use by another program. Stop it, or choose another port with ${name}.`);
}

const startedAt = Date.now();
stopOnSignals(async () => undefined);
console.log("Starting Stagedoor …");
const ring = await devKeyRing(projectRoot);
const identitySecret = devIdentitySecret(projectRoot);
checkSettings();
const live = await startLiveOrigin({ port: livePort });
const cluster = await startCluster({
  ring,
  identitySecret,
  port,
  mediaPort,
  settings,
  secrets: live.secrets,
  originSecrets: live.originSecrets,
  statePath: join(projectRoot, ".wrangler/state/v3"),
  page: servePage({ ring, mediaUrl, basePath: settings.STAGEDOOR_BASE_PATH }),
  log: (line) => console.log(`  ${line}`),
});
stopOnSignals(async () => {
  await cluster.stop();
  await live.stop();
});
const written = await seed(cluster.miniflare, live.url);
if (written > 0) console.log(`Loaded ${written} files of the fixture streams.`);
writeDevVars();

const token = await signDevToken(ring, {
  subject: "demo-viewer",
  assets: "*",
  lifetimeSeconds: 8 * 3600,
});
const operatorKey = operatorSigningKey(ring);
const operator =
  operatorKey && (await signOperatorToken(operatorKey, { name: "you", scopes, lifetime: seconds(8 * 3600) }));
const base = settings.STAGEDOOR_BASE_PATH ?? "";
const { STAGEDOOR_IDENTITY_SIGN_UP: signUp, STAGEDOOR_IDENTITY_ASSETS: newAccountAssets } = {
  ...devSignUp,
  ...settings,
};
console.log(`
  Page        ${cluster.apiUrl}/
  Console     ${cluster.apiUrl}/console
  API         ${cluster.apiUrl}${base === "/" ? "" : base}/stream/start
  Media host  ${cluster.mediaUrl}
  Live origin ${live.url} (only for the workers)
  Accounts    STAGEDOOR_IDENTITY_SIGN_UP=${signUp} STAGEDOOR_IDENTITY_ASSETS="${newAccountAssets}" (deployments: closed and "")

  A bearer token (8 h, all fixture streams, development only):

${token}

  An operator's credential, to sign in to the console (8 h, development only):

${operator?.token ?? "none: the ring has no operator key that signs now"}

  Try it:

curl -s ${cluster.apiUrl}${base === "/" ? "" : base}/stream/start -H 'Content-Type: application/json' -d '{"asset":"vod-ts"}' -H 'Authorization: Bearer ${token}'

Ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s. Ctrl-C stops everything.`);

function readArguments(): { port: number; mediaPort: number; livePort: number } {
  try {
    const text = { type: "string" } as const;
    const { values } = parseArgs({
      options: { port: text, "media-port": text, "live-port": text, help: { type: "boolean" } },
    });
    if (values.help === true) {
      console.log(usage);
      process.exit(0);
    }
    const ports = {
      port: portNumber("--port", values.port ?? "8787"),
      mediaPort: portNumber("--media-port", values["media-port"] ?? "8788"),
      livePort: portNumber("--live-port", values["live-port"] ?? "8789"),
    };
    if (new Set(Object.values(ports)).size < 3)
      fail(2, "--port, --media-port and --live-port must be three different ports.");
    return ports;
  } catch (error) {
    return fail(2, `${error instanceof Error ? error.message : "Invalid arguments."}\n\n${usage}`);
  }
}

function portNumber(name: string, text: string): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 65535
    ? number
    : fail(2, `${name} must be a port number from 1 to 65535, not ${JSON.stringify(text)}.`);
}

/** The settings in the environment, except those that development sets itself, and STAGEDOOR_CHROME, which is for tests. */
function readSettings(): Readonly<Record<string, string>> {
  const excluded = new Set([
    "STAGEDOOR_KEYS",
    "STAGEDOOR_ISSUERS",
    "STAGEDOOR_ENV",
    "STAGEDOOR_MEDIA_URL",
    "STAGEDOOR_API_URL",
    "STAGEDOOR_IDENTITY_SECRET",
    "STAGEDOOR_CHROME",
  ]);
  const entries = Object.entries(process.env).filter(([name]) => name.startsWith("STAGEDOOR_") && !excluded.has(name));
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
}

function checkSettings(): void {
  // The API's URL decides which other sites can use the session cookie.
  const overrides = { STAGEDOOR_API_URL: apiUrl, ...settings };
  const errors = workerNames.flatMap((worker) => {
    const read = readConfiguration(devEnvironment(worker, ring, mediaUrl, overrides));
    return read.ok ? [] : read.refusal;
  });
  const identity = readIdentityConfiguration(devIdentityEnvironment(apiUrl, identitySecret, overrides));
  if (!identity.ok) errors.push(...identity.refusal);
  if (errors.length > 0) fail(2, ["The configuration is invalid:", ...new Set(errors)].join("\n  "));
}

/** Writes .dev.vars, so that `npx wrangler dev` runs the edge worker with the same development keys. */
function writeDevVars(): void {
  const file = join(projectRoot, ".dev.vars");
  const bound = mergedOriginSecrets(live.originSecrets, settings);
  const lines = Object.entries({ ...devEnvironment("edge", ring, cluster.mediaUrl, bound), ...live.secrets }).map(
    ([name, value]) => `${name}='${value}'`,
  );
  const header = "# Written by npm start. Remove this line to keep your own version of the file.";
  if (existsSync(file) && !readFileSync(file, "utf8").startsWith("# Written by npm start.")) return;
  writeFileSync(file, `${[header, ...lines].join("\n")}\n`, { mode: 0o600 });
}

/**
 * Stops workerd before the process exits with 0; Miniflare's own handler would exit at once with 130. A second signal exits at
 * once, but not within a second of the first: on Ctrl-C the terminal and npm both send one.
 */
function stopOnSignals(stop: () => Promise<void>): void {
  let stoppingSince: number | undefined;
  const onSignal = async () => {
    if (stoppingSince !== undefined) {
      if (Date.now() - stoppingSince > 1000) process.exit(1);
      return;
    }
    stoppingSince = Date.now();
    console.log("\nStopping …");
    await stop();
    process.exit(0);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.removeAllListeners(signal);
    process.on(signal, onSignal);
  }
}

function fail(code: number, message: string): never {
  console.error(message);
  process.exit(code);
}
