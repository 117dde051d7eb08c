import { secretsIn, withoutSecrets } from "./secrets.ts";

/** Searches the console output of tests in every project. Output with a secret is hidden, and fails the run. */
export function searchConsole(text: string): false | undefined {
  const kinds = secretsIn(text);
  if (kinds.length === 0) return undefined;
  process.exitCode = 1;
  process.stderr.write(`a test printed ${kinds.join(", ")}: ${withoutSecrets(text)}\n`);
  return false;
}
