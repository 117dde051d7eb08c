import { beforeAll, describe, expect, it } from "vitest";
import { deployOrder, environments } from "../../../cli/deploy/workers.ts";
import { type WorkerKind, workerFiles } from "../../../cli/lib/worker-files.ts";
import { projectFolder, type Ran, runFile } from "../cli/command-line.ts";

/** What each worker is given in each environment, by the name that its code knows it by. */
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
    "TELEMETRY",
  ],
} as const satisfies Record<WorkerKind, readonly string[]>;
const settings = ["STAGEDOOR_ENV", "STAGEDOOR_MEDIA_URL", "STAGEDOOR_API_URL"];

const runs = environments.flatMap((environment) => deployOrder.map((worker) => ({ environment, worker })));
const ran = new Map<string, Ran>();

/** Two at a time: each bundles a worker. */
beforeAll(async () => {
  const waiting = [...runs];
  const work = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift())
      ran.set(`${run.environment} ${run.worker}`, await dryRun(run.worker, run.environment));
  };
  await Promise.all([work(), work()]);
}, 120_000);

describe("wrangler deploy --dry-run", () => {
  it.each(runs)("builds the $worker worker for $environment with all that it is given", ({ environment, worker }) => {
    const { exit, stdout, stderr } = ran.get(`${environment} ${worker}`) ?? { exit: -1, stdout: "", stderr: "" };
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
    expect(stdout).toMatch(/^Total Upload: \d+\.\d+ KiB/m);
    const given = [...stdout.matchAll(/^env\.(\w+) \(/gm)].map(([, name]) => name);
    const wanted = [
      ...bindings[worker],
      ...(worker === "identity" ? ["STAGEDOOR_ENV", "STAGEDOOR_API_URL"] : settings),
    ];
    expect(given.toSorted()).toEqual(wanted.toSorted());
    expect(stdout).toContain(`env.STAGEDOOR_ENV ("${environment}")`);
  });

  it.each(runs)("binds nothing of another environment to the $worker worker of $environment", (run) => {
    const { stdout } = ran.get(`${run.environment} ${run.worker}`) ?? { stdout: "" };
    const named = [...stdout.matchAll(/\b(?:stagedoor-[a-z]+(?:-[a-z]+)?|[a-z]+(?:\.staging)?\.example\.com)/g)];
    const strays = named.filter(([name]) => /[.-]staging\b/.test(name) !== (run.environment === "staging"));
    expect(named.length).toBeGreaterThan(0);
    expect(strays.map(([name]) => name)).toEqual([]);
  });
});

function dryRun(worker: WorkerKind, environment: string): Promise<Ran> {
  const words = ["deploy", "--dry-run", "--env", environment, "-c", workerFiles[worker]];
  const offline = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG: "log" };
  const wrangler = "node_modules/wrangler/bin/wrangler.js";
  return runFile(process.execPath, [wrangler, ...words], projectFolder, { ...process.env, ...offline });
}
