// Imported first, since wrangler reads the variables that it sets.
import "../../../cli/lib/offline.ts";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { unstable_readConfig } from "wrangler";
import * as z from "zod";
import { type DeployedEnvironment, deployOrder, environments } from "../../../cli/deploy/workers.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { type WorkerKind, workerFiles } from "../../../cli/lib/worker-files.ts";

const cases = environments.flatMap((environment) => deployOrder.map((worker) => ({ environment, worker })));
const suffix = { staging: "-staging", production: "" };
const hosts = { staging: ".staging.example.com", production: ".example.com" };

/** The parts of wrangler's parsed configuration that these tests use. Wrangler exports no type for it. */
const configSchema = z.object({
  name: z.string(),
  workers_dev: z.boolean(),
  preview_urls: z.boolean(),
  routes: z.array(z.unknown()).default([]),
  vars: z.record(z.string(), z.unknown()),
  secrets: z.unknown(),
  observability: z.unknown(),
  triggers: z.object({ crons: z.array(z.string()).optional() }),
  migrations: z.array(z.object({ new_sqlite_classes: z.array(z.string()).default([]) })),
  durable_objects: z.object({
    bindings: z.array(z.object({ name: z.string(), class_name: z.string(), script_name: z.string().optional() })),
  }),
  services: z.array(z.object({ binding: z.string(), service: z.string() })).default([]),
  kv_namespaces: z.array(z.object({ binding: z.string() })),
  r2_buckets: z.array(z.object({ binding: z.string() })),
  d1_databases: z.array(z.object({ binding: z.string(), migrations_dir: z.string() })),
  analytics_engine_datasets: z.unknown(),
});
type Config = z.infer<typeof configSchema>;

function configOf(worker: WorkerKind, environment: DeployedEnvironment | undefined): Config {
  return configSchema.parse(unstable_readConfig({ config: join(projectRoot, workerFiles[worker]), env: environment }));
}

/** The bindings of a configuration, each with its target if that is one of our workers. */
function bindingsOf(config: Config): readonly string[] {
  return [
    ...config.durable_objects.bindings.map(
      ({ name, class_name, script_name }) => `${name} ${class_name} ${script_name}`,
    ),
    ...config.services.map(({ binding, service }) => `${binding} ${service}`),
    ...config.kv_namespaces.map(({ binding }) => binding),
    ...config.r2_buckets.map(({ binding }) => binding),
    ...config.d1_databases.map(({ binding, migrations_dir }) => `${binding} ${migrations_dir}`),
  ];
}

describe("the wrangler configuration", () => {
  it.each(cases)("gives $worker in $environment the same bindings as on this machine", ({ environment, worker }) => {
    const local = bindingsOf(configOf(worker, undefined));
    const expected = local.map((binding) =>
      binding.replace(/stagedoor-\w+$/, (name) => `${name}${suffix[environment]}`),
    );
    expect(bindingsOf(configOf(worker, environment)).toSorted()).toEqual(expected.toSorted());
  });

  it.each(cases)("names $worker of $environment, and makes it reachable only by its route", (run) => {
    const config = configOf(run.worker, run.environment);
    expect(config.name).toBe(`stagedoor-${run.worker}${suffix[run.environment]}`);
    expect({ workersDev: config.workers_dev, previews: config.preview_urls }).toEqual({
      workersDev: false,
      previews: false,
    });
    const host = { edge: "media", api: "api", manifest: undefined, identity: undefined }[run.worker];
    const routes = host === undefined ? [] : [{ pattern: `${host}${hosts[run.environment]}`, custom_domain: true }];
    expect(config.routes).toEqual(routes);
  });

  it.each(cases)("refuses to deploy $worker to $environment without its secrets", ({ environment, worker }) => {
    const secret = worker === "identity" ? "STAGEDOOR_IDENTITY_SECRET" : "STAGEDOOR_KEYS";
    expect(configOf(worker, environment).secrets).toEqual({ required: [secret] });
  });

  it.each(cases)("keeps the log lines of $worker in $environment, but no request URLs", ({ environment, worker }) => {
    expect(configOf(worker, environment).observability).toEqual({
      enabled: true,
      redact_query_string: true,
      logs: { enabled: true, invocation_logs: false },
      traces: { enabled: false },
    });
  });

  it.each(cases)(
    "writes the metrics of $worker in $environment to the environment's own data set",
    ({ environment, worker }) => {
      const dataset = environment === "staging" ? "stagedoor_staging" : "stagedoor";
      expect(configOf(worker, environment).analytics_engine_datasets).toEqual([{ binding: "TELEMETRY", dataset }]);
    },
  );

  it.each(cases)("creates every object that $worker hosts in $environment", ({ environment, worker }) => {
    const config = configOf(worker, environment);
    const own = config.durable_objects.bindings.filter((binding) => binding.script_name === undefined);
    const created = config.migrations.flatMap((migration) => migration.new_sqlite_classes);
    expect(created.toSorted()).toEqual(own.map((binding) => binding.class_name).toSorted());
  });

  it.each(environments)("binds in %s only workers that are deployed earlier", (environment) => {
    for (const [index, worker] of deployOrder.entries()) {
      const { durable_objects, services } = configOf(worker, environment);
      const scripts = durable_objects.bindings.flatMap(({ script_name }) => script_name ?? []);
      const before = deployOrder.slice(0, index).map((name) => `stagedoor-${name}${suffix[environment]}`);
      expect(before).toEqual(expect.arrayContaining([...scripts, ...services.map(({ service }) => service)]));
    }
  });

  it.each(environments)("sweeps the identity database of %s once a day", (environment) => {
    expect(configOf("identity", environment).triggers.crons).toEqual(["17 3 * * *"]);
  });

  it.each(environments)("sets the same addresses for all workers of %s", (environment) => {
    const address = { STAGEDOOR_ENV: environment, STAGEDOOR_API_URL: `https://api${hosts[environment]}` };
    for (const worker of deployOrder) {
      const media = worker === "identity" ? {} : { STAGEDOOR_MEDIA_URL: `https://media${hosts[environment]}` };
      expect(configOf(worker, environment).vars).toEqual({ ...address, ...media });
    }
  });
});
