import { devRingFile, shortName } from "./files.ts";

/**
 * How to give workers the keys that they need of a ring file, as the next step after it was changed. Each gets its part, those
 * first that only verify: nobody may get a signature whose key he does not know.
 */
export function giveKeys(file: string): string {
  if (file === devRingFile) return "  (the workers of `npm start` have them once it is started again)";
  return `  npm run deploy -- --env production --ring ${shortName(file)} --secrets-only`;
}

/** ` --ring <file>`, where a command would take another by itself. */
export function ringWords(file: string): string {
  return file === devRingFile ? "" : ` --ring ${shortName(file)}`;
}
