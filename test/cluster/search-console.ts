import { secretsIn, withoutSecrets } from "./secrets.ts";

/** Searches what tests print to the console, in every project: what no log may hold is not shown, and fails the run. */
export function searchConsole(text: string): false | undefined {
  const kinds = secretsIn(text);
  if (kinds.length === 0) return undefined;
  process.exitCode = 1;
  process.stderr.write(`a test printed ${kinds.join(", ")}: ${withoutSecrets(text)}\n`);
  return false;
}
