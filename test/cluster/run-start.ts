import { type ChildProcess, spawn } from "node:child_process";
import { afterEach } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { freePort } from "../../cli/local/ports.ts";

const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

export interface StartRun {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

/** Runs `npm start` as its script does, with the Node that runs this test. It is stopped after the test. */
export function runStart(args: readonly string[], environment: Readonly<Record<string, string>> = {}): StartRun {
  const child = spawn(process.execPath, ["cli/start.ts", ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...environment },
  });
  running.push(child);
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  return { child, output: () => output, ended: new Promise((resolve) => child.once("exit", resolve)) };
}

/** Three free ports and a folder for the state, as arguments of `npm start`: two starts cannot share a folder at once. */
export async function freePlace(state: string) {
  const [port, mediaPort, livePort] = [await freePort(), await freePort(), await freePort()];
  const ports = ["--port", `${port}`, "--media-port", `${mediaPort}`, "--live-port", `${livePort}`];
  return { args: [...ports, "--state", state], apiUrl: `http://localhost:${port}` };
}
