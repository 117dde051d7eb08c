import cluster from "node:cluster";
import { ok, type Result } from "../../src/base/result.ts";
import { stopOnSignals } from "../lib/signals.ts";
import { localCredentials, portFault } from "./local-run.ts";
import { storePlaces } from "./run-stores.ts";
import { planOf, readSources, type ServeOptions, type ServicePlan, type ServiceSources } from "./service-plan.ts";
import { prepareStores, ServiceProcess } from "./service-process.ts";
import { runChild, Supervisor } from "./supervise.ts";

/** What runs a plan: this process, or several that it starts. */
interface Running {
  /** Resolves with the reason if the old plan continues. */
  readonly reload: (sources: ServiceSources, plan: ServicePlan) => Promise<string | undefined>;
  readonly stop: () => Promise<void>;
}

/**
 * Runs the service of a folder until a signal ends the process. If it cannot start, resolves with the reason.
 *
 * SIGHUP reads the files again, after the start if it comes earlier. A terminal that is closed sends it too, and ends the process.
 */
export async function runService(folder: string, options: ServeOptions): Promise<string> {
  if (cluster.isWorker) return runChild(folder, options);
  const reloadOnSignals = noteReloads();
  const sources = await readSources(folder, options);
  if (!sources.ok) return sources.refusal;
  const plan = planOf(folder, sources.value, options);
  if (!plan.ok) return plan.refusal;
  const usedPort = await portFault(portsOf(options));
  if (usedPort !== undefined) return usedPort;
  const { environment, processes } = options;
  console.log(`Starting the service of ${plan.value.deployment.config.name} (${environment ?? "development"}) …`);
  const fault = await prepareStores(plan.value);
  if (fault !== undefined) return fault;
  const running = await (processes > 1 ? Supervisor.start(sources.value, processes, log) : inProcess(plan.value));
  if (!running.ok) return running.refusal;
  stopOnSignals(() => running.value.stop());
  console.log(await readyText(plan.value));
  reloadOnSignals(() => void reload(folder, options, running.value));
  return new Promise(() => undefined);
}

/** Notes SIGHUP from now on. What is given later runs for each one, and at once if there was one already. */
function noteReloads(): (run: () => void) => void {
  let isAsked = false;
  let onAsked = () => {
    isAsked = true;
  };
  if (!process.stdin.isTTY) process.on("SIGHUP", () => onAsked());
  return (run) => {
    onAsked = run;
    if (isAsked) run();
  };
}

async function inProcess(plan: ServicePlan): Promise<Result<Running, string>> {
  const started = await ServiceProcess.start(plan);
  if (!started.ok) return started;
  const { value: service } = started;
  return ok({ reload: (_, next) => service.reload(next), stop: () => service.stop() });
}

/** Reads the files again. If they are faulty, the old configuration continues, and one line of the log says why. */
async function reload(folder: string, options: ServeOptions, running: Running): Promise<void> {
  const sources = await readSources(folder, options);
  const plan = sources.ok ? planOf(folder, sources.value, options) : sources;
  const fault = sources.ok && plan.ok ? await running.reload(sources.value, plan.value) : plan.ok ? "" : plan.refusal;
  log(fault === undefined ? { event: "reloaded" } : { event: "reload_refused", reason: fault });
}

/** A line of the log of the process that starts the others. */
function log(event: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ worker: "serve", ...event }));
}

function portsOf({ role, port, mediaPort }: ServeOptions): Readonly<Record<string, number>> {
  return {
    ...(role === "media" ? {} : { "--port": port }),
    ...(role === "api" ? {} : { "--media-port": mediaPort }),
  };
}

async function readyText({ deployment, options, ring, apiUrl, mediaUrl, file }: ServicePlan): Promise<string> {
  const { environment, role, address, port, mediaPort, processes } = options;
  const lines = [
    ...(role === "media"
      ? []
      : [`  API         ${apiUrl} (listens on ${address}:${port})`, `  Console     ${apiUrl}/console`]),
    ...(role === "api" ? [] : [`  Media host  ${mediaUrl} (listens on ${address}:${mediaPort})`]),
    ...storePlaces(deployment.config, environment, file).map(([name, place]) => `  ${name.padEnd(12)}${place}`),
    ...(processes > 1 ? [`  Processes   ${processes}`] : []),
  ].join("\n");
  if (environment !== undefined || role === "media") return `\n${lines}\n\nReady. Ctrl-C stops it.`;
  const { token, operator } = await localCredentials(ring);
  const body = JSON.stringify({ asset: deployment.config.assets[0]?.id ?? "film" });
  return `
${lines}

  A bearer token (8 h, all assets, this machine only):

${token}

  An operator's credential, to sign in to the console (8 h, this machine only):

${operator}

  Try it:

curl -s ${apiUrl}/stream/start -H 'Content-Type: application/json' -d '${body}' -H 'Authorization: Bearer ${token}'

Ready. Ctrl-C stops it.`;
}
