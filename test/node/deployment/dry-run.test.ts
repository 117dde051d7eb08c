import { beforeAll, describe, expect, it } from "vitest";
import { deployOrder, environments } from "../../../cli/deploy/workers.ts";
import { type WorkerKind, workerFiles } from "../../../cli/lib/worker-files.ts";
import { projectFolder, type Run, runFile } from "../cli/command-line.ts";

/** The bindings of each worker in each environment. */
const bindings = {
  manifest: ["CATALOG", "MEDIA", "SHARED_PLAYLIST", "METRICS_STORE", "TELEMETRY"],
  edge: ["CATALOG", "MEDIA", "MANIFEST", "REVOCATION_LOG", "SUBJECT_LEASES", "METRICS_STORE", "TELEMETRY"],
  identity: ["DB", "REVOCATION_LOG", "REFRESH_TURNS", "METRICS_STORE", "TELEMETRY"],
  api: [
    "CATALOG",
    "IDENTITY",
    "REVOCATION_LOG",
    "SUBJECT_LEASES",
    "DPOP_PROOFS",
    "RATE_LIMIT_COUNTER",
    "METRICS_STORE",
    "CATALOG_EDITOR",
    "CLOUDFRONT_STORE",
    "TELEMETRY",
  ],
} as const satisfies Record<WorkerKind, readonly string[]>;
const settings = ["STAGEDOOR_ENV", "STAGEDOOR_MEDIA_URL", "STAGEDOOR_API_URL"];

const runs = environments.flatMap((environment) => deployOrder.map((worker) => ({ environment, worker })));
const results = new Map<string, Run>();

/** Two at a time, since each bundles a worker. */
beforeAll(async () => {
  const waiting = [...runs];
  const work = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift())
      results.set(`${run.environment} ${run.worker}`, await dryRun(run.worker, run.environment));
  };
  await Promise.all([work(), work()]);
}, 120_000);

describe("wrangler deploy --dry-run", () => {
  it.each(runs)("builds the $worker worker for $environment with all its bindings", ({ environment, worker }) => {
    const { exit, stdout, stderr } = results.get(`${environment} ${worker}`) ?? { exit: -1, stdout: "", stderr: "" };
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(stdout).toMatch(/^Total Upload: \d+\.\d+ KiB/m);
    const listed = [...stdout.matchAll(/^env\.(\w+) \(/gm)].map(([, name]) => name);
    const expected = [
      ...bindings[worker],
      ...(worker === "identity" ? ["STAGEDOOR_ENV", "STAGEDOOR_API_URL"] : settings),
    ];
    expect(listed.toSorted()).toEqual(expected.toSorted());
    expect(stdout).toContain(`env.STAGEDOOR_ENV ("${environment}")`);
  });

  it.each(runs)("binds nothing of another environment to the $worker worker of $environment", (run) => {
    const { stdout } = results.get(`${run.environment} ${run.worker}`) ?? { stdout: "" };
    const named = [...stdout.matchAll(/\b(?:stagedoor-[a-z]+(?:-[a-z]+)?|[a-z]+(?:\.staging)?\.example\.com)/g)];
    const strays = named.filter(([name]) => /[.-]staging\b/.test(name) !== (run.environment === "staging"));
    expect(named.length).toBeGreaterThan(0);
    expect(strays.map(([name]) => name)).toEqual([]);
  });
});

function dryRun(worker: WorkerKind, environment: string): Promise<Run> {
  const words = ["deploy", "--dry-run", "--env", environment, "-c", workerFiles[worker]];
  const offline = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG: "log" };
  const wrangler = "node_modules/wrangler/bin/wrangler.js";
  return runFile(process.execPath, [wrangler, ...words], projectFolder, { ...process.env, ...offline });
}
