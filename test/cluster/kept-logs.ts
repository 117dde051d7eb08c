import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RingKey } from "../../src/keys/key.ts";
import { secretsIn, withoutSecrets } from "./secrets.ts";

/** Names the folder that every process of a test run keeps its clusters' logs in; processes that tests run in inherit it. */
const variable = "TEST_CLUSTER_LOGS";

interface Kept {
  readonly line?: string;
  readonly secret?: string;
}

/** Keeps the logs of the clusters that are started from now on, here and in the processes that this one starts. */
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

/** Keeps a line of a cluster's log to be searched at the end of the run; nothing where no run wants it. */
export function keepLine(line: string): void {
  keep({ line });
}

/** Keeps in mind what none of the lines may hold: private halves of keys, and secrets that a test gives to the workers. */
export function keepSecrets(keys: readonly RingKey[], ...secrets: readonly Readonly<Record<string, string>>[]): void {
  const halves = keys.flatMap((key) => [Reflect.get(key, "k"), Reflect.get(key, "d")]);
  const named = secrets.flatMap(Object.entries).filter(([name]) => !/^STAGEDOOR_/.test(name) || /SECRET$/.test(name));
  for (const secret of [...halves, ...named.map(([, value]) => value)])
    if (typeof secret === "string" && secret.length >= 8) keep({ secret });
}

/** All lines that were kept in a folder, and those that hold what none may, each named without it. */
export function searchLogs(folder: string): {
  readonly lines: readonly string[];
  readonly findings: readonly string[];
} {
  const kept = readdirSync(folder).flatMap((file) =>
    readFileSync(join(folder, file), "utf8")
      .split("\n")
      .filter((row) => row !== "")
      .map((row): Kept => JSON.parse(row)),
  );
  const secrets = new Set(kept.flatMap(({ secret = "" }) => secret || []));
  const lines = kept.flatMap(({ line }) => line ?? []);
  const findings = lines.flatMap((line) => {
    const kinds = secretsIn(line, secrets);
    return kinds.length === 0 ? [] : [`${kinds.join(", ")} in: ${withoutSecrets(line, secrets)}`];
  });
  return { lines, findings };
}

function keep(row: Kept): void {
  const folder = process.env[variable];
  if (folder !== undefined) appendFileSync(join(folder, `${process.pid}.ndjson`), `${JSON.stringify(row)}\n`);
}
