import type { TestProject } from "vitest/node";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The workers with the settings that a deployment has by default. */
    readonly usual: TestCluster;
    /** The same with expiries of seconds, where what takes an hour in life takes a moment. */
    readonly hasty: TestCluster;
  }
}

/** The workers run once for all journeys and browser tests, in a real workerd, each on a port of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const usual = await startTestCluster({});
  const hasty = await startTestCluster({ STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" });
  project.provide("usual", usual.addresses);
  project.provide("hasty", hasty.addresses);
  return async () => {
    await Promise.all([usual.stop(), hasty.stop()]);
  };
}
