import { readFileSync } from "node:fs";
import { join } from "node:path";
import { endFailed } from "./command.ts";
import { packageRoot } from "./project.ts";

/** The packages that only some commands need: optional peers, so that a library's user does not install them. */
export type Peer = "wrangler" | "better-auth" | typeof awsSigner | typeof awsStoreClient;
export const awsSigner = "@aws-sdk/cloudfront-signer";
export const awsStoreClient = "@aws-sdk/client-cloudfront-keyvaluestore";

/**
 * The module that `load` imports, or undefined if its peer is not installed. Other errors are thrown.
 *
 * @param load `() => import("wrangler")`
 */
export async function loadedPeer<Module>(peer: Peer, load: () => Promise<Module>): Promise<Module | undefined> {
  try {
    return await load();
  } catch (error) {
    if (isAbsent(error, peer)) return undefined;
    throw error;
  }
}

/** {@link loadedPeer}, for a command that cannot run without it: ends with the command that installs it. */
export async function requiredPeer<Module>(peer: Peer, load: () => Promise<Module>): Promise<Module> {
  return (
    (await loadedPeer(peer, load)) ?? endFailed(`This command needs ${peer}, which is not installed: ${installs(peer)}`)
  );
}

/** Ends the command if AWS's client of a KeyValueStore is not installed: the API worker of a deployment with a store bundles it. */
export async function requireStoreClient(): Promise<void> {
  await requiredPeer(awsStoreClient, loadStoreClient);
}

/** The packages of {@link awsStoreClient}. */
export function loadStoreClient() {
  return Promise.all([import("@aws-sdk/client-cloudfront-keyvaluestore"), import("@aws-sdk/signature-v4a")]);
}

/** The command that installs a peer in a version that fits, with the packages that it needs. */
export function installs(peer: Peer): string {
  const words = Object.entries(packagesOf(peer)).map(([name, range]) => `"${name}@${range}"`);
  // The service itself runs with better-auth and the client of a store; the others are tools.
  const isTool = peer !== "better-auth" && peer !== awsStoreClient;
  return `npm install ${isTool ? "--save-dev " : ""}${words.join(" ")}`;
}

/** The packages of a peer, with their ranges: accounts on Node need all those of better-auth, and Kysely; a store its signer. */
export function packagesOf(peer: Peer): Readonly<Record<string, string>> {
  const { peerDependencies } = Object(JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")));
  const names =
    peer === "better-auth"
      ? Object.keys(Object(peerDependencies)).filter(isForAccounts)
      : [peer, ...(peer === awsStoreClient ? ["@aws-sdk/signature-v4a"] : [])];
  return Object.fromEntries(names.map((name) => [name, String(Object(peerDependencies)[name])]));
}

function isForAccounts(name: string): boolean {
  return name === "kysely" || /^@?better-/.test(name);
}

/** Whether an import failed because a package is absent, and not because of something inside it. */
function isAbsent(error: unknown, peer: Peer): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  // The first code is of import, the second of require and resolve.
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") return false;
  return Object.keys(packagesOf(peer)).some((name) =>
    [`'${name}'`, `'${name}/`].some((quoted) => error.message.includes(quoted)),
  );
}
