import cluster, { type Worker } from "node:cluster";
import { setTimeout as wait } from "node:timers/promises";
import * as z from "zod";
import { ok, type Result, refuse } from "../../src/base/result.ts";
import { planOf, type ServeOptions, type ServiceSources } from "./service-plan.ts";
import { ServiceProcess } from "./service-process.ts";

const sources = z.object({ config: z.string(), ring: z.string(), secrets: z.record(z.string(), z.string()) });

/** From the supervisor to a child: what to serve, first and after a reload. */
const order = z.discriminatedUnion("does", [
  z.object({ does: z.literal("serve"), sources }),
  z.object({ does: z.literal("stop") }),
]);
type Order = z.output<typeof order>;

/** From a child to the supervisor, one for each `serve`: whether it serves the sources. */
const outcome = z.object({ serves: z.boolean(), reason: z.string() });

/** How long a process that ended waits for its successor, in milliseconds: doubled each time that one ends early. */
const backoff = { first: 250, longest: 30_000, early: 60_000 };

/** How long a child may take to serve its sources, in milliseconds. One that hangs would hold up every later reload. */
const serveTimeout = 120_000;

/** How long children have to stop, in milliseconds: longer than their responses may take. */
const stopTimeout = 25_000;

type SuperviseLog = (event: Readonly<Record<string, unknown>>) => void;

/** Starts processes of one service, which share its ports, and starts those again that end. */
export class Supervisor {
  #sources: ServiceSources;
  readonly #log: SuperviseLog;
  #state: "starting" | "running" | "stopping" = "starting";
  /** The last reload: reloads run one after another, and a process that starts later gets its sources after them. */
  #reloads: Promise<unknown> = Promise.resolve();
  /** The processes that have begun to start: a reload waits for them, because each process opens its ports only once. */
  #starts: Promise<unknown> = Promise.resolve();

  private constructor(first: ServiceSources, log: SuperviseLog) {
    this.#sources = first;
    this.#log = log;
  }

  /** Resolves when all processes serve, or with the reason of the first one that cannot. */
  static async start(first: ServiceSources, processes: number, log: SuperviseLog): Promise<Result<Supervisor, string>> {
    // Each process accepts its own connections: one that this process has handed to a process that dies would get no answer.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    const supervisor = new Supervisor(first, log);
    const answers = await Promise.all(Array.from({ length: processes }, () => supervisor.#fork(backoff.first)));
    const fault = answers.find((answer) => answer !== undefined);
    if (fault === undefined) {
      supervisor.#state = "running";
      return ok(supervisor);
    }
    await supervisor.stop();
    return refuse(fault);
  }

  /** Lets each process serve other sources. Resolves with the reason if one of them continues with the old ones. */
  reload(next: ServiceSources): Promise<string | undefined> {
    const reloaded = Promise.all([this.#reloads, this.#starts]).then(async () => {
      const answers = await Promise.all(workers().map((worker) => give(worker, next)));
      const fault = answers.find((answer) => answer !== undefined);
      // A process that starts later must be able to serve them.
      if (fault === undefined) this.#sources = next;
      return fault;
    });
    this.#reloads = reloaded;
    return reloaded;
  }

  async stop(): Promise<void> {
    this.#state = "stopping";
    await Promise.all(
      workers().map(async (worker) => {
        const ended = new Promise((resolve) => worker.once("exit", resolve));
        send(worker, { does: "stop" });
        const late = setTimeout(() => worker.process.kill("SIGKILL"), stopTimeout);
        await ended;
        clearTimeout(late);
      }),
    );
  }

  /** Starts a process, and others after it; resolves when the first one serves. */
  async #fork(delay: number): Promise<string | undefined> {
    const startedAt = Date.now();
    const worker = cluster.fork();
    worker.once("exit", async (code, signal) => {
      if (this.#state !== "running") return;
      const next = Date.now() - startedAt > backoff.early ? backoff.first : Math.min(delay * 2, backoff.longest);
      this.#log({ event: "process_ended", process: worker.process.pid, code, signal, restartsAfter: delay / 1000 });
      await wait(delay);
      if (this.#state !== "running") return;
      const fault = await this.#fork(next);
      if (fault !== undefined) this.#log({ event: "process_failed", reason: fault });
    });
    const given = this.#reloads.then(() => give(worker, this.#sources));
    this.#starts = Promise.all([this.#starts, given]).then(() => undefined);
    return given;
  }
}

function workers(): readonly Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}

/** Gives a process its sources, not before it has answered the last time; resolves with the reason if it does not serve them. */
function give(worker: Worker, given: ServiceSources): Promise<string | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(() => worker.process.kill("SIGKILL"), serveTimeout);
    const onExit = () => {
      clearTimeout(late);
      resolve("a process ended before it served");
    };
    if (worker.isDead()) return onExit();
    worker.once("exit", onExit);
    worker.once("message", (message) => {
      clearTimeout(late);
      worker.off("exit", onExit);
      const { serves, reason } = outcome.parse(message);
      resolve(serves ? undefined : reason);
    });
    send(worker, { does: "serve", sources: given });
  });
}

function send(worker: Worker, message: Order): void {
  // A process that has just ended cannot receive it: what waits for an answer sees its end.
  if (worker.isConnected()) worker.send(message, () => undefined);
}

/** Runs one of the processes until its supervisor, or a signal of the system, stops it. */
export async function runChild(folder: string, options: ServeOptions): Promise<never> {
  let service: ServiceProcess | undefined;
  let isStopping = false;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    await service?.stop();
    process.exit(0);
  };
  const serve = async (given: ServiceSources): Promise<string | undefined> => {
    const plan = planOf(folder, given, options);
    if (!plan.ok) return plan.refusal;
    if (service !== undefined) return service.reload(plan.value);
    const started = await ServiceProcess.start(plan.value);
    if (!started.ok) return started.refusal;
    service = started.value;
    return undefined;
  };
  // The system may signal all processes at once; the supervisor decides about SIGHUP.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => void stop());
  process.on("SIGHUP", () => undefined);
  process.on("message", async (message) => {
    const asked = order.parse(message);
    if (asked.does === "stop") return stop();
    const reason = await serve(asked.sources).catch((error: unknown) =>
      error instanceof Error ? error.message : "unknown error",
    );
    const isUseless = service === undefined;
    process.send?.({ serves: reason === undefined, reason: reason ?? "" }, () => {
      // Its supervisor starts it again after a while.
      if (isUseless) process.exit(1);
    });
  });
  return new Promise(() => undefined);
}
