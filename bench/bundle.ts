import { join } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { bundleWorker } from "../cli/local/bundle.ts";

/**
 * The deployed edge worker with two modules replaced, so that it skips the check and the admission and differs in
 * nothing else.
 */
export function bundleEdgeWithoutCheck(): Promise<string> {
  const instead = (name: string) => ({ path: join(projectRoot, "bench/workers", name) });
  return bundleWorker(join(projectRoot, "workers/edge/index.ts"), [
    {
      name: "no-check",
      setup: ({ onResolve }) => {
        onResolve({ filter: /\/check-media-request\.ts$/ }, () => instead("no-check.ts"));
        onResolve({ filter: /\/admit-session\.ts$/ }, () => instead("no-admission.ts"));
      },
    },
  ]);
}
