import { cpSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../../cli/lib/project.ts";
import { runFile } from "./command-line.ts";

const script = join(projectRoot, "cli/check-node.mjs");

/** Runs the check under this test's Node, or under one that calls itself `version`. */
function check(userAgent: string, version?: string, program: readonly string[] = [script]) {
  const rename = `Object.defineProperty(process, "versions", { value: { node: ${JSON.stringify(version)} } })`;
  const flags = version === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(rename)}`];
  const env = { ...process.env, npm_config_user_agent: userAgent };
  return runFile(process.execPath, [...flags, ...program], projectRoot, env);
}

describe("the check of Node's version", () => {
  it("prints nothing if npm runs on a new Node", async () => {
    expect(await check("npm/11.0.0 node/v24.1.0 linux x64")).toEqual({ exit: 0, stdout: "", stderr: "" });
  });

  it("says in one line that the project uses its own Node if npm runs on an old one", async () => {
    const { exit, stdout } = await check("npm/10.8.2 node/v20.20.2 linux x64");
    expect([exit, stdout]).toEqual([
      0,
      `npm runs on Node 20.20.2. The project uses its own Node ${process.versions.node} from node_modules.`,
    ]);
  });

  it("fails under a Node that cannot run TypeScript, and says what to do", async () => {
    const { exit, stderr } = await check("npm/10.8.2 node/v20.20.2 linux x64", "20.20.2");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("run `npm ci` without --ignore-scripts")]);
  });

  it("comes before npx stagedoor, and prints nothing on its standard output", async () => {
    const bin = join(projectRoot, "cli/bin.mjs");
    const userAgent = "npm/10.8.2 node/v20.20.2 linux x64";
    expect(await check(userAgent, undefined, [bin, "--version"])).toEqual({ exit: 0, stdout: "0.1.0", stderr: "" });
    const { exit, stderr } = await check(userAgent, "20.20.2", [bin, "--version"]);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("run `npm ci` without --ignore-scripts")]);
  });

  it("asks for Node 22.13, and for no clone's tools, in an installed package", async () => {
    const folder = mkdtempSync(join(tmpdir(), "stagedoor-package-"));
    cpSync(script, join(folder, "check-node.mjs"));
    const installed = [join(folder, "check-node.mjs")];
    expect(await check("", "22.13.0", installed)).toMatchObject({ exit: 0 });
    const { exit, stderr } = await check("", "22.12.9", installed);
    expect([exit, stderr]).toEqual([
      1,
      expect.stringMatching(/needs Node 22\.13 .*\n.*npm install --save-dev node@24/),
    ]);
  });
});

describe("the npm scripts that need Node", () => {
  // A user's `ignore-scripts=true` skips prestart and pretest, but not the script itself.
  it.each(["start", "deploy", "test", "test:unit", "test:full", "check"])("%s checks it first", (name) => {
    const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
    expect(scripts[name]).toMatch(/^node cli\/check-node\.mjs && /);
  });
});
