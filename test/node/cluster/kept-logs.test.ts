import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { keepLine, keepLogs, keepSecrets, searchLogs, shareLogs } from "../../cluster/kept-logs.ts";

let logs: ReturnType<typeof keepLogs>;
beforeEach(() => {
  logs = keepLogs();
});
afterEach(() => logs.remove());

it("keepLogs keeps every line of a run, and searchLogs reports lines with secrets without the secrets", async () => {
  const keys = await newDevKeys();
  const [{ d = "", k = "" } = {}] = keys.map((key) => Object(key)).filter((key) => "d" in key || "k" in key);
  keepSecrets(
    keys,
    { ORIGIN_SECRET: "open-sesame" },
    { STAGEDOOR_ENV: "production", STAGEDOOR_X_SECRET: "abracadabra" },
  );
  for (const line of [
    "all is well in production",
    `half ${d}${k}`,
    "open-sesame",
    "abracadabra",
    "two\nlines eyJhbGciOiJub25lIn0.e",
  ])
    keepLine(line);
  const { lines, findings } = searchLogs(logs.folder);
  expect(lines).toHaveLength(5);
  expect(findings).toEqual([
    "a secret of the cluster's in: half […]",
    "a secret of the cluster's in: […]",
    "a secret of the cluster's in: […]",
    "a token in: two\nlines […]",
  ]);
});

it("keepLine keeps nothing outside a run", () => {
  logs.remove();
  keepLine("eyJhbGciOiJub25lIn0.e");
  expect(existsSync(logs.folder)).toBe(false);
});

it("shareLogs keeps the lines of all projects of a run in one folder, until the last one ends", () => {
  logs.remove();
  // Journeys of the same run have begun, and the processes of tests inherit their count.
  vi.stubEnv("TEST_CLUSTER_LOG_USERS", "0");
  const [first, second] = [shareLogs(), shareLogs()];
  expect(second.folder).toBe(first.folder);
  first.remove();
  keepLine("a line");
  expect(searchLogs(second.folder).lines).toEqual(["a line"]);
  second.remove();
  expect(existsSync(second.folder)).toBe(false);
  vi.unstubAllEnvs();
});
