import { basename } from "node:path";
import type { RingKey } from "../../src/keys/key.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { devRingFile, parseJson, parseRingText, rewriteFile, shortName } from "./files.ts";

/**
 * Puts what `change` makes of a ring's keys into its file, as {@link rewriteFile} does; it is made where there is none (mode
 * 0600, its folder 0700). A file that holds no sound ring is left as it is, and so is one whose `change` throws, or gives
 * back the keys that it got.
 */
export function changeRing<Result>(
  name: string,
  change: (ring: KeyRing) => Promise<{ readonly keys: readonly RingKey[]; readonly result: Result }>,
): Promise<Result> {
  return rewriteFile(name, "secret", async (text) => {
    const before = text ?? '{"keys": []}';
    const ring = parseRingText(name, before);
    const { keys, result } = await change(ring);
    if (keys === ring.keys) return { text: undefined, result };
    return { text: `${JSON.stringify({ ...Object(parseJson(before)), keys }, null, 2)}\n`, result };
  });
}

/** The environment that a ring is for, by its file's name: keys-staging.json is not to be given to production. */
function environmentOf(file: string): "staging" | "production" {
  return basename(file).includes("staging") ? "staging" : "production";
}

/**
 * The command that uploads a changed ring file to the workers, verifiers first: each signature has to meet a worker that has
 * its key.
 */
export function uploadCommand(file: string): string {
  if (file === devRingFile) return "  (the workers of `npm start` have them once it is started again)";
  return `  npm run deploy -- --env ${environmentOf(file)} --ring ${shortName(file)} --secrets-only`;
}

/** The same for the first keys of a ring: where no worker runs yet, it is deployed with them. */
export function firstUploadCommand(file: string): string {
  if (file === devRingFile) return uploadCommand(file);
  return `  npm run deploy -- --env ${environmentOf(file)} --ring ${shortName(file)}
where no worker runs yet, which deploys them, too; workers that run are given them by
${uploadCommand(file)}`;
}

/** ` --ring <file>`, where a command would take another by itself. */
export function ringArgument(file: string): string {
  return file === devRingFile ? "" : ` --ring ${shortName(file)}`;
}
