import type { ChildProcess } from "node:child_process";

const running = new Set<ChildProcess>();

process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** Lets a player's process end with ours, also where that is interrupted. */
export function endsWithUs(child: ChildProcess): void {
  running.add(child);
  child.once("exit", () => running.delete(child));
}
