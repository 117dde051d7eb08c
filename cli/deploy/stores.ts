import { spawn } from "node:child_process";
import { join } from "node:path";
import { applyEdits, modify } from "jsonc-parser";
import { configFile, type Deployment, type EnvironmentName } from "../../src/deployment/config-schema.ts";
import { placeholderStart } from "../../src/deployment/placeholders.ts";
import { storeNames } from "../../src/deployment/wrangler-config.ts";
import { endFailed, type Progress } from "../lib/command.ts";
import { parseJson, rewriteFile } from "../lib/files.ts";
import { workerFile } from "../lib/worker-files.ts";

/** A call of wrangler whose output is read. */
interface Call {
  readonly exit: number;
  readonly stdout: string;
  /** Both streams, in the order in which they came. */
  readonly output: string;
}

/** wrangler in the folder of a deployment. */
export interface Wrangler {
  readonly folder: string;
  readonly wrangler: string;
  readonly progress: Progress;
}

/** The members of an environment that `--create` fills in while they are placeholders. */
const createdMembers = ["kv", "d1"] as const;
type CreatedMember = (typeof createdMembers)[number];

/** How wrangler names a store with an id, lists such stores, and prints the id of a new one. */
const kinds = {
  kv: { noun: ["kv", "namespace"], list: ["kv", "namespace", "list"], name: "title", id: "id" },
  d1: { noun: ["d1"], list: ["d1", "list", "--json"], name: "name", id: "uuid" },
} as const satisfies Record<CreatedMember, object>;
const newId = /"(?:id|database_id)":\s*"([0-9a-f-]{32,36})"/;

/** R2's error for a bucket that the account has already. */
const bucketExists = "[code: 10004]";

/**
 * Creates the KV namespace, the database and the buckets of an environment where they are missing, by the names that
 * {@link storeNames} gives them, and writes their ids into the deployment's file in place of the placeholders. A store that exists
 * is used, so the command can be repeated wherever it stopped. The rest of the file keeps its bytes. Returns the names of the stores
 * that are new.
 */
export async function createStores(
  { config }: Deployment,
  environment: EnvironmentName,
  wrangler: Wrangler,
): Promise<readonly string[]> {
  const names = storeNames(config, environment);
  const stores = config.environments[environment];
  const created: string[] = [];
  for (const member of createdMembers) {
    const name = names[member];
    if (name === undefined || stores?.[member]?.startsWith(placeholderStart) !== true) continue;
    const { id, isNew } = await storeWithId(wrangler, member, name);
    await writeId(wrangler.folder, environment, member, id);
    if (isNew) created.push(name);
  }
  for (const bucket of names.buckets) if (await createBucket(wrangler, bucket)) created.push(bucket);
  return created;
}

async function storeWithId(wrangler: Wrangler, member: CreatedMember, name: string) {
  const before = (await listStores(wrangler, member)).get(name);
  if (before !== undefined) return { id: before, isNew: false };
  const { stdout } = await called(wrangler, [...kinds[member].noun, "create", name]);
  const [, printed] = newId.exec(stdout) ?? [];
  const id = printed ?? (await listStores(wrangler, member)).get(name);
  if (id === undefined)
    return endFailed(
      `wrangler created ${name}, but does not list it. Run the same command again: what exists is not created twice.`,
    );
  return { id, isNew: true };
}

/** The ids of the stores of the account by name. wrangler reads every page of these lists. */
async function listStores(wrangler: Wrangler, member: CreatedMember): Promise<ReadonlyMap<string, string>> {
  const { list, name, id } = kinds[member];
  const stores = jsonList((await called(wrangler, list)).stdout, "stores");
  return new Map(stores.map((store) => [String(Object(store)[name]), String(Object(store)[id])]));
}

/**
 * Creates a bucket. Returns false if it exists, which R2 says by an error: wrangler's list of buckets has only the first page, and
 * `r2 bucket info` also needs a permission for analytics.
 */
async function createBucket(wrangler: Wrangler, bucket: string): Promise<boolean> {
  const words = ["r2", "bucket", "create", bucket];
  const call = await callFor(wrangler, words);
  if (call.exit === 0) return true;
  return call.output.includes(bucketExists) ? false : endCall(words, call);
}

/** Whether a catalog is in the KV namespace of an environment. */
export async function hasCatalog(wrangler: Wrangler, environment: EnvironmentName): Promise<boolean> {
  const target = ["--env", environment, "-c", workerFile(wrangler.folder, "api")];
  const words = ["kv", "key", "list", "--binding", "CATALOG", "--prefix", "catalog", "--remote", ...target];
  const keys = jsonList((await called(wrangler, words)).stdout, "keys");
  return keys.some((key) => Object(key).name === "catalog");
}

/** The JSON list in wrangler's output; a banner may be printed before it. */
function jsonList(output: string, content: string): readonly unknown[] {
  const list = parseJson(output.slice(output.search(/^\[/m)));
  return Array.isArray(list)
    ? list
    : endFailed(`wrangler's list of ${content} could not be read: it is not a JSON list.`);
}

/** The file is replaced in one step: a command that is stopped leaves it whole. */
async function writeId(folder: string, environment: EnvironmentName, member: CreatedMember, id: string): Promise<void> {
  await rewriteFile(join(folder, configFile), "open", async (text = "") => ({
    text: applyEdits(text, modify(text, ["environments", environment, member], id, {})),
    result: undefined,
  }));
}

/** Calls wrangler. A failure ends the command. */
async function called(wrangler: Wrangler, words: readonly string[]): Promise<Call> {
  const call = await callFor(wrangler, words);
  return call.exit === 0 ? call : endCall(words, call);
}

function endCall(words: readonly string[], { output }: Call): never {
  return endFailed(
    `wrangler ${words.join(" ")} failed:\n${output.trim()}\nNothing was deployed. Sign in with \`npx wrangler login\`, or set CLOUDFLARE_API_TOKEN. Then run the same command again: what exists is not created twice.`,
  );
}

function callFor({ folder, wrangler, progress }: Wrangler, words: readonly string[]): Promise<Call> {
  progress(`$ npx wrangler ${words.join(" ")}`);
  return new Promise((resolve, reject) => {
    // Without a terminal wrangler asks nothing and changes no configuration. Lists are printed at the level log.
    const child = spawn(process.execPath, [wrangler, ...words], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, WRANGLER_LOG: "log", NO_COLOR: "1" },
    });
    let stdout = "";
    let output = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
      output += chunk;
    });
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    // Not "exit": the output may come later than that.
    child.once("close", (code) => resolve({ exit: code ?? 1, stdout, output }));
  });
}
