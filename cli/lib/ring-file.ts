import { basename } from "node:path";
import { uploadableSecrets } from "../../src/deployment/wrangler-config.ts";
import type { RingKey } from "../../src/keys/key.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { ownConfig } from "./deployment-folder.ts";
import { devRingFile, parseJson, parseRingText, rewriteFile, shortName } from "./files.ts";
import { deployProgram, startProgram } from "./project.ts";

/**
 * Replaces the keys in a ring file with {@link rewriteFile}, and creates a missing file (mode 0600, its folder 0700). The file
 * stays as it is if it is not a valid ring, or if `change` throws or returns the same keys.
 */
export function changeRing<Result>(
  file: string,
  change: (ring: KeyRing) => Promise<{ readonly keys: readonly RingKey[]; readonly result: Result }>,
): Promise<Result> {
  return rewriteFile(file, "secret", async (text) => {
    const before = text ?? '{"keys": []}';
    const ring = parseRingText(file, before);
    const { keys, result } = await change(ring);
    if (keys === ring.keys) return { text: undefined, result };
    return { text: `${JSON.stringify({ ...Object(parseJson(before)), keys }, null, 2)}\n`, result };
  });
}

/** The environment that a ring belongs to, by the name of its file: keys-staging.json belongs to staging. */
function environmentOf(file: string): "staging" | "production" {
  return basename(file).includes("staging") ? "staging" : "production";
}

/** Whether the ring in a file belongs to `npx stagedoor serve`, which reads it, and not to workers, which need an upload. */
export function isReadByServe(file: string): boolean {
  return file !== devRingFile && ownConfig()?.host.type === "node";
}

/** The instruction in front of {@link uploadCommand}. `upload` is the one for workers. */
export function uploadPhrase(file: string, upload = "upload the keys to the workers"): string {
  return isReadByServe(file) ? "let the service read the ring again" : upload;
}

/**
 * The command that uploads a changed ring to the workers, or lets serve read it. Verifiers get it first, so that they know
 * each key before it signs; serve comes before nginx, because it answers for keys that nginx does not know.
 */
export function uploadCommand(file: string): string {
  if (file === devRingFile) return `  (restart \`${startProgram}\`: its workers read the ring when they start)`;
  if (isReadByServe(file))
    return `  (start \`npx stagedoor serve --env ${environmentOf(file)} --ring ${shortName(file)}\`; if it runs, send it SIGHUP, so that it reads the ring)
If nginx checks signatures, then also:
  npx stagedoor nginx --out <folder>
  nginx -t -c <folder>/nginx.conf && nginx -s reload -c <folder>/nginx.conf`;
  return `  ${deployProgram} --env ${environmentOf(file)} --ring ${shortName(file)} --secrets-only`;
}

/** The upload command for the first keys of a ring: a first deployment uploads them itself. */
export function firstUploadCommand(file: string): string {
  const config = ownConfig();
  if (file === devRingFile || config?.host.type === "node") return uploadCommand(file);
  const secrets = config !== undefined && uploadableSecrets(config).length > 0;
  const first = `${config === undefined ? "" : " --create"}${secrets ? ` --secrets secrets-${environmentOf(file)}.env` : ""}`;
  return `  ${deployProgram} --env ${environmentOf(file)} --ring ${shortName(file)}${first}
This deploys the workers too. If they run already, only upload the keys:
${uploadCommand(file)}`;
}

/** ` --ring <file>`, unless the file is the default of the option. */
export function ringArgument(file: string): string {
  return file === devRingFile ? "" : ` --ring ${shortName(file)}`;
}
