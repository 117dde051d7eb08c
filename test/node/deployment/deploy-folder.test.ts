import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { folder, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";

/**
 * In place of wrangler: keeps a list of stores in a file, prints them as wrangler does, and records each call with the secrets that it
 * got. No Cloudflare account is needed, so nothing here shows what Cloudflare does.
 */
const standIn = `
const fs = require("node:fs");
const words = process.argv.slice(2);
const at = __dirname + "/";
const read = (name, standard) => (fs.existsSync(at + name) ? JSON.parse(fs.readFileSync(at + name, "utf8")) : standard);
const stores = read("stores.json", { kv: [], d1: [], r2: [], keys: [] });
const file = words.find((word) => /secrets\\.json$/.test(word));
const secrets = file === undefined ? undefined : Object.keys(JSON.parse(fs.readFileSync(file, "utf8"))).toSorted();
fs.writeFileSync(at + "calls.json", JSON.stringify([...read("calls.json", []), { words: words.filter((word) => word !== file), secrets }]));
if (fs.existsSync(at + "fails-at") && words.join(" ").includes(fs.readFileSync(at + "fails-at", "utf8"))) process.exit(3);
const line = words.join(" ");
const name = words.at(-1);
const snippet = (member, id) => console.log("Add this to your configuration:\\n" + JSON.stringify({ [member]: [id] }, null, 2));
if (line.startsWith("kv namespace create")) {
  stores.kv.push({ id: "0123456789abcdef0123456789abcdef", title: name });
  snippet("kv_namespaces", { binding: "x", id: "0123456789abcdef0123456789abcdef" });
}
if (line.startsWith("d1 create")) {
  stores.d1.push({ uuid: "01234567-89ab-cdef-0123-456789abcdef", name });
  snippet("d1_databases", { binding: "x", database_name: name, database_id: "01234567-89ab-cdef-0123-456789abcdef" });
}
if (line.startsWith("r2 bucket create") && stores.r2.includes(name)) {
  console.error("✘ [ERROR] A request to the Cloudflare API (/accounts/1/r2/buckets) failed.\\n\\n  The bucket you tried to create already exists, and you own it. [code: 10004]");
  process.exit(1);
}
if (line.startsWith("r2 bucket create")) stores.r2.push(name);
if (line.startsWith("kv key put")) stores.keys.push(words[3]);
if (line === "kv namespace list") console.log(" wrangler 4\\n" + JSON.stringify(stores.kv, null, 2));
if (line === "d1 list --json") console.log(JSON.stringify(stores.d1));
if (line.startsWith("kv key list")) console.log(JSON.stringify(stores.keys.map((name) => ({ name })), null, 2));
if (words[0] === "deploy") console.log("line of the stand-in: deploy");
fs.writeFileSync(at + "stores.json", JSON.stringify(stores));
`;

interface Place {
  readonly target: string;
  readonly bin: string;
}

async function place(...words: readonly string[]): Promise<Place> {
  const target = join(folder(), "tv");
  await stagedoor("init", target, "--yes", "--domain", "acme.tv", ...words);
  const bin = join(target, "node_modules/wrangler/bin");
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "wrangler.js"), standIn);
  writeFileSync(join(target, "node_modules/wrangler/package.json"), '{"type": "commonjs"}');
  return { target, bin };
}

function run({ target }: Place, ...words: readonly string[]) {
  return runFile(process.execPath, [join(projectFolder, "cli/stagedoor.ts"), ...words], target, process.env);
}

function calls({ bin }: Place): readonly { readonly words: readonly string[]; readonly secrets?: readonly string[] }[] {
  return JSON.parse(readFileSync(join(bin, "calls.json"), "utf8"));
}

const shownCalls = (at: Place) => calls(at).map(({ words }) => words.join(" "));
const configOf = ({ target }: Place) => readFileSync(join(target, "stagedoor.config.json"), "utf8");
const target = (worker: string) => `--env production -c .stagedoor/${worker}/wrangler.json`;

describe("npx stagedoor deploy in a deployment's folder", () => {
  it("creates the missing stores, fills in their ids, and deploys in order with each worker's secrets", async () => {
    const at = await place("--origin", "r2", "--bucket", "films");
    await run(at, "keys", "new", "--purpose", "session", "--ring", "keys-production.json");
    await run(at, "secrets", "new", "--env", "production");
    const before = configOf(at);
    const files = ["--ring", "keys-production.json", "--secrets", "secrets-production.env"];
    const { exit, stdout, stderr } = await run(at, "deploy", "--env", "production", "--create", ...files);
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: expect.stringContaining("Created stagedoor-catalog, ") });
    expect(stderr).not.toMatch(/error|fail/i);
    expect(configOf(at)).toBe(
      before
        .replace("fill-in-production-kv-id", "0123456789abcdef0123456789abcdef")
        .replace("fill-in-production-d1-id", "01234567-89ab-cdef-0123-456789abcdef"),
    );
    expect(shownCalls(at)).toEqual([
      "kv namespace list",
      "kv namespace create stagedoor-catalog",
      "d1 list --json",
      "d1 create stagedoor-identity",
      "r2 bucket create films",
      `kv key list --binding CATALOG --prefix catalog --remote ${target("api")}`,
      `deploy ${target("manifest")} --secrets-file`,
      `deploy ${target("edge")} --secrets-file`,
      `d1 migrations apply DB --remote ${target("identity")}`,
      `deploy ${target("identity")} --secrets-file`,
      `deploy ${target("api")} --secrets-file`,
      `kv key put catalog --binding CATALOG --path .stagedoor/catalog-production.json --remote ${target("api")}`,
    ]);
    expect(calls(at).flatMap(({ secrets }) => (secrets === undefined ? [] : [secrets.join(" ")]))).toEqual([
      "STAGEDOOR_KEYS",
      "STAGEDOOR_KEYS",
      "STAGEDOOR_IDENTITY_SECRET",
      "STAGEDOOR_KEYS",
    ]);
    expect(stdout).toContain("npx stagedoor doctor --env production");
  });

  it("creates nothing twice, and writes no catalog over one that may have been changed", async () => {
    const at = await place();
    await run(at, "deploy", "--env", "production", "--create");
    const first = shownCalls(at).length;
    expect(await run(at, "deploy", "--env", "production", "--create")).toMatchObject({ exit: 0 });
    const second = shownCalls(at).slice(first);
    expect(second.filter((line) => /(?:namespace|d1) create |key put/.test(line))).toEqual([]);
    expect(JSON.parse(readFileSync(join(at.bin, "stores.json"), "utf8")).r2).toEqual(["stagedoor-media"]);
    expect(await run(at, "deploy", "--env", "production", "--catalog")).toMatchObject({ exit: 0 });
    expect(shownCalls(at).at(-1)).toContain("kv key put catalog");
  });

  it.each([
    ["after the KV namespace was created", "d1 list"],
    ["before the first worker", "deploy --env production -c .stagedoor/manifest"],
    ["before the catalog", "kv key put"],
  ])("continues a deployment that stopped %s, and writes its catalog", async (_, failsAt) => {
    const at = await place();
    const deploy = () => run(at, "deploy", "--env", "production", "--create");
    writeFileSync(join(at.bin, "fails-at"), failsAt);
    expect(await deploy()).toMatchObject({ exit: 1 });
    rmSync(join(at.bin, "fails-at"));
    const before = shownCalls(at).length;
    expect(await deploy()).toMatchObject({ exit: 0 });
    expect(shownCalls(at).slice(before).at(-1)).toContain("kv key put catalog");
    expect(shownCalls(at).filter((line) => line.startsWith("kv namespace create"))).toHaveLength(1);
  });

  it("reads the id of a new store in a list if wrangler does not print it", async () => {
    const at = await place();
    writeFileSync(join(at.bin, "wrangler.js"), standIn.replace(/^const snippet = .*$/m, "const snippet = () => {};"));
    expect(await run(at, "deploy", "--env", "production", "--create")).toMatchObject({ exit: 0 });
    expect(configOf(at)).toContain('"kv": "0123456789abcdef0123456789abcdef"');
  });

  it("reports why a bucket cannot be created", async () => {
    const at = await place();
    writeFileSync(
      join(at.bin, "wrangler.js"),
      standIn.replace("stores.r2.includes(name)", "true").replace("10004", "10042"),
    );
    const { exit, stderr } = await run(at, "deploy", "--env", "production", "--create");
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining("[code: 10042]") });
    expect(shownCalls(at).some((line) => line.startsWith("deploy"))).toBe(false);
  });

  it.each<[string, readonly string[], string]>([
    ["a value is not filled in", [], "cdns.cloudfront.host  cdn.example.com"],
    ["the ring has no key", ["--ring", "empty.json"], "no key has the purpose session"],
    ["a secret is not filled in", ["--secrets", "open.env"], "STAGEDOOR_IDENTITY_SECRET is not filled in"],
  ])("creates nothing while %s", async (_, words, message) => {
    const at = await place(...(words.length === 0 ? ["--cdn", "cloudfront"] : []));
    writeFileSync(join(at.target, "empty.json"), '{"keys": []}', { mode: 0o600 });
    writeFileSync(join(at.target, "open.env"), "STAGEDOOR_IDENTITY_SECRET=\n", { mode: 0o600 });
    const { exit, stderr } = await run(at, "deploy", "--env", "production", "--create", ...words);
    expect({ exit, stderr }).toEqual({ exit: 1, stderr: expect.stringContaining(message) });
    expect(stderr).not.toContain("--create");
    expect(existsSync(join(at.bin, "calls.json"))).toBe(false);
  });

  it("deploys nothing while something is not filled in, and names the line, the member and the next command", async () => {
    const at = await place();
    const { exit, stderr } = await run(at, "deploy", "--env", "staging");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/stagedoor\.config\.json:\d+ {2}environments\.staging\.kv {2}fill-in-staging-kv-id/);
    expect(stderr).toContain("npx stagedoor deploy --env staging --create");
    expect(stderr).not.toContain("production");
  });

  it("ends a dry run with placeholders with 1, and a clean one with 0, and uploads nothing in both", async () => {
    const at = await place();
    const dry = () => run(at, "deploy", "--env", "production", "--dry-run");
    const unfilled = await dry();
    expect(unfilled).toMatchObject({ exit: 1, stderr: expect.stringContaining("environments.production.d1") });
    const file = join(at.target, "stagedoor.config.json");
    writeFileSync(
      file,
      configOf(at)
        .replace("fill-in-production-kv-id", "0123456789abcdef0123456789abcdef")
        .replace("fill-in-production-d1-id", "01234567-89ab-cdef-0123-456789abcdef"),
    );
    expect(await dry()).toMatchObject({ exit: 0, stdout: expect.stringContaining("everything is filled in") });
    expect(shownCalls(at).filter((line) => !line.startsWith("deploy --dry-run"))).toEqual([]);
  });

  it("prints one JSON object with --json, and what it does meanwhile on standard error", async () => {
    const { exit, stdout, stderr } = await run(await place(), "deploy", "--env", "production", "--create", "--json");
    expect([exit, JSON.parse(stdout)]).toEqual([
      0,
      {
        environment: "production",
        dryRun: false,
        steps: [
          "the manifest worker",
          "the edge worker",
          "the identity worker's tables",
          "the identity worker",
          "the api worker",
          "the catalog",
        ],
        issuersKept: false,
      },
    ]);
    for (const line of ["$ npx wrangler kv namespace list", "1/6  the manifest worker", "line of the stand-in: deploy"])
      expect(stderr).toContain(line);
  });

  it("says that a list of issuers with secrets stays as it is without their values, and how to upload it", async () => {
    const at = await place("--identity", "provider");
    const introspection = { url: "https://id.acme.tv/i", clientId: "c", clientSecret: { secret: "ISSUER_SECRET" } };
    const issuers = JSON.stringify([{ issuer: "https://id.acme.tv", audience: "a", introspection }]);
    const text = configOf(at)
      .replace(/"issuers": \[[\s\S]*?\n {2}\] /, `"issuers": ${issuers} `)
      .replace('"settings": {}', '"settings": {}, "secrets": { "ISSUER_SECRET": { "use": "issuer" } }');
    writeFileSync(join(at.target, "stagedoor.config.json"), text);
    writeFileSync(join(at.target, "s.env"), "ISSUER_SECRET=kept-from-others\n", { mode: 0o600 });
    const deploy = (...words: readonly string[]) => run(at, "deploy", "--env", "production", "--create", ...words);
    const without = await deploy("--json");
    expect([without.exit, JSON.parse(without.stdout).issuersKept]).toEqual([0, true]);
    expect(without.stderr).toContain("The API trusts the issuers of the last upload");
    expect(without.stderr).toContain(
      "npx stagedoor deploy --env production --secrets-only --secrets secrets-production.env",
    );
    const uploaded = await deploy("--json", "--secrets", "s.env");
    expect([uploaded.exit, JSON.parse(uploaded.stdout).issuersKept]).toEqual([0, false]);
    expect(uploaded.stderr).not.toMatch(/last upload|kept-from-others/);
    expect(calls(at).some(({ secrets }) => secrets?.includes("STAGEDOOR_ISSUERS"))).toBe(true);
  });

  it("stops at the first failure, and names what was done", async () => {
    const at = await place("--identity", "provider");
    writeFileSync(join(at.bin, "fails-at"), "deploy --env production -c .stagedoor/edge");
    const text = configOf(at).replaceAll("id.example.com", "id.acme.tv").replace("fill-in-audience", "films");
    writeFileSync(join(at.target, "stagedoor.config.json"), text);
    const { exit, stderr } = await run(at, "deploy", "--env", "production", "--create");
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringContaining("Done before it: the manifest worker."),
    });
    expect(shownCalls(at).filter((line) => /^deploy .*(?:identity|api)/.test(line))).toEqual([]);
  });

  it.each<[string, readonly string[], string]>([
    ["an environment that it does not have", ["--env", "qa"], "staging or production"],
    ["no environment", [], "--env is missing"],
    ["a catalog for an upload of secrets alone", ["--env", "staging", "--catalog", "--secrets-only"], "only one of"],
    ["a list of issuers, which are in its file", ["--env", "staging", "--issuers", "i.json"], "identity.issuers"],
  ])("refuses %s", async (_, words, message) => {
    const { exit, stderr } = await run(await place(), "deploy", ...words);
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining(message) });
  });
});

it.each(["--create", "--catalog"])("deploy %s is for a deployment's folder, not for a clone", async (option) => {
  const { exit, stderr } = await stagedoor("deploy", "--env", "staging", option);
  expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining("npx stagedoor init <folder>") });
});
