import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { searchConsole } from "./test/cluster/search-console.ts";

/** The unit suite, which runs in Node and in workerd alike. */
const unit = "test/unit/**/*.test.ts";

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

export default defineConfig({
  test: {
    onConsoleLog: searchConsole,
    projects: [
      // The unit suites want all the cores that there are, and the journeys the machine for themselves: they come after.
      {
        oxc,
        test: { name: "node", include: [unit, "test/node/**/*.test.ts"], isolate, maxWorkers: "100%", ...ceilings },
      },
      {
        oxc,
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/workerd.wrangler.toml" } })],
        test: { name: "workerd", include: [unit], isolate, maxWorkers: "100%", ...ceilings },
      },
      {
        oxc,
        test: {
          name: "journeys",
          include: ["test/journeys/**/*.test.ts", "test/browser/**/*.test.ts"],
          globalSetup: "test/cluster/start.ts",
          ...ceilings,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
