import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { applyEdits, modify } from "jsonc-parser";
import {
  configFile,
  type Deployment,
  type EnvironmentName,
  placeholderStart,
} from "../../src/deployment/config-schema.ts";
import { storeNames } from "../../src/deployment/wrangler-config.ts";
import { endFailed, type Progress } from "../lib/command.ts";
import { parseJson } from "../lib/files.ts";

/** What `--create` did. */
export interface CreatedStores {
  /** The names of the stores that were missing and were created. */
  readonly created: readonly string[];
  /** Whether the KV namespace is new, so that it has no catalog yet. */
  readonly hasNewCatalog: boolean;
}

/** Calls wrangler in a folder, and returns what it prints on standard output. A failure ends the command. */
type Capture = (words: readonly string[]) => Promise<string>;

/**
 * Creates the KV namespace, the buckets and the database of an environment where they are missing, by the names that
 * {@link storeNames} gives them, and writes their ids into the deployment's file in place of the placeholders. A store that exists
 * is used, so the command can be repeated. The rest of the file keeps its bytes.
 */
export async function createStores(
  folder: string,
  { config }: Deployment,
  environment: EnvironmentName,
  { wrangler, progress }: { readonly wrangler: string; readonly progress: Progress },
): Promise<CreatedStores> {
  const capture = capturing(wrangler, folder, progress);
  const names = storeNames(config, environment);
  const stores = config.environments[environment];
  const created: string[] = [];
  let hasNewCatalog = false;
  if (stores?.kv.startsWith(placeholderStart) === true) {
    hasNewCatalog = await ensure(capture, names.kv, ["kv", "namespace"], namespaces, created);
    writeId(folder, environment, "kv", idIn(await namespaces(capture), names.kv));
  }
  if (names.d1 !== undefined && stores?.d1?.startsWith(placeholderStart) === true) {
    await ensure(capture, names.d1, ["d1"], databases, created);
    writeId(folder, environment, "d1", idIn(await databases(capture), names.d1));
  }
  for (const bucket of names.buckets) await ensure(capture, bucket, ["r2", "bucket"], buckets, created);
  return { created, hasNewCatalog };
}

/** Stores by name, each with its id. */
type Stores = ReadonlyMap<string, string>;

/** Creates a store unless it exists. Returns whether it is new. */
async function ensure(
  capture: Capture,
  name: string,
  noun: readonly string[],
  list: (capture: Capture) => Promise<Stores>,
  created: string[],
): Promise<boolean> {
  if ((await list(capture)).has(name)) return false;
  await capture([...noun, "create", name]);
  created.push(name);
  return true;
}

function idIn(stores: Stores, name: string): string {
  return (
    stores.get(name) ??
    endFailed(
      `wrangler created ${name}, but does not list it. Run the same command again: what exists is not created twice.`,
    )
  );
}

async function namespaces(capture: Capture): Promise<Stores> {
  return storesIn(await capture(["kv", "namespace", "list"]), "title", "id");
}

async function databases(capture: Capture): Promise<Stores> {
  return storesIn(await capture(["d1", "list", "--json"]), "name", "uuid");
}

/** wrangler lists buckets as text: `name:           films`. */
async function buckets(capture: Capture): Promise<Stores> {
  const text = await capture(["r2", "bucket", "list"]);
  return new Map([...text.matchAll(/^name:\s+(\S+)/gm)].map(([, name = ""]) => [name, name]));
}

/** The JSON list in wrangler's output; a banner may be printed before it. */
function storesIn(output: string, nameMember: string, idMember: string): Stores {
  const list = parseJson(output.slice(output.search(/^\[/m)));
  if (!Array.isArray(list)) return endFailed("wrangler's list of stores could not be read: it is not a JSON list.");
  return new Map(list.map((store: unknown) => [String(Object(store)[nameMember]), String(Object(store)[idMember])]));
}

function writeId(folder: string, environment: EnvironmentName, member: "kv" | "d1", id: string): void {
  const file = join(folder, configFile);
  const text = readFileSync(file, "utf8");
  writeFileSync(file, applyEdits(text, modify(text, ["environments", environment, member], id, {})));
}

function capturing(wrangler: string, cwd: string, progress: Progress): Capture {
  return (words) =>
    new Promise((resolve, reject) => {
      progress(`$ npx wrangler ${words.join(" ")}`);
      // Without a terminal wrangler asks nothing and changes no configuration. Lists are printed at the level log.
      const child = spawn(process.execPath, [wrangler, ...words], {
        cwd,
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, WRANGLER_LOG: "log", NO_COLOR: "1" },
      });
      let output = "";
      child.stdout.on("data", (chunk) => (output += chunk));
      child.once("error", reject);
      child.once("exit", (code) => {
        if (code === 0) return resolve(output);
        try {
          endFailed(
            `wrangler ${words.join(" ")} failed; its error is above. Nothing was deployed. Sign in with \`npx wrangler login\`, or set CLOUDFLARE_API_TOKEN.\n${output.trim()}`,
          );
        } catch (error) {
          reject(error);
        }
      });
    });
}
