import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { packageSpecifier } from "../../../cli/init/own-package.ts";
import { loadedPeer } from "../../../cli/lib/peers.ts";
import { folder, projectFolder, runFile, stagedoor } from "./command-line.ts";

/** Makes the program run as if a package were not installed. */
const without = (name: string) => `import { registerHooks } from "node:module";
registerHooks({
  resolve(specifier, context, next) {
    if (!/^${name}(\\/|$)/.test(specifier)) return next(specifier, context);
    throw Object.assign(new Error(\`Cannot find package '\${specifier}' imported from here\`), { code: "ERR_MODULE_NOT_FOUND" });
  },
});`;

/** Runs a command in a folder without a package. */
function runWithout(name: string, target: string, ...words: readonly string[]) {
  const hook = `data:text/javascript,${encodeURIComponent(without(name))}`;
  const program = join(projectFolder, "cli/stagedoor.ts");
  return runFile(process.execPath, ["--import", hook, program, ...words], target, process.env);
}

describe("a command whose optional package is not installed", () => {
  it("says what to install: dev", async () => {
    const target = join(folder(), "tv");
    await stagedoor("init", target, "--yes");
    const { exit, stderr } = await runWithout("wrangler", target, "dev");
    expect([exit, stderr]).toEqual([
      1,
      expect.stringMatching(/^This command needs wrangler, which is not installed: npm install --save-dev "wrangler@/),
    ]);
  });

  it("says what to install: serve with accounts, all packages of theirs", async () => {
    const target = join(folder(), "tv");
    await stagedoor("init", target, "--yes", "--host", "node");
    mkdirSync(join(target, "films"));
    const { exit, stderr } = await runWithout("kysely", target, "serve", "--port", "1", "--media-port", "2");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/^This command needs better-auth, which is not installed: npm install "@better-auth\/core@/);
    expect(stderr).toMatch(/"better-auth@.*"kysely@/);
  });

  it("knows the errors of import and of require, and throws all others", async () => {
    const { resolve } = createRequire(join(folder(), "index.js"));
    expect(await loadedPeer("wrangler", async () => resolve("wrangler/package.json"))).toBeUndefined();
    await expect(loadedPeer("wrangler", async () => resolve("no-such-package"))).rejects.toThrow("no-such-package");
  });
});

describe("init writes this package as a dependency", () => {
  const installed = (files: Readonly<Record<string, unknown>>) => {
    const project = folder();
    const root = join(project, "node_modules/stagedoor");
    mkdirSync(root, { recursive: true });
    const all = { "node_modules/stagedoor/package.json": { version: "0.1.0" }, ...files };
    for (const [file, document] of Object.entries(all)) writeFileSync(join(project, file), JSON.stringify(document));
    return { project, root };
  };

  it("with its exact version if it was installed from a registry", () => {
    const { project, root } = installed({ "package.json": { dependencies: { stagedoor: "0.1.0" } } });
    expect(packageSpecifier(join(project, "tv"), root)).toBe("0.1.0");
  });

  it.each([
    ["package.json", { dependencies: { stagedoor: "file:stagedoor-0.1.0.tgz" } }],
    ["package.json", { devDependencies: { stagedoor: "file:stagedoor-0.1.0.tgz" } }],
    [
      "node_modules/.package-lock.json",
      { packages: { "node_modules/stagedoor": { resolved: "file:stagedoor-0.1.0.tgz" } } },
    ],
  ])("with the file that it was installed from, by %s", (file, document) => {
    const { project, root } = installed({ [file]: document });
    expect(packageSpecifier(join(project, "tv"), root)).toBe("file:../stagedoor-0.1.0.tgz");
    expect(packageSpecifier(project, root)).toBe("file:stagedoor-0.1.0.tgz");
  });
});
