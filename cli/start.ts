import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseCatalogText } from "../src/catalog/catalog.ts";
import { describeFault } from "../src/catalog/catalog-fault.ts";
import { addressesAt, devEnvironment, devIssuerSettings, devSignUp } from "./lib/dev-environment.ts";
import { devIdentitySecret, devKeyRing } from "./lib/dev-keys.ts";
import { projectRoot } from "./lib/project.ts";
import { stopOnSignals } from "./lib/signals.ts";
import { localAssets, mergedOriginSecrets, seed, startCluster } from "./local/cluster.ts";
import { startLiveOrigin } from "./local/live-origin.ts";
import { localCredentials, portFault, settingsFault } from "./local/local-run.ts";
import { servePage } from "./local/page.ts";
import { readStartOptions, type StartOptions, startUsage } from "./local/start-options.ts";

const options = readOptions();
const { port, mediaPort, livePort, cdnPort } = options;
const { apiUrl, mediaUrl } = addressesAt({ port, mediaPort });
const usedPort = await portFault({
  ...{ "--port": port, "--media-port": mediaPort, "--live-port": livePort, "--cdn-port": cdnPort },
});
if (usedPort !== undefined) fail(1, usedPort);

const startedAt = Date.now();
stopOnSignals(async () => undefined);
console.log("Starting Stagedoor …");
const ring = await devKeyRing(projectRoot);
const identitySecret = devIdentitySecret(projectRoot);
const settings: Readonly<Record<string, string>> = {
  ...options.settings,
  STAGEDOOR_ISSUERS: JSON.stringify([devIssuerSettings(ring), ...options.issuers]),
};
// The API's URL decides which other sites can use the session cookie.
const invalid = settingsFault({
  ring,
  mediaUrl,
  settings: { STAGEDOOR_API_URL: apiUrl, ...settings },
  identitySecret,
});
if (invalid !== undefined) fail(2, invalid);
checkCatalog();
for (const note of options.notes) console.log(`  ${note}`);
const stateFolder = resolve(options.state ?? join(projectRoot, ".wrangler/state"));
const live = await startLiveOrigin({ port: livePort });
const cluster = await startCluster({
  ring,
  identitySecret,
  port,
  mediaPort,
  distributionPort: cdnPort,
  settings,
  secrets: { ...live.secrets, ...options.secrets },
  originSecrets: live.originSecrets,
  statePath: join(stateFolder, "v3"),
  page: servePage({
    ring,
    mediaUrl,
    distributionUrl: () => cluster.distribution?.url,
    basePath: settings.STAGEDOOR_BASE_PATH,
    assets: () => localAssets(cluster.miniflare),
  }),
  log: (line) => console.log(`  ${line}`),
});
stopOnSignals(async () => {
  await cluster.stop();
  await live.stop();
});
const { written, kept } = await seed(
  cluster.miniflare,
  { liveUrl: live.url, distributionUrl: cluster.distribution?.url },
  options.assets,
).catch((error: unknown) =>
  fail(
    1,
    `The state in ${stateFolder} cannot be used: ${error instanceof Error ? error.message : "unknown error"}.
If another npm start or wrangler dev uses it, stop that one, or choose another folder with --state <folder>.`,
  ),
);
if (kept.length > 0) console.log(`Kept ${kept.length} assets that were added before: ${kept.join(", ")}.`);
if (written > 0) console.log(`Loaded ${written} files of the fixture streams.`);
writeDevVars();

const { token, operator } = await localCredentials(ring);
const base = settings.STAGEDOOR_BASE_PATH ?? "";
const { STAGEDOOR_IDENTITY_SIGN_UP: signUp, STAGEDOOR_IDENTITY_ASSETS: newAccountAssets } = {
  ...devSignUp,
  ...settings,
};
console.log(`
  Page        ${cluster.apiUrl}/
  Examples    ${cluster.apiUrl}/examples/
  Console     ${cluster.apiUrl}/console
  API         ${cluster.apiUrl}${base === "/" ? "" : base}/stream/start
  Media host  ${cluster.mediaUrl}
  Live origin ${live.url} (only for the workers)
  CloudFront  ${cluster.distribution?.url} (an emulation, which plays vod-cloudfront-function)
  Accounts    STAGEDOOR_IDENTITY_SIGN_UP=${signUp} STAGEDOOR_IDENTITY_ASSETS="${newAccountAssets}" (deployments: closed and "")

  A bearer token (8 h, all fixture streams, development only):

${token}

  An operator's credential, to sign in to the console (8 h, development only):

${operator}

  Try it:

curl -s ${cluster.apiUrl}${base === "/" ? "" : base}/stream/start -H 'Content-Type: application/json' -d '{"asset":"vod-ts"}' -H 'Authorization: Bearer ${token}'

Ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s. Ctrl-C stops everything.`);

function readOptions(): StartOptions {
  const read = readStartOptions(process.argv.slice(2), process.env);
  if (!read.ok) return fail(2, read.refusal);
  if (read.value !== "help") return read.value;
  console.log(startUsage);
  process.exit(0);
}

function checkCatalog(): void {
  const catalog = parseCatalogText(JSON.stringify({ version: 1, assets: options.assets }));
  if (!catalog.ok)
    fail(2, ["The catalog of --catalog is invalid:", ...catalog.refusal.map(describeFault)].join("\n  "));
}

/** Writes .dev.vars, so that `npx wrangler dev` runs the edge worker with the same development keys. */
function writeDevVars(): void {
  const file = join(projectRoot, ".dev.vars");
  const bound = mergedOriginSecrets(live.originSecrets, settings);
  const lines = Object.entries({
    ...devEnvironment("edge", ring, cluster.mediaUrl, bound),
    ...live.secrets,
    ...options.secrets,
  }).map(([name, value]) => `${name}='${value}'`);
  const header = "# Written by npm start. Remove this line to keep your own version of the file.";
  if (existsSync(file) && !readFileSync(file, "utf8").startsWith("# Written by npm start.")) return;
  writeFileSync(file, `${[header, ...lines].join("\n")}\n`, { mode: 0o600 });
}

function fail(code: number, message: string): never {
  console.error(message);
  process.exit(code);
}
