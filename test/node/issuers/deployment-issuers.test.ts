import { readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { readConfig } from "../../../src/deployment/read-config.ts";
import { defaultConfig } from "../../unit/deployment/example-config.ts";
import { folder, json, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";
import { origin, recordedProvider, stubProvider } from "./recorded-provider.ts";

let file: string;

beforeEach(async () => {
  file = join(folder(), "stagedoor.config.json");
  stubProvider((await recordedProvider()).responses);
});
afterEach(() => void vi.unstubAllGlobals());

const entry = { issuer: origin, audience: "stagedoor", algorithms: ["RS256"], jwksUri: `${origin}/jwks` };
const secret = { secret: "LOGIN_SECRET" };
const other = {
  issuer: "https://login.example",
  audience: "api",
  introspection: { url: "https://login.example/introspect", clientId: "stagedoor", clientSecret: secret },
};

/** Writes a deployment's file with a comment, and returns its text. */
function write(identity: object, more: object = {}): string {
  const production = { domain: "example.com", kv: "fill-in-production-kv-id" };
  const rest = JSON.stringify({ ...defaultConfig, ...more, identity: undefined, environments: { production } }).slice(
    1,
  );
  const text = `{\n  // Who signs in.\n  "identity": ${JSON.stringify(identity)},${rest}\n`;
  writeFileSync(file, text);
  return text;
}

const add = (...words: readonly string[]) =>
  stagedoor("issuers", "add", "--discovery", origin, "--audience", "stagedoor", ...words);
const issuersNow = () => {
  const read = readConfig(readFileSync(file, "utf8"));
  return read.ok ? read.value.config.identity.issuers : read.refusal;
};

describe("issuers add with a deployment", () => {
  it.each([[{}], [{ worker: false }], [{ issuers: [] }]])(
    "writes into identity %j, and keeps comments",
    async (identity) => {
      write(identity);
      const { exit, stdout } = await add("--file", file);
      expect([exit, issuersNow()]).toEqual([0, [entry]]);
      expect(readFileSync(file, "utf8")).toContain("// Who signs in.");
      expect(stdout).toContain("npx stagedoor deploy --env <staging|production>");
    },
  );

  it("adds to other issuers, keeps their references to secrets, and replaces only with --replace", async () => {
    write({ issuers: [other] }, { secrets: { LOGIN_SECRET: { use: "issuer" } } });
    expect((await add("--file", file)).exit).toBe(0);
    expect(issuersNow()).toEqual([other, entry]);
    const before = readFileSync(file, "utf8");
    expect((await add("--audience", "tv", "--file", file)).exit).toBe(1);
    expect(readFileSync(file, "utf8")).toBe(before);
    expect((await add("--audience", "tv", "--file", file, "--replace")).exit).toBe(0);
    expect(issuersNow()).toEqual([other, { ...entry, audience: ["stagedoor", "tv"] }]);
    expect(await json("issuers", "check", "--file", file)).toMatchObject({ exit: 0, issuers: [{}, { faults: [] }] });
  });

  it("leaves a file with errors as it is, and names them", async () => {
    const text = write({ isuers: [] });
    const { exit, stderr } = await add("--file", file);
    expect([exit, readFileSync(file, "utf8")]).toEqual([1, text]);
    expect(stderr).toContain("identity.isuers: There is no such member");
  });

  it("keeps the mode of the file, which is committed, and does not create one", async () => {
    write({});
    const { mode } = statSync(file);
    await add("--file", file);
    expect(statSync(file).mode).toBe(mode);
    const missing = await add("--file", join(folder(), "stagedoor.config.json"));
    expect([missing.exit, missing.stderr]).toEqual([1, expect.stringContaining("npx stagedoor init <folder>")]);
  });

  it("is the default in a folder with a deployment", async () => {
    write({});
    const node = join(projectFolder, "node_modules/.bin/node");
    const words = [join(projectFolder, "cli/stagedoor.ts"), "issuers", "list"];
    const { exit, stdout } = await runFile(node, words, dirname(file), process.env);
    expect([exit, stdout]).toEqual([0, expect.stringContaining("stagedoor.config.json has no issuers.")]);
  });

  it("lists that there are none", async () => {
    write({});
    const { exit, stdout } = await stagedoor("issuers", "list", "--file", file);
    expect([exit, stdout]).toEqual([0, expect.stringContaining("has no issuers. `npx stagedoor issuers add")]);
  });
});
