import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { dispatch } from "../../../cli/dispatch.ts";
import { printed } from "../../../cli/lib/command.ts";

const root = resolve(import.meta.dirname, "../../..");
const node = join(root, "node_modules/.bin/node");

export interface Ran {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** An empty folder of its own for a test. */
export function folder(): string {
  return mkdtempSync(join(tmpdir(), "stagedoor-cli-"));
}

/**
 * Runs a command in this process, and returns what the real one prints and how it ends. A process of its own takes half a
 * second, so {@link stagedoorProcess} is for what depends on that: several at once, and the program itself.
 */
export async function stagedoor(...words: readonly string[]): Promise<Ran> {
  const told: string[] = [];
  const outcome = await dispatch(words, (line) => told.push(line));
  const { stdout, stderr } = printed(outcome, words.includes("--json"));
  const text = (...parts: readonly string[]) => stripVTControlCharacters(parts.filter(Boolean).join("\n")).trimEnd();
  return { exit: outcome.exit, stdout: text(stdout), stderr: text(...told, stderr) };
}

/** Runs the real command as a process of its own. */
export function stagedoorProcess(...words: readonly string[]): Promise<Ran> {
  return runFile(node, [join(root, "cli/stagedoor.ts"), ...words], root, process.env);
}

export function runFile(file: string, words: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((done) => {
    execFile(file, words, { cwd, env: { ...env, NO_COLOR: "1" } }, (error, stdout, stderr) => {
      const exit = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ exit, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() });
    });
  });
}

/** What a command printed for programs. */
export async function json(...words: readonly string[]) {
  const { stdout, exit } = await stagedoor(...words, "--json");
  return { exit, ...Object(JSON.parse(stdout)) };
}

/** Everything in a ring file that nobody may see. */
export function secretsIn(file: string): readonly string[] {
  const { keys } = Object(JSON.parse(readFileSync(file, "utf8")));
  const secret = ["k", "d", "p", "q", "dp", "dq", "qi"];
  const found: unknown[] = [keys].flat().flatMap((key) => secret.map((name) => Object(key)[name]));
  return found.filter((value) => typeof value === "string");
}

export { root as projectFolder };
