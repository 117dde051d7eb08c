import { readdirSync, readFileSync } from "node:fs";
import type { MicrosecondClock } from "./measure.ts";

/**
 * The CPU that workerd has used, which is what bounds the requests it answers in a second. Linux tells it; elsewhere the
 * clock on the wall has to do, and other programs disturb it.
 */
export function workerdClock(): { readonly clock: MicrosecondClock; readonly unit: string } {
  const pid = childNamed("workerd");
  if (pid === undefined) return { clock: () => performance.now() * 1000, unit: "wall-clock time" };
  return { clock: () => cpuOf(pid), unit: "CPU time of workerd" };
}

/** The sum over the threads: nanoseconds on a CPU are the first number of schedstat. */
function cpuOf(pid: string): number {
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
    return false; // it has ended since the folder was read
  }
}
