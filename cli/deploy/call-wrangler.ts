import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../project.ts";
import type { Step } from "./steps.ts";

const installed = join(projectRoot, "node_modules/wrangler/bin/wrangler.js");

/**
 * Calls wrangler for a step, its output on our own, and gives back its exit code. Secrets go by a file that its owner alone
 * can read, in a folder that is gone when wrangler has ended: a command line is there for every process to see.
 */
export async function callWrangler({ words, secrets }: Step, wrangler: string = installed): Promise<number> {
  if (secrets === undefined) return run(wrangler, words);
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-deploy-"));
  // Ctrl-C reaches wrangler as well: once that has ended, the folder goes.
  const wait = () => undefined;
  process.on("SIGINT", wait);
  try {
    const file = join(folder, "secrets.json");
    writeFileSync(file, JSON.stringify(secrets.values), { mode: 0o600 });
    return await run(wrangler, [...words, ...(secrets.option === undefined ? [] : [secrets.option]), file]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    process.off("SIGINT", wait);
  }
}

function run(wrangler: string, words: readonly string[]): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [wrangler, ...words], { cwd: projectRoot, stdio: "inherit" });
    child.once("error", failed);
    child.once("exit", (code) => done(code ?? 1));
  });
}
