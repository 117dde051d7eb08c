import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { dispatch } from "../../../cli/dispatch.ts";
import { printed } from "../../../cli/lib/command.ts";

const root = join(import.meta.dirname, "../../..");
const node = join(root, "node_modules/.bin/node");

export interface Run {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder for one test. */
export function folder(): string {
  return mkdtempSync(join(tmpdir(), "stagedoor-cli-"));
}

/**
 * Runs a command in this process, and returns its output and exit code. A separate process takes half a second, so
 * {@link stagedoorProcess} is only for tests that need one: of several commands at once, and of the program itself.
 */
export async function stagedoor(...words: readonly string[]): Promise<Run> {
  const progress: string[] = [];
  const outcome = await dispatch(words, (line) => progress.push(line));
  const { stdout, stderr } = printed(outcome, words.includes("--json"));
  const text = (...parts: readonly string[]) => stripVTControlCharacters(parts.filter(Boolean).join("\n")).trimEnd();
  return { exit: outcome.exit, stdout: text(stdout), stderr: text(...progress, stderr) };
}

/** Runs the real command in a separate process. */
export function stagedoorProcess(...words: readonly string[]): Promise<Run> {
  return runFile(node, [join(root, "cli/stagedoor.ts"), ...words], root, process.env);
}

export function runFile(file: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Run> {
  return new Promise((resolve) => {
    execFile(file, words, { cwd, env: { ...env, NO_COLOR: "1" } }, (error, stdout, stderr) => {
      const exit = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ exit, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() });
    });
  });
}

/** Runs a command with --json, and returns its exit code and output. */
export async function json(...words: readonly string[]) {
  const { stdout, exit } = await stagedoor(...words, "--json");
  return { exit, ...Object(JSON.parse(stdout)) };
}

/** Every secret in a ring file. */
export function secretsIn(file: string): readonly string[] {
  const { keys } = Object(JSON.parse(readFileSync(file, "utf8")));
  const secretMembers = ["k", "d", "p", "q", "dp", "dq", "qi"];
  const values: unknown[] = [keys].flat().flatMap((key) => secretMembers.map((name) => Object(key)[name]));
  return values.filter((value) => typeof value === "string");
}

export { root as projectFolder };
