import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { type WorkerKind, workerKinds } from "../../src/config/setting-readers.ts";
import { catalogOf } from "../../src/deployment/catalog-of.ts";
import { configFile, type Deployment, type DeploymentConfig } from "../../src/deployment/config-schema.ts";
import { configFaultText, readConfig } from "../../src/deployment/read-config.ts";
import { hasStores, type Placeholder, wranglerConfig } from "../../src/deployment/wrangler-config.ts";
import { generatedFolder, inDeployment, packageRoot, projectRoot } from "./project.ts";

/** The generated configuration of a worker, relative to the deployment's folder. */
export function generatedFile(worker: WorkerKind): string {
  return `${generatedFolder}/${worker}/wrangler.json`;
}

/** Reads a deployment's file, or returns every error in it, a line each. */
export function readDeployment(folder: string): Result<Deployment, string> {
  const file = join(folder, configFile);
  return parseDeployment(readFileSync(file, "utf8"), relative(process.cwd(), file) || configFile);
}

/** Parses the text of a deployment's file, which a message calls `shown`. */
export function parseDeployment(text: string, shown: string): Result<Deployment, string> {
  const read = readConfig(text);
  if (read.ok) return read;
  return refuse(
    [
      `${shown} has ${read.refusal.length === 1 ? "an error" : "errors"}:`,
      ...read.refusal.map((fault) => configFaultText(configFile, fault)),
    ].join("\n  "),
  );
}

/** Why a command for Workers cannot run a deployment; undefined if it can. */
export function workersOnly(command: string, { config, lineOf }: Deployment): string | undefined {
  if (config.host.type === "workers") return undefined;
  const line = lineOf(["host", "type"]);
  return `\`${command}\` is for Cloudflare's Workers (host.type workers), and host.type is ${config.host.type} in ${configFile}${line === undefined ? "" : `:${line}`}. Run this deployment with \`npx stagedoor serve\`.`;
}

/** The file of the deployment's folder that the command runs in, if there is one and it is valid. */
export function ownConfig(): DeploymentConfig | undefined {
  const read = inDeployment ? readDeployment(projectRoot) : undefined;
  return read?.ok ? read.value.config : undefined;
}

/** The values that are still to be filled in, with their lines. */
export function unfilledValues(placeholders: readonly Placeholder[]): string {
  const lines = placeholders.map(
    ({ member, line, value }) => `  ${configFile}${line === undefined ? "" : `:${line}`}  ${member}  ${value}`,
  );
  return `These values are not filled in:\n${lines.join("\n")}`;
}

/** The source of a worker, if this package runs from its sources; a compiled package is imported by its name. */
export function sourceOf(worker: WorkerKind): string | undefined {
  const source = join(packageRoot, "workers", worker, "index.ts");
  return existsSync(source) ? source : undefined;
}

/** AWS's client of a KeyValueStore, which only a deployment with a store installs and bundles. */
const storePackages = ["@aws-sdk/client-cloudfront-keyvaluestore", "@aws-sdk/signature-v4a"];
const absentText =
  "// Written by stagedoor in place of packages that a deployment without a store does not need.\nexport {};\n";

/**
 * Writes wrangler's files of a deployment into its folder `.stagedoor`: a configuration and an entry for each worker. Files that
 * are the same already are left alone, so that nothing is built again.
 */
export function generateFiles(folder: string): Result<Deployment, string> {
  const read = readDeployment(folder);
  if (!read.ok) return read;
  for (const worker of workerKinds) {
    const target = join(folder, generatedFolder, worker);
    const source = sourceOf(worker);
    const module = `stagedoor/workers/${worker}`;
    const isWithoutClient = worker === "api" && !hasStores(read.value.config);
    const alias = {
      ...(source === undefined ? {} : { [module]: source }),
      ...(isWithoutClient ? Object.fromEntries(storePackages.map((name) => [name, join(target, "absent.js")])) : {}),
    };
    const config = wranglerConfig(worker, read.value.config, {
      main: "index.js",
      migrationsFolder: relative(target, join(packageRoot, "workers/identity/migrations")),
      ...(Object.keys(alias).length === 0 ? {} : { alias }),
    });
    mkdirSync(target, { recursive: true, mode: 0o700 });
    if (isWithoutClient) writeIfChanged(join(target, "absent.js"), absentText);
    writeIfChanged(join(target, "wrangler.json"), `${JSON.stringify(config, null, 2)}\n`);
    writeIfChanged(
      join(target, "index.js"),
      `// Written by stagedoor from ${configFile}: change that file.\nexport { default } from "${module}";\nexport * from "${module}";\n`,
    );
  }
  writeIfChanged(
    join(folder, generatedFolder, "catalog.json"),
    `${JSON.stringify(catalogOf(read.value, undefined), null, 2)}\n`,
  );
  return ok(read.value);
}

function writeIfChanged(file: string, text: string): void {
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  writeFileSync(file, text);
}
