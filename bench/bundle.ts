import { join } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { bundleWorker } from "../cli/local/bundle.ts";

/**
 * The edge worker as it is deployed, with two modules swapped: where it would check a request and admit its session, it
 * lets it pass. So the two differ in that alone, whatever else the worker comes to do.
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
