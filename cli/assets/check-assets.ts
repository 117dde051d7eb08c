import type { Asset } from "../../src/catalog/asset.ts";
import { rootFaults } from "../../src/catalog/asset-origin.ts";
import { parseCatalogText } from "../../src/catalog/catalog.ts";
import type { CatalogFault } from "../../src/catalog/catalog-fault.ts";
import { secretFaults } from "../../src/catalog/origin-secrets.ts";
import { type Args, type Command, type Completed, endFailed, endInvalid, succeeded } from "../lib/command.ts";
import { bucketUnbound, type Deployment, deploymentAt, deploymentOf, unboundBuckets } from "../lib/deployment.ts";
import { catalogFileOf, readText, shortName } from "../lib/files.ts";
import { bindingsFile, defaultCatalogName, projectRoot } from "../lib/project.ts";
import { table } from "../lib/text.ts";
import { isLive, readLiveCatalog, whichCatalogHelp, whichCatalogOptions } from "../lib/which-catalog.ts";
import { readWorkerFile } from "../lib/worker-files.ts";

export const assetsCheckCommand: Command = {
  name: "assets check",
  summary: "print every error of a catalog",
  operands: [],
  options: { ...whichCatalogOptions, env: { type: "string" } },
  help: `Checks a catalog and prints every error: its name, its place and its fix. If ${bindingsFile} is readable, an R2 bucket that
is not bound to the workers (bucket_unbound), a folder that is no origin (root_unknown) and an origin secret that they may not
send to that host (origin_secret_unbound) are errors too. Exits with 1 on any error.

  --env <name>               the environment of the workers (the one whose STAGEDOOR_API_URL is --api)

${whichCatalogHelp("operator:read", `the catalog in a file instead (${defaultCatalogName})`)}`,
  run: async (args): Promise<Completed> => {
    const { where, assets, faults: catalogFaults } = isLive(args) ? await checkLive(args) : checkFile(args);
    const deployment = await deploymentFor(args);
    const originSecrets = deployment?.originSecrets;
    const unbound = [
      ...(originSecrets === undefined ? [] : secretFaults(assets, originSecrets)),
      ...(deployment === undefined ? [] : rootFaults(assets, deployment.roots)),
    ];
    const faults = [
      ...[...catalogFaults, ...unbound].map(({ name, asset, field, advice }) => ({ name, asset, field, advice })),
      ...bucketFaults(assets, deployment),
    ];
    const count = assets.length;
    if (faults.length === 0)
      return succeeded(`${where} is valid: ${count} asset${count === 1 ? "" : "s"}.`, { assets: count, faults: [] });
    const rows = faults.map(({ name, asset = "(catalog)", field, advice }) => [name, asset, field || "-", advice]);
    const note = `${where} has ${faults.length} error${faults.length === 1 ? "" : "s"}.`;
    return { exit: 1, text: table([["ERROR", "ASSET", "FIELD", "WHAT TO DO"], ...rows]), json: { faults }, note };
  },
};

interface Checked {
  readonly where: string;
  readonly assets: readonly Asset[];
  readonly faults: readonly CatalogFault[];
}

async function checkLive(args: Args): Promise<Checked> {
  const { api, assets, faults } = await readLiveCatalog(args);
  return { where: `The catalog of ${api}`, assets, faults };
}

function checkFile(args: Args): Checked {
  const file = catalogFileOf(args);
  const checked = parseCatalogText(readText(file, "the catalog"));
  const where = shortName(file);
  return checked.ok
    ? { where, assets: checked.value.assets(), faults: [] }
    : { where, assets: [], faults: checked.refusal };
}

/** The deployment of --env or --api; undefined for a file alone. */
async function deploymentFor(args: Args): Promise<Deployment | undefined> {
  const [environment, api] = [args.value("env"), args.value("api")];
  if (environment === undefined) return api === undefined ? undefined : deploymentAt(api);
  const deployment = await deploymentOf(projectRoot, environment);
  if (deployment !== undefined) return deployment;
  const edge = await readWorkerFile(projectRoot, "edge", undefined);
  if (edge.ok && !edge.value.environments.includes(environment))
    endInvalid("env", environment, `an environment of ${bindingsFile} (${edge.value.environments.join(", ")})`);
  return endFailed(`${bindingsFile} cannot be read: \`npx stagedoor doctor --env ${environment}\` shows why.`);
}

function bucketFaults(assets: readonly Asset[], deployment: Deployment | undefined) {
  if (deployment === undefined) return [];
  const unbound = unboundBuckets(assets, deployment);
  return assets.flatMap(({ id, origin }) =>
    origin.type === "r2" && unbound.includes(origin.binding)
      ? [
          {
            name: "bucket_unbound",
            asset: id,
            field: "origin.binding",
            advice: bucketUnbound(origin.binding, deployment),
          },
        ]
      : [],
  );
}
