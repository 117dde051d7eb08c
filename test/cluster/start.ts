import type { TestProject } from "vitest/node";
import { keepLogs, searchLogs } from "./kept-logs.ts";
import { startTestCluster, type TestCluster } from "./test-cluster.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** The workers with the settings that a deployment has by default. */
    readonly usual: TestCluster;
    /** The same with expiries of seconds, where what takes an hour in life takes a moment. */
    readonly shortLived: TestCluster;
  }
}

/**
 * The workers run once for all journeys and browser tests, in a real workerd, each on a port of its own. When all is done,
 * the logs of every cluster that was started are searched for what no log may hold; a finding fails the run.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const logs = keepLogs();
  const usual = await startTestCluster({});
  const shortLived = await startTestCluster({ STAGEDOOR_PAUSE_ALLOWANCE: "0", STAGEDOOR_EXPIRY_STEP: "1" });
  project.provide("usual", usual.addresses);
  project.provide("shortLived", shortLived.addresses);
  return async () => {
    try {
      await untilLogged(usual.addresses.apiUrl, logs.folder);
      const { lines, findings } = searchLogs(logs.folder);
      const told = [...new Set(findings)].slice(0, 20).join("\n");
      if (findings.length > 0)
        throw new Error(`${findings.length} of ${lines.length} lines of the logs hold what none may:\n${told}`);
    } finally {
      logs.remove();
      await Promise.all([usual.stop(), shortLived.stop()]);
    }
  };
}

/** Waits for the line of a last refusal: a search of logs that never arrive would find nothing, whatever was in them. */
async function untilLogged(apiUrl: string, folder: string): Promise<void> {
  const last = "00000000000000ff";
  await fetch(`${apiUrl}/none`, { method: "POST", headers: { "CF-Ray": last } });
  for (let i = 0; i < 100; i++) {
    if (searchLogs(folder).lines.some((line) => line.includes(last))) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the workers' logs do not arrive, so nobody can search them");
}
