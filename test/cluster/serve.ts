import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { projectRoot } from "../../cli/lib/project.ts";
import { until } from "./viewer.ts";

/** A running `npx stagedoor serve`. */
export interface ServeRun {
  readonly child: ChildProcess;
  readonly output: () => string;
  /** Sends SIGTERM, and resolves with the exit code. */
  readonly stop: () => Promise<number | null>;
}

/** Runs `npx stagedoor serve` in a folder, with the Node that runs this test, and waits until it is ready. */
export async function runServe(
  folder: string,
  words: readonly string[],
  onText: (text: string, child: ChildProcess) => void = () => undefined,
): Promise<ServeRun> {
  const program = join(projectRoot, "cli/stagedoor.ts");
  const child = spawn(process.execPath, [program, "serve", ...words], { cwd: folder });
  let output = "";
  const add = (chunk: Buffer) => {
    output += chunk;
    onText(chunk.toString(), child);
  };
  child.stdout.on("data", add);
  child.stderr.on("data", add);
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await until(
    () => output,
    (text) => text.includes("Ready.") || hasEnded(),
  );
  if (hasEnded()) throw new Error(`the service did not start: ${output}`);
  const stop = () => {
    child.kill("SIGTERM");
    return ended;
  };
  return { child, output: () => output, stop };
}
