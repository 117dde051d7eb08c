import { readFileSync } from "node:fs";
import { join } from "node:path";
import { endFailed } from "./command.ts";
import { packageRoot } from "./project.ts";

/** The packages that only some commands need: optional peers, so that a library's user does not install them. */
export type Peer = "wrangler" | "better-auth" | typeof awsSigner;
export const awsSigner = "@aws-sdk/cloudfront-signer";

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

/** The command that installs a peer in a version that fits. */
export function installs(peer: Peer): string {
  const { peerDependencies } = Object(JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")));
  return `npm install --save-dev "${peer}@${Object(peerDependencies)[peer]}"`;
}

/** Whether an import failed because a package is absent, and not because of something inside it. */
function isAbsent(error: unknown, peer: Peer): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  // The first code is of import, the second of require and resolve.
  if (error.code !== "ERR_MODULE_NOT_FOUND" && error.code !== "MODULE_NOT_FOUND") return false;
  return [`'${peer}'`, `'${peer}/`].some((name) => error.message.includes(name));
}
