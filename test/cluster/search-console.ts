import { secretsIn, withoutSecrets } from "./secrets.ts";

/**
 * Searches what tests print to the console, in every project. A test prints nothing, so any line fails the run; one that
 * holds what no log may is not shown.
 */
export function searchConsole(text: string): false | undefined {
  process.exitCode = 1;
  const kinds = secretsIn(text);
  if (kinds.length === 0) {
    process.stderr.write("a test printed a line to the console:\n");
    return undefined;
  }
  process.stderr.write(`a test printed ${kinds.join(", ")}: ${withoutSecrets(text)}\n`);
  return false;
}
