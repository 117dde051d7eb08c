import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { projectRoot } from "../../../cli/lib/project.ts";
import { runFile } from "./command-line.ts";

const script = join(projectRoot, "cli/check-node.mjs");

/** Runs the check under this test's Node, or under one that calls itself `version`. */
function check(userAgent: string, version?: string) {
  const rename = `Object.defineProperty(process, "versions", { value: { node: ${JSON.stringify(version)} } })`;
  const flags = version === undefined ? [] : ["--import", `data:text/javascript,${encodeURIComponent(rename)}`];
  const env = { ...process.env, npm_config_user_agent: userAgent };
  return runFile(process.execPath, [...flags, script], projectRoot, env);
}

describe("the check before npm start and npm test", () => {
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
});
