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

export default defineConfig({
  test: {
    onConsoleLog: searchConsole,
    projects: [
      { test: { name: "node", include: [unit, "test/node/**/*.test.ts"], isolate } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/workerd.wrangler.toml" } })],
        test: { name: "workerd", include: [unit], isolate },
      },
      {
        test: {
          name: "journeys",
          include: ["test/journeys/**/*.test.ts", "test/browser/**/*.test.ts"],
          globalSetup: "test/cluster/start.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
