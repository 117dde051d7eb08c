import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { searchConsole } from "./test/cluster/search-console.ts";
import { ClosingLine } from "./test/run/closing-line.ts";
import { NoiseGate } from "./test/run/noise.ts";

/** The unit suite, which runs in Node and in workerd alike. */
const unit = "test/unit/**/*.test.ts";

/** What runs in Node with a database, a key pair or a process for each test: seconds a file. */
const services = ["test/node/identity/**/*.test.ts", "test/node/deployment/**/*.test.ts"];

/** What takes a minute: `npm run test:full`. */
const longInNode = [
  "test/node/cli/nginx-config.test.ts",
  "test/node/cloudfront/template-linters.test.ts",
  "test/node/deployment/command.test.ts",
  "test/node/deployment/deploy-folder.test.ts",
  "test/node/deployment/dry-run.test.ts",
  "test/node/docs/site.test.ts",
  "test/node/identity/on-postgres.test.ts",
  "test/node/platform/postgres-durable-log.test.ts",
  "test/node/package/tarball.test.ts",
  "test/node/package/upgrade.test.ts",
  "test/node/platform/redis-faults.test.ts",
];
const longJourneys = [
  "test/journeys/accounts-on-node.test.ts",
  "test/journeys/accounts-on-postgres.test.ts",
  "test/conformance/*.test.ts",
  "test/journeys/aliases.test.ts",
  "test/journeys/configuration.test.ts",
  "test/journeys/doctor.test.ts",
  "test/journeys/documented-api.test.ts",
  "test/journeys/entitlement.test.ts",
  "test/journeys/metrics.test.ts",
  "test/journeys/nginx.test.ts",
  "test/journeys/nginx-refusals.test.ts",
  "test/journeys/own-case.test.ts",
  "test/journeys/own-jwt-issuer.test.ts",
  "test/journeys/redis-processes.test.ts",
  "test/journeys/self-hosted.test.ts",
  "test/journeys/serve-processes.test.ts",
  "test/journeys/start-command.test.ts",
  "test/browser/account.test.ts",
  "test/browser/account-token.test.ts",
  "test/browser/cloudfront-function.test.ts",
  "test/browser/console-refresh.test.ts",
  "test/browser/examples.test.ts",
  "test/browser/page.test.ts",
  "test/browser/page-catalog.test.ts",
  "test/browser/page-sessions.test.ts",
  "test/browser/steering-and-ads.test.ts",
];

/** What needs the machine for itself, because a stall is a failure: `npm run test:full` too, one file at a time. */
const alone = [
  "test/journeys/rotation.test.ts",
  "test/browser/live.test.ts",
  "test/browser/proof.test.ts",
  "test/browser/renewal.test.ts",
];

const unitFiles = readdirSync("test/unit", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => `test/unit/${name}`);

/** The files of the unit suite with properties, which `npm run test:full` checks on ten times as many examples. */
const properties = unitFiles.filter((name) => readFileSync(name, "utf8").includes("fc.assert("));
const manyRuns = fileURLToPath(new URL("test/run/many-runs.ts", import.meta.url));

/**
 * A process for each file would be most of the time that the run takes. Files share one instead: no module keeps anything
 * that one test could leave to another, and the tests of what lives in Durable Objects name each their own.
 */
const isolate = false;

/** As tsconfig.json has it: that names no files, so it is not asked about those of the console. */
const oxc = { jsx: { runtime: "automatic", importSource: "hono/jsx" } } as const;

/**
 * Ceilings for what always comes, in milliseconds: no test measures how fast the machine is. One that fails by them hangs.
 */
const ceilings = { testTimeout: 120_000, hookTimeout: 120_000, expect: { poll: { timeout: 60_000, interval: 50 } } };

/** The suites that compute want all the cores that there are. */
const computing = { isolate, maxWorkers: "100%", ...ceilings };

/** Journeys and browsers wait most of their time, and each file has a cluster or viewers of its own: so some run at once. */
const waiting = { isolate, maxWorkers: 3, maxConcurrency: 20, globalSetup: "test/cluster/start.ts", ...ceilings };

/** Each command of the CLI is a process: half of its time is the compilation of the same modules, which is kept here. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("node_modules/.cache/node", import.meta.url));

const gate = new NoiseGate();
gate.watch();

export default defineConfig({
  test: {
    onConsoleLog: searchConsole,
    reporters: ["default", new ClosingLine(gate)],
    projects: [
      {
        oxc,
        test: {
          name: "node",
          include: [unit, "test/node/**/*.test.ts"],
          exclude: [...services, ...longInNode],
          ...computing,
        },
      },
      {
        oxc,
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/workerd.wrangler.toml" } })],
        test: {
          name: "workerd",
          include: [unit],
          // The 200 modules of AWS's client as one: loading each takes seconds.
          deps: {
            optimizer: {
              ssr: { enabled: true, include: ["@aws-sdk/client-cloudfront-keyvaluestore", "@aws-sdk/signature-v4a"] },
            },
          },
          ...computing,
        },
      },
      { oxc, test: { name: "services", include: services, exclude: longInNode, ...computing } },
      {
        oxc,
        test: {
          name: "journeys",
          include: ["test/journeys/**/*.test.ts", "test/browser/**/*.test.ts"],
          exclude: [...longJourneys, ...alone],
          ...waiting,
          sequence: { groupOrder: 1 },
        },
      },
      {
        oxc,
        resolve: { alias: { "fast-check": manyRuns } },
        test: { name: "properties", include: properties, ...computing, sequence: { groupOrder: 2 } },
      },
      {
        oxc,
        test: {
          name: "long",
          include: [...longInNode, ...longJourneys],
          ...waiting,
          sequence: { groupOrder: 3 },
        },
      },
      {
        oxc,
        test: { name: "slow", include: alone, ...waiting, fileParallelism: false, sequence: { groupOrder: 4 } },
      },
    ],
  },
});
