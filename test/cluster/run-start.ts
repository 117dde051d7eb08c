import { type ChildProcess, spawn } from "node:child_process";
import { afterEach } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";

const running: StartRun[] = [];
// Waits for the end: until then workerd has the databases of the state open.
afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGINT");
    await ended;
  }
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
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const run = { child, output: () => output, ended: new Promise<number | null>((end) => child.once("exit", end)) };
  running.push(run);
  return run;
}

/** The options of `npm start` that name its ports. */
export const portOptions = ["--port", "--media-port", "--live-port", "--cdn-port"] as const;

/** Arguments of `npm start` with a free port for each server, except for those that are given. */
export async function freePorts(given: { readonly [option in (typeof portOptions)[number]]?: number } = {}) {
  const ports = await Promise.all(
    portOptions.map(async (option) => [option, `${given[option] ?? (await freePort())}`]),
  );
  return ports.flat();
}

/** Free ports and a folder for the state, as arguments of `npm start`: two starts cannot share a folder at once. */
export async function freePlace(state: string) {
  const port = await freePort();
  return { args: [...(await freePorts({ "--port": port })), "--state", state], apiUrl: `http://localhost:${port}` };
}
