// Imported first, since wrangler reads the variables that it sets.
import "../../../cli/lib/offline.ts";
import { mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { environments } from "../../../cli/deploy/workers.ts";
import { generatedFile, generateFiles } from "../../../cli/lib/deployment-folder.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { type WorkerKind, workerFiles, workerKinds } from "../../../cli/lib/worker-files.ts";
import { defaultConfig } from "../../unit/deployment/example-config.ts";
import { folder } from "../cli/command-line.ts";

function generated(): string {
  const target = folder();
  writeFileSync(join(target, "stagedoor.config.json"), JSON.stringify(defaultConfig));
  const files = generateFiles(target);
  if (!files.ok) throw new Error(files.refusal);
  return target;
}

const target = generated();
const cases = workerKinds.flatMap((worker) =>
  [undefined, ...environments].map((environment) => ({ worker, environment, at: environment ?? "this machine" })),
);

/** wrangler's reading of a file, without the names of files, and with bindings in one order. */
function readingOf(file: string, env: string | undefined): unknown {
  const { main, configPath, userConfigPath, topLevelName, alias, d1_databases, ...config } = z
    .looseObject({ d1_databases: z.array(z.looseObject({ migrations_dir: z.string() })) })
    .parse(unstable_readConfig({ config: file, env }, { hideWarnings: true }));
  const databases = d1_databases.map((database) => ({
    ...database,
    migrations_dir: resolve(file, "..", database.migrations_dir),
  }));
  return JSON.parse(JSON.stringify({ ...config, d1_databases: databases }), (_, value: unknown) =>
    Array.isArray(value) ? value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : value,
  );
}

describe("the configuration that is generated for the default deployment", () => {
  it.each(cases)("equals the tracked one of $worker for $at", ({ worker, environment }) => {
    const tracked = readingOf(join(projectRoot, workerFiles[worker]), environment);
    expect(readingOf(join(target, generatedFile(worker)), environment)).toEqual(tracked);
  });

  it.each(workerKinds)("re-exports the package's %s worker", (worker: WorkerKind) => {
    const entry = readFileSync(join(target, generatedFile(worker), "../index.js"), "utf8");
    expect(entry).toContain(`export { default } from "stagedoor/workers/${worker}";`);
    expect(entry).toContain(`export * from "stagedoor/workers/${worker}";`);
  });

  it("is left alone while nothing changes", () => {
    const file = join(target, generatedFile("edge"));
    const before = statSync(file, { bigint: true }).mtimeNs;
    generateFiles(target);
    expect(statSync(file, { bigint: true }).mtimeNs).toBe(before);
  });

  it("is not written while the deployment's file has errors, each with its line", () => {
    const broken = mkdtempSync(join(target, "broken-"));
    writeFileSync(join(broken, "stagedoor.config.json"), '{\n  "version": 3\n}');
    expect(generateFiles(broken)).toMatchObject({
      ok: false,
      refusal: expect.stringContaining(
        "stagedoor.config.json:2  version: This version of stagedoor reads version 1, not 3",
      ),
    });
  });
});
