import { join } from "node:path";
import { bundleWorker } from "../cli/local/bundle.ts";
import { projectRoot } from "../cli/project.ts";

/**
 * The edge worker as it is deployed, with one module swapped: where it would check a request, it lets it pass. So the two
 * differ in the check alone, whatever else the worker comes to do.
 */
export function bundleEdgeWithoutCheck(): Promise<string> {
  const path = join(projectRoot, "bench/workers/no-check.ts");
  return bundleWorker(join(projectRoot, "workers/edge/index.ts"), [
    {
      name: "no-check",
      setup: ({ onResolve }) => onResolve({ filter: /\/check-media-request\.ts$/ }, () => ({ path })),
    },
  ]);
}
