import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseJson } from "../lib/files.ts";
import { awsSigner, awsStoreClient, packagesOf } from "../lib/peers.ts";
import { packageRoot } from "../lib/project.ts";
import type { Answers } from "./answers.ts";

/**
 * This package as a dependency of a folder: its exact version, or the path of a clone or of the file that it was installed from,
 * which no registry has.
 */
export function packageSpecifier(folder: string, root = packageRoot): string {
  const isInstalled = root.split(/[\\/]/).includes("node_modules");
  const source = isInstalled ? installedFile(root) : root;
  if (source === undefined) return String(documentIn(join(root, "package.json")).version);
  return `file:${relative(folder, source).replaceAll("\\", "/")}`;
}

/** The file or folder that npm installed the package from, by the package.json above node_modules, or by npm's own list. */
function installedFile(root: string): string | undefined {
  const modules = dirname(root);
  const project = dirname(modules);
  const { dependencies, devDependencies } = documentIn(join(project, "package.json"));
  const { packages } = documentIn(join(modules, ".package-lock.json"));
  const specifiers: readonly unknown[] = [
    Object(dependencies).stagedoor,
    Object(devDependencies).stagedoor,
    Object(Object(packages)["node_modules/stagedoor"]).resolved,
  ];
  const file = specifiers.find((specifier) => typeof specifier === "string" && specifier.startsWith("file:"));
  return file === undefined ? undefined : resolve(project, String(file).slice("file:".length));
}

function documentIn(file: string): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object(existsSync(file) ? parseJson(readFileSync(file, "utf8")) : undefined);
}

/**
 * The optional packages that this deployment needs, in the ranges of this package's peers. Those of better-auth name each other's
 * exact versions, so only one set of them fits together, and npm finds none if one is free to choose.
 */
export function peersFor({ host, identity, cloudfront }: Answers): Readonly<Record<string, string>> {
  const { peerDependencies = {} } = ownPackage();
  const names = [
    ...(host === "workers" ? ["wrangler"] : []),
    "hono",
    // A worker is bundled with the Kysely that better-auth brings.
    ...(identity.worker
      ? Object.keys(packagesOf("better-auth")).filter((name) => host === "node" || name !== "kysely")
      : []),
    ...(cloudfront?.type === "cloudfront" ? [awsSigner] : []),
    ...(cloudfront?.type === "cloudfront-function" ? Object.keys(packagesOf(awsStoreClient)) : []),
  ];
  return Object.fromEntries(names.map((name) => [name, String(peerDependencies[name])]));
}

function ownPackage(): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return documentIn(join(packageRoot, "package.json"));
}
