import { type WorkerName, workerNames } from "../../src/config/configuration.ts";
import { devRingFile, shortName } from "./files.ts";

/**
 * How to give workers the keys that they need of a ring file, as the next step after one was added to it. Not the file
 * itself: it holds private halves that most of the workers never need.
 */
export function giveKeys(file: string, workers: readonly WorkerName[] = workerNames): string {
  const lines = workers.map((worker) => {
    const config = worker === "edge" ? "" : ` --config workers/${worker}/wrangler.toml`;
    return `  npx stagedoor keys for ${worker}${ringWords(file)} | npx wrangler secret put STAGEDOOR_KEYS${config}`;
  });
  return lines.join("\n");
}

/** ` --ring <file>`, where a command would take another by itself. */
export function ringWords(file: string): string {
  return file === devRingFile ? "" : ` --ring ${shortName(file)}`;
}
