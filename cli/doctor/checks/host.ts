import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseNetwork } from "../../../src/base/ip-address.ts";
import { rootsOf } from "../../../src/deployment/catalog-of.ts";
import { type Deployment, environmentNames } from "../../../src/deployment/config-schema.ts";
import type { Facts } from "../facts.ts";
import { type Check, type Finding, fault, notChecked } from "../finding.ts";

/** A deployment on Node: whether this machine has what `npx stagedoor serve` needs. */
export const hostCheck: Check<Facts> = {
  name: "host",
  passed: "this user can read the folders of films and write the SQLite file, and only known proxies are trusted",
  run: ({ deployment, folder, environment, data }) => {
    if (deployment === undefined) return [];
    const name = environmentNames.find((one) => one === environment);
    const roots = [...rootsOf(deployment.config, name)];
    return [
      ...roots.flatMap(([root, path]) => folderFindings(root, resolve(folder, path))),
      ...dataFindings(data ?? resolve(folder, `data/${environment}.sqlite`), data !== undefined),
      ...proxyFindings(deployment),
    ];
  },
};

const user = "Run this command as the user of the service.";

function folderFindings(root: string, path: string): Finding[] {
  const about = `origins.${root}.folder`;
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory())
    return [
      fault(
        "folder_unreadable",
        about,
        `There is no folder ${path}.`,
        "Make it, or correct it in stagedoor.config.json.",
      ),
    ];
  if (isAllowed(path, constants.R_OK | constants.X_OK)) return [];
  return [fault("folder_unreadable", about, `This user cannot read ${path}.`, `Change its mode or owner. ${user}`)];
}

/** The file of `serve --data`; a file that nobody has named is checked if it exists. */
function dataFindings(file: string, isNamed: boolean): Finding[] {
  if (!existsSync(file)) {
    if (!isNamed) return [notChecked("the SQLite file", "Give the file of `serve` with --data.")];
    return isAllowed(dirname(file), constants.W_OK | constants.X_OK)
      ? []
      : [
          fault(
            "data_unwritable",
            file,
            "This user cannot make it in its folder.",
            `Change the folder's owner. ${user}`,
          ),
        ];
  }
  const findings: Finding[] = [];
  // SQLite makes files of its own next to it.
  if (!isAllowed(file, constants.R_OK | constants.W_OK) || !isAllowed(dirname(file), constants.W_OK))
    findings.push(
      fault("data_unwritable", file, "This user cannot write it, or its folder.", `Change their owner. ${user}`),
    );
  const { mode } = statSync(file);
  if ((mode & 0o077) !== 0)
    findings.push(
      fault(
        "data_readable",
        file,
        `Other users of this machine can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}): it has the leases, and accounts if there are any.`,
        `Run \`chmod 600 ${file}*\`.`,
      ),
    );
  return findings;
}

/** The shortest prefixes of a network that one operator can have: 10.0.0.0/8 and fc00::/7. */
const shortest = { 4: 8, 16: 7 };

function proxyFindings({ config }: Deployment): Finding[] {
  const { host } = config;
  const trusted = host.type === "node" ? host.trustedProxies : [];
  return trusted.flatMap((text) => {
    const network = parseNetwork(text);
    if (network === undefined || network.bits >= (network.address.length === 4 ? shortest[4] : shortest[16])) return [];
    return [
      fault(
        "proxies_open",
        `host.trustedProxies ${text}`,
        "Clients in this network choose their own address and say that plain HTTP was HTTPS, and most of the internet is in it.",
        "Name the addresses of your proxies alone.",
      ),
    ];
  });
}

function isAllowed(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
