import type { TestProject } from "vitest/node";
import { searchLogs, shareLogs } from "./kept-logs.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The workers with a deployment's default settings. */
    readonly usual: TestCluster;
    /** The same with expiries of seconds instead of hours. */
    readonly shortLived: TestCluster;
  }
}

/**
 * Starts the workers once for all journeys and browser tests, in a real workerd, each on its own port. At the end, the
 * logs of every cluster are searched for secrets, and a finding fails the run.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const logs = shareLogs();
  const usual = await startTestCluster({});
  const shortLived = await startTestCluster({ STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" });
  project.provide("usual", usual.addresses);
  project.provide("shortLived", shortLived.addresses);
  return async () => {
    try {
      await untilLogged(usual.addresses.apiUrl, logs.folder);
      const { lines, findings } = searchLogs(logs.folder);
      const shown = [...new Set(findings)].slice(0, 20).join("\n");
      if (findings.length > 0)
        throw new Error(`${findings.length} of ${lines.length} log lines contain secrets:\n${shown}`);
    } finally {
      logs.remove();
      await Promise.all([usual.stop(), shortLived.stop()]);
    }
  };
}

/** Waits for the line of a last refusal. A search of logs that never arrive would find nothing. */
async function untilLogged(apiUrl: string, folder: string): Promise<void> {
  const last = "00000000000000ff";
  await fetch(`${apiUrl}/none`, { method: "POST", headers: { "CF-Ray": last } });
  for (let i = 0; i < 100; i++) {
    if (searchLogs(folder).lines.some((line) => line.includes(last))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the workers' logs do not arrive, so they cannot be searched");
}
