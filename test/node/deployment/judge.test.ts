import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { secretsFrom } from "../../../cli/deploy/secrets.ts";
import { deployOrder } from "../../../cli/deploy/workers.ts";
import { configurationErrors, secretErrors } from "../../../cli/deploy/wrangler.ts";
import { folder, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";

const vars = { STAGEDOOR_ENV: "production", STAGEDOOR_MEDIA_URL: "https://media.acme.tv" };

async function ringOf(...kinds: readonly (readonly string[])[]): Promise<string> {
  const ring = join(folder(), "keys.json");
  for (const words of kinds) await stagedoor("keys", "new", "--purpose", ...words, "--ring", ring);
  return ring;
}
const empty = () => {
  const ring = join(folder(), "keys.json");
  writeFileSync(ring, '{"keys":[]}', { mode: 0o600 });
  return ring;
};
const refusals = (ring: string) => {
  const secrets = secretsFrom({ ring, issuers: undefined, secrets: undefined });
  return secretErrors({ environment: "production", workers: deployOrder, secrets, dryRun: false, secretsOnly: true });
};

describe("npm run deploy", () => {
  it("refuses a ring that a worker would refuse, for each worker and with the reason", async () => {
    const session = /^ {2}(manifest|edge|api): STAGEDOOR_KEYS: no key has the purpose session/;
    for (const ring of [empty(), await ringOf(["cloudfront", "--type", "ec"])])
      expect(await refusals(ring)).toEqual(Array(3).fill(expect.stringMatching(session)));
    const renamed = await ringOf(["session", "--kid", "late-1"]);
    writeFileSync(renamed, readFileSync(renamed, "utf8").replace('"late-1"', '"dev-1"'));
    const dev = await refusals(renamed);
    expect(dev).toEqual(Array(3).fill(expect.stringContaining('"dev-1" is a development key')));
  });

  it("accepts a valid ring", async () => {
    expect(await refusals(await ringOf(["session"], ["cloudfront", "--type", "ec"], ["operator"]))).toEqual([]);
  });

  it("accepts a missing secret that the worker already has, and refuses one that it lacks", () => {
    expect(configurationErrors("edge", vars, { ORIGIN_SECRET: "s" })).toEqual([]);
    expect(configurationErrors("edge", vars, { STAGEDOOR_KEYS: "{" })).toEqual([
      expect.stringContaining("STAGEDOOR_KEYS"),
    ]);
    expect(configurationErrors("api", vars, { STAGEDOOR_ISSUERS: "{}" })).toEqual([
      expect.stringContaining("STAGEDOOR_ISSUERS"),
    ]);
    expect(configurationErrors("edge", {}, { ORIGIN_SECRET: "s" })).toEqual([
      expect.stringContaining("STAGEDOOR_MEDIA_URL"),
    ]);
    expect(configurationErrors("identity", { ...vars, STAGEDOOR_API_URL: "https://api.acme.tv" }, {})).toEqual([]);
    expect(
      configurationErrors(
        "identity",
        { STAGEDOOR_API_URL: "https://api.acme.tv" },
        { STAGEDOOR_IDENTITY_SECRET: "short" },
      ),
    ).toEqual([expect.stringContaining("STAGEDOOR_IDENTITY_SECRET")]);
  });

  it("stops at an invalid ring before it calls wrangler", async () => {
    const file = join(projectFolder, "cli/deploy/deploy.ts");
    const words = [file, "--env", "production", "--ring", empty(), "--dry-run"];
    const { exit, stdout, stderr } = await runFile(process.execPath, words, projectFolder, process.env);
    expect({ exit, stdout }).toEqual({ exit: 1, stdout: "" });
    expect(stderr).toContain("no key has the purpose session");
  });

  it("relies on .gitignore for an operator's files, and for a partly written ring", async () => {
    const names = ["keys.json", "keys-staging.json", "keys.json.new", "keys-staging.json.new", "ann-staging.jwt"];
    const { stdout } = await runFile("git", ["check-ignore", ...names], projectFolder, process.env);
    expect(stdout.split("\n")).toEqual(names);
  });

  it("relies on .gitignore for the files that docs/start/own-case.md asks for", async () => {
    const text = readFileSync(join(projectFolder, "docs/start/own-case.md"), "utf8");
    const named = text.matchAll(/--(?:issuers|secrets|state|token|file) ([\w./-]+)/g);
    const names = [...new Set([...named].map(([, name = ""]) => name))];
    expect(names).toContain("my-secrets.env");
    const { stdout } = await runFile("git", ["check-ignore", "--no-index", ...names], projectFolder, process.env);
    expect(stdout.split("\n")).toEqual(names);
  });
});
