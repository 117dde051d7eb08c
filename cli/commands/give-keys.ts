import type { WorkerName } from "../../src/config/configuration.ts";
import { devRingFile, shortName } from "./files.ts";

/** All of them, those first that only verify: nobody may get a signature whose key he does not know. */
export const verifiersFirst: readonly WorkerName[] = ["edge", "manifest", "api"];

/**
 * How to give workers the keys that they need of a ring file, as the next step after it was changed. Not the file itself: it
 * holds private halves that most of the workers never need.
 */
export function giveKeys(file: string, workers: readonly WorkerName[] = verifiersFirst): string {
  if (file === devRingFile) return "  (the workers of `npm start` have them once it is started again)";
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
