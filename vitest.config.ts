import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { searchConsole } from "./test/cluster/search-console.ts";

/** The unit suite, which runs in Node and in workerd alike. */
const unit = "test/unit/**/*.test.ts";

export default defineConfig({
  test: {
    onConsoleLog: searchConsole,
    projects: [
      { test: { name: "node", include: [unit, "test/node/**/*.test.ts"] } },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: "./test/workerd.wrangler.toml" } })],
        test: { name: "workerd", include: [unit] },
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
