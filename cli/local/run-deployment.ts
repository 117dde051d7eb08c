import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { bindingOf, catalogOf } from "../../src/deployment/catalog-of.ts";
import type { Deployment } from "../../src/deployment/config-schema.ts";
import { issuersWith } from "../../src/deployment/issuers-of.ts";
import { namedSecrets, settingsFor, workersOf } from "../../src/deployment/wrangler-config.ts";
import { generatedFile, generateFiles, workersOnly } from "../lib/deployment-folder.ts";
import { addressesAt, devIssuerSettings } from "../lib/dev-environment.ts";
import { devIdentitySecret, devKeyRing } from "../lib/dev-keys.ts";
import { generatedFolder, packageRoot } from "../lib/project.ts";
import { developmentSecrets, readSecretsFile } from "../lib/secrets-file.ts";
import { stopOnSignals } from "../lib/signals.ts";
import { copyToBucket, filesBelow, localAssets, seedCatalog, startCluster } from "./cluster.ts";
import { localCredentials, portFault, settingsFault } from "./local-run.ts";
import { noPage, servePage } from "./page.ts";

export interface DevOptions {
  readonly port: number;
  readonly mediaPort: number;
  /** Of the emulated CloudFront distribution, if the deployment has one with a function. */
  readonly cdnPort: number;
  /** The file of --secrets. */
  readonly secrets: string | undefined;
}

/** Runs a deployment's folder until a signal ends the process. If it cannot start, resolves with the reason. */
export async function runDeployment(folder: string, options: DevOptions): Promise<string> {
  const startedAt = Date.now();
  const generated = generateFiles(folder);
  if (!generated.ok) return generated.refusal;
  const deployment = generated.value;
  const hostFault = workersOnly("npx stagedoor dev", deployment);
  if (hostFault !== undefined) return hostFault;
  const { config } = deployment;
  const hasFunction = Object.values(config.cdns).some(({ type }) => type === "cloudfront-function");
  const usedPort = await portFault({
    ...{ "--port": options.port, "--media-port": options.mediaPort },
    ...(hasFunction && { "--cdn-port": options.cdnPort }),
  });
  if (usedPort !== undefined) return usedPort;
  const secrets = secretsFor(folder, deployment, options.secrets);
  const missing = namedSecrets(config, undefined).filter(
    // The emulated distribution has one of its own.
    (name) => name !== "STAGEDOOR_EDGE_SECRETS" && !(name in secrets),
  );
  if (missing.length > 0)
    return `These secrets have no value on this machine: ${missing.join(", ")}. Add a line NAME=value for each to ${developmentSecrets}; \`npx stagedoor secrets new --env development\` makes that file.`;
  const ring = await devKeyRing(folder);
  const identitySecret = devIdentitySecret(folder);
  const { apiUrl, mediaUrl } = addressesAt(options);
  const settings = {
    STAGEDOOR_API_URL: apiUrl,
    ...Object.assign({}, ...workersOf(config).map((worker) => settingsFor(worker, config, undefined))),
    STAGEDOOR_ISSUERS: JSON.stringify([
      devIssuerSettings(ring),
      ...issuersWith(config.identity.issuers, (name) => secrets[name]),
    ]),
  };
  const invalid = settingsFault({
    ring,
    mediaUrl,
    settings,
    identitySecret: config.identity.worker ? identitySecret : undefined,
  });
  if (invalid !== undefined) return invalid;
  console.log("Starting this deployment …");
  const hasPage = existsSync(join(packageRoot, "demo/index.html"));
  const page = servePage({
    ring,
    mediaUrl,
    distributionUrl: () => cluster.distribution?.url,
    basePath: settings.STAGEDOOR_BASE_PATH,
    assets: () => localAssets(cluster.miniflare),
  });
  const cluster = await startCluster({
    ring,
    identitySecret,
    port: options.port,
    mediaPort: options.mediaPort,
    distributionPort: hasFunction ? options.cdnPort : undefined,
    settings,
    secrets: Object.fromEntries(Object.entries(secrets).filter(([name]) => config.secrets[name]?.use !== "issuer")),
    statePath: join(folder, generatedFolder, "state/v3"),
    fileOf: (worker) => join(folder, generatedFile(worker)),
    identity: config.identity.worker,
    page: hasPage ? page : noPage,
    log: (line) => console.log(`  ${line}`),
  });
  stopOnSignals(() => cluster.stop());
  const kept = await seedCatalog(cluster.miniflare, catalogOf(deployment, undefined, cluster.distribution?.url).assets);
  if (kept.length > 0) console.log(`Kept ${kept.length} assets that were added before: ${kept.join(", ")}.`);
  for (const note of await copyLocalFiles(folder, deployment, cluster)) console.log(note);
  console.log(
    await readyText(deployment, { ring, cluster, hasPage, startedAt, basePath: settings.STAGEDOOR_BASE_PATH }),
  );
  return new Promise(() => undefined);
}

function secretsFor(
  folder: string,
  { config }: Deployment,
  file: string | undefined,
): Readonly<Record<string, string>> {
  const standard = join(folder, developmentSecrets);
  if (file === undefined && !existsSync(standard)) return {};
  const { STAGEDOOR_IDENTITY_SECRET: _, ...values } = readSecretsFile(file ?? standard, config);
  return values;
}

/** Copies the `local` folders of R2 origins into the simulated buckets. Returns a line for each. */
async function copyLocalFiles(
  folder: string,
  { config }: Deployment,
  { miniflare }: Awaited<ReturnType<typeof startCluster>>,
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const [name, origin] of Object.entries(config.origins)) {
    if (origin.type !== "r2" || origin.local === undefined) continue;
    const source = resolve(folder, origin.local);
    const found = existsSync(source) ? filesBelow(source) : undefined;
    if (found !== undefined && found.links.length > 0)
      notes.push(
        `Skipped links in ${origin.local}/, which are not followed: ${found.links.join(", ")}. Put the files themselves there.`,
      );
    notes.push(
      found !== undefined
        ? `Copied ${await copyToBucket(miniflare, bindingOf(name), source, found)} new files of ${origin.local}/ to the simulated bucket of ${name}.`
        : `${origin.local}/ does not exist, so the simulated bucket of ${name} gets no files: put the files of an asset into ${origin.local}/<asset>/.`,
    );
  }
  return notes;
}

interface Running {
  readonly ring: Awaited<ReturnType<typeof devKeyRing>>;
  readonly cluster: Awaited<ReturnType<typeof startCluster>>;
  readonly hasPage: boolean;
  readonly startedAt: number;
  readonly basePath: string | undefined;
}

async function readyText(
  { config }: Deployment,
  { ring, cluster, hasPage, startedAt, basePath = "/" }: Running,
): Promise<string> {
  const { token, operator } = await localCredentials(ring);
  const start = `${cluster.apiUrl}${basePath === "/" ? "" : basePath}/stream/start`;
  const [asset] = config.assets;
  const body = JSON.stringify({ asset: asset?.id ?? "film" });
  return `
${hasPage ? `  Page        ${cluster.apiUrl}/\n` : ""}  Console     ${cluster.apiUrl}/console
  API         ${start}
  Media host  ${cluster.mediaUrl}
${cluster.distribution === undefined ? "" : `  CloudFront  ${cluster.distribution.url} (an emulation of the distribution with the function)\n`}  Assets      ${config.assets.map(({ id }) => id).join(", ") || "none: add one to stagedoor.config.json"}

  A bearer token (8 h, all assets, this machine only):

${token}

  An operator's credential, to sign in to the console (8 h, this machine only):

${operator}

  Try it:

curl -s ${start} -H 'Content-Type: application/json' -d '${body}' -H 'Authorization: Bearer ${token}'

Ready after ${((Date.now() - startedAt) / 1000).toFixed(1)} s. Ctrl-C stops it.`;
}
