import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RingKey } from "../../src/keys/key.ts";
import { secretsIn, withoutSecrets } from "./secrets.ts";

/** Names the folder of a test run's cluster logs. The processes of the tests inherit it. */
const variable = "TEST_CLUSTER_LOGS";

interface LogEntry {
  readonly line?: string;
  readonly secret?: string;
}

/** Keeps the logs of all clusters that start from now on, in this process and in its child processes. */
export function keepLogs(): { readonly folder: string; readonly remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-logs-"));
  process.env[variable] = folder;
  return {
    folder,
    remove: () => {
      delete process.env[variable];
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The number of projects of this run that have started workers. Each has its own copy of this module. */
const users = "TEST_CLUSTER_LOG_USERS";

/** As {@link keepLogs}, but all projects of a run share one folder: a line goes to the folder that is named when it is logged. */
export function shareLogs(): ReturnType<typeof keepLogs> {
  const count = Number(process.env[users] ?? "0");
  const folder = process.env[variable];
  const logs = count > 0 && folder !== undefined ? folder : keepLogs().folder;
  process.env[users] = String(count + 1);
  return {
    folder: logs,
    remove: () => {
      const left = Number(process.env[users]) - 1;
      process.env[users] = String(left);
      if (left > 0) return;
      delete process.env[variable];
      rmSync(logs, { recursive: true, force: true });
    },
  };
}

/** Keeps a line of a cluster's log, to be searched at the end of the run. It does nothing outside such a run. */
export function keepLine(line: string): void {
  keep({ line });
}

/** Keeps the secrets that no line may contain: private halves of keys, and the secrets in a test's settings. */
export function keepSecrets(keys: readonly RingKey[], ...secrets: readonly Readonly<Record<string, string>>[]): void {
  const halves = keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
  const named = secrets.flatMap(Object.entries).filter(([name]) => !/^STAGEDOOR_/.test(name) || /SECRET$/.test(name));
  for (const secret of [...halves, ...named.map(([, value]) => value)])
    if (typeof secret === "string" && secret.length >= 8) keep({ secret });
}

/** All lines in a folder, and the findings: each line with a secret, without the secret. */
export function searchLogs(folder: string): {
  readonly lines: readonly string[];
  readonly findings: readonly string[];
} {
  const entries = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((row) => row !== "")
      .map((row): LogEntry => JSON.parse(row)),
  );
  const secrets = new Set(entries.flatMap(({ secret = "" }) => secret || []));
  const lines = entries.flatMap(({ line }) => line ?? []);
  const findings = lines.flatMap((line) => {
    const kinds = secretsIn(line, secrets);
    return kinds.length === 0 ? [] : [`${kinds.join(", ")} in: ${withoutSecrets(line, secrets)}`];
  });
  return { lines, findings };
}

function keep(row: LogEntry): void {
  const folder = process.env[variable];
  if (folder !== undefined) appendFileSync(join(folder, `${process.pid}.ndjson`), `${JSON.stringify(row)}\n`);
}
