import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DeployRequest, stepsOf } from "../../../cli/deploy/steps.ts";
import { deployOrder, placeholdersIn } from "../../../cli/deploy/workers.ts";
import { callWrangler } from "../../../cli/deploy/wrangler.ts";
import { folder } from "../cli/command-line.ts";

const plain: DeployRequest = {
  environment: "staging",
  workers: deployOrder,
  secrets: {},
  dryRun: false,
  secretsOnly: false,
};
const wordsOf = (asked: DeployRequest) =>
  stepsOf(asked).map(({ words, secrets }) =>
    [...words, secrets?.option].filter((word) => word !== undefined).join(" "),
  );

describe("the steps of a deployment", () => {
  it("deploy the workers in the order of their bindings, and a database's tables before its worker", () => {
    expect(wordsOf(plain)).toEqual([
      "deploy --env staging -c workers/manifest/wrangler.toml",
      "deploy --env staging -c wrangler.toml",
      "d1 migrations apply DB --remote --env staging -c workers/identity/wrangler.toml",
      "deploy --env staging -c workers/identity/wrangler.toml",
      "deploy --env staging -c workers/api/wrangler.toml",
    ]);
  });

  it("leave out the identity worker and its tables if nothing binds it", () => {
    const steps = stepsOf({ ...plain, workers: ["api", "edge", "manifest"] });
    expect(steps.map(({ worker }) => worker)).toEqual(["manifest", "edge", "api"]);
  });

  it("upload nothing in a dry run, and pass no secrets to it", () => {
    const steps = stepsOf({ ...plain, dryRun: true, secrets: { edge: { STAGEDOOR_KEYS: "s" } } });
    expect(steps.filter(({ dry }) => dry).every(({ words }) => words.includes("--dry-run"))).toBe(true);
    expect(steps.filter(({ dry }) => !dry).map(({ words }) => words[0])).toEqual(["d1"]);
    expect(steps.every(({ secrets }) => secrets === undefined)).toBe(true);
  });

  it("pass a worker's secrets with its deployment", () => {
    const steps = stepsOf({ ...plain, secrets: { edge: { STAGEDOOR_KEYS: "s" } } });
    expect(steps.filter(({ secrets }) => secrets !== undefined)).toEqual([
      {
        worker: "edge",
        name: "the edge worker",
        words: ["deploy", "--env", "staging", "-c", "wrangler.toml"],
        secrets: { option: "--secrets-file", values: { STAGEDOOR_KEYS: "s" } },
        dry: true,
      },
    ]);
  });

  it("only set secrets with --secrets-only, verifiers first", () => {
    const secrets = { api: { STAGEDOOR_KEYS: "a" }, manifest: { STAGEDOOR_KEYS: "m" }, edge: { STAGEDOOR_KEYS: "e" } };
    expect(wordsOf({ ...plain, environment: "production", secrets, secretsOnly: true })).toEqual([
      "secret bulk --env production -c wrangler.toml",
      "secret bulk --env production -c workers/manifest/wrangler.toml",
      "secret bulk --env production -c workers/api/wrangler.toml",
    ]);
  });
});

describe("a call of wrangler", () => {
  /** Records the arguments and the secrets file of a call. */
  const spy = `const { readFileSync, statSync, writeFileSync } = require("node:fs");
const words = process.argv.slice(2);
const file = words.at(-1);
const mode = (statSync(file).mode & 0o777).toString(8);
writeFileSync(__dirname + "/call.json", JSON.stringify({ words, mode, text: readFileSync(file, "utf8") }));
process.exit(3);`;

  it("passes secrets in a file for the owner only, deletes it afterwards, and never passes them as arguments", async () => {
    const here = folder();
    const wrangler = join(here, "wrangler.cjs");
    writeFileSync(wrangler, spy);
    const secrets = { option: "--secrets-file", values: { STAGEDOOR_KEYS: "kept from others" } } as const;
    const exit = await callWrangler({ worker: "edge", name: "", words: ["deploy"], secrets, dry: true }, wrangler);
    const { words, mode, text } = Object(JSON.parse(readFileSync(join(here, "call.json"), "utf8")));
    expect({ exit, mode, text: JSON.parse(text) }).toEqual({ exit: 3, mode: "600", text: secrets.values });
    expect(words.slice(0, 2)).toEqual(["deploy", "--secrets-file"]);
    expect(words.join(" ")).not.toContain("kept from others");
    expect(existsSync(dirname(words[2]))).toBe(false);
  });
});

describe("a placeholder in a wrangler.toml", () => {
  it("is found only in its own environment, and not in comments", () => {
    const toml = `[[kv_namespaces]]
id = "fill-in-a"
[env.staging]
# id = "fill-in-b"
[[env.staging.kv_namespaces]]
id = "fill-in-c"
[env.staging-2]
id = "fill-in-d"
[env.production.vars]
STAGEDOOR_MEDIA_URL = "https://media.example.com"`;
    expect(placeholdersIn(toml, "staging")).toEqual([
      { line: 6, table: "env.staging.kv_namespaces", text: "fill-in-c" },
    ]);
    expect(placeholdersIn(toml, "production").map(({ line }) => line)).toEqual([10]);
  });
});
