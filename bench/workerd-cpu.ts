import { readdirSync, readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { MicrosecondClock } from "./measure.ts";

/**
 * The CPU time of workerd, which limits its requests per second. Available on Linux; elsewhere wall time is used, which
 * other programs disturb.
 */
export function workerdClock(): WorkerdClock {
  const pid = childNamed("workerd");
  if (pid === undefined)
    return { clock: () => performance.now() * 1000, rest: async () => undefined, unit: "wall-clock time" };
  const clock = () => cpuOf(pid);
  return { clock, rest: () => atRest(clock), unit: "CPU time of workerd" };
}

export interface WorkerdClock {
  readonly clock: MicrosecondClock;
  /** Waits for work after responses (`waitUntil`), if it can be observed. */
  readonly rest: () => Promise<void>;
  readonly unit: string;
}

/** The idle time of workerd in milliseconds, and the CPU microseconds that still count as idle. */
const quiet = { wait: 5, most: 100 };

/** Background work uses CPU, so it is done when none is used. Waiting itself uses none. */
async function atRest(clock: MicrosecondClock): Promise<void> {
  for (let tries = 0, before = clock(); tries < 200; tries++) {
    await setTimeout(quiet.wait);
    const now = clock();
    if (now - before < quiet.most) return;
    before = now;
  }
}

/** Summed over the threads: nanoseconds on a CPU are the first number of schedstat. */
export function cpuOf(pid: string | number): number {
  const tasks = `/proc/${pid}/task`;
  let nanoseconds = 0;
  for (const thread of readdirSync(tasks)) {
    const [onCpu] = readFileSync(`${tasks}/${thread}/schedstat`, "utf8").split(" ");
    nanoseconds += Number(onCpu);
  }
  return nanoseconds / 1000;
}

function childNamed(name: string): string | undefined {
  try {
    return readdirSync("/proc").find((entry) => /^\d+$/.test(entry) && isChild(entry, name));
  } catch {
    return undefined;
  }
}

/** `/proc/<pid>/stat` begins `<pid> (<name>) <state> <parent>`. */
function isChild(pid: string, name: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return stat.includes(`(${name})`) && Number(parent) === process.pid;
  } catch {
    return false; // The process ended after the folder was read.
  }
}
