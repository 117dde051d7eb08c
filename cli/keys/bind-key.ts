import { systemClock } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { keyStateOf } from "../../src/keys/life.ts";
import { type Command, endFailed, endMisused, succeeded } from "../lib/command.ts";
import { devRingFile, readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { cloudFrontId, hasCloudFrontId, noSuchKey, usualCloudFrontId } from "../lib/make-key.ts";
import { changeRing, uploadCommand, uploadPhrase } from "../lib/ring-file.ts";

export const keysBindCommand: Command = {
  name: "keys bind",
  summary: "record the id that CloudFront assigned to a key",
  operands: [],
  options: { ...ringOption, kid: { type: "string" }, id: { type: "string" }, imported: { type: "boolean" } },
  help: `Records the id that CloudFront assigned to a public key (Key-Pair-Id in its URLs): it becomes the key's kid in the ring.
The ring also records how CloudFront got the key: from npx stagedoor keys export, which continues to manage it, or (with
--imported) in another way. Nothing else changes.

  --kid <kid>    the key's current kid
  --id <id>      the id that CloudFront returned: capital letters and digits, such as K2JCJMDEHXQW5F
  --imported     CloudFront had the key before the ring did. Also corrects the record of a key that already has its id.
                 Never use it for a key that CloudFormation or Terraform created from keys export: the next apply would
                 delete the key
  --ring <file>  the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const kid = args.value("kid") ?? endMisused("--kid is missing: name the key of the ring, --kid <kid>.");
    const id = args.value("id") ?? endMisused("--id is missing: give the id that CloudFront returned, --id <id>.");
    if (!cloudFrontId.test(id))
      endMisused(
        `--id must be the id of a CloudFront public key, in capital letters and digits such as K2JCJMDEHXQW5F, not "${id}". Key group ids and ARNs are not accepted. \`aws cloudfront list-public-keys\` lists the ids.`,
      );
    const file = ringFileOf(args);
    const ring = await readRing(args); // changeRing would create a missing file
    if (!ring.keys.some((key) => key.kid === kid)) endFailed(noSuchKey(kid, file));
    const now = systemClock();
    const state = await changeRing(file, async ({ keys }) => {
      const key = keys.find((other) => other.kid === kid) ?? endFailed(noSuchKey(kid, file));
      if (key.purpose !== "cloudfront")
        endFailed(
          `"${kid}" has the purpose ${key.purpose}, but only cloudfront keys have a CloudFront id: name one of those.`,
        );
      const imported = args.flag("imported");
      if (kid === id && imported && key.cloudfront !== "imported")
        return {
          keys: keys.map((other) => (other === key ? { ...key, cloudfront: "imported" as const } : other)),
          result: keyStateOf(key, keys, now),
        };
      if (keys.some((other) => other.kid === id))
        endFailed(
          kid === id
            ? `The key already has the id "${id}": there is nothing to do.`
            : `${shortName(file)} has another key with the id "${id}": \`npx stagedoor keys list\` lists both. Check which of them has this id at CloudFront.`,
        );
      // The workers do not have the new kid yet, so the waiting time of a key in state `next` starts again.
      const since = key.state === "next" ? { since: now } : {};
      const cloudfront = imported ? ("imported" as const) : ("bound" as const);
      const renamed = keys.map((other) => (other === key ? { ...key, kid: id, cloudfront, ...since } : other));
      return { keys: renamed, result: keyStateOf(key, keys, now) };
    });
    const warning = usualCloudFrontId.test(id)
      ? undefined
      : `Warning: the ids of CloudFront's public keys begin with K, and those of distributions with E: check "${id}".`;
    if (kid === id)
      return succeeded(
        `${id} is recorded as imported in ${shortName(file)}: keys export lists it in the key group and does not create it.`,
        { kid: id, before: kid, ring: file },
        warning,
      );
    return succeeded(
      `${kid} is now ${id} in ${shortName(file)}

${
  state === "next"
    ? "Its state is next, and its waiting time starts now."
    : `It signs for assets with the keyPairId ${id} and, if it is the ring's active key, for assets without one. Replace ${kid} in the catalog.`
}
Next: ${uploadPhrase(file)}:
${uploadCommand(file)}`,
      { kid: id, before: kid, ring: file },
      warning,
    );
  },
};

/** Whether a key has its CloudFront id. Keys of `npm start` need none, because it runs without CloudFront. */
export function isBound(key: RingKey | undefined, file: string): boolean {
  return file === devRingFile || (key?.purpose === "cloudfront" && hasCloudFrontId(key));
}

/** Ends the command if a new key's kid looks like a CloudFront id: it would be mistaken for one. */
export function refuseCloudFrontId(kid: string): void {
  if (cloudFrontId.test(kid))
    endMisused(
      `"${kid}" looks like a CloudFront id, and this key has none yet: choose another name, for example in lower case, and record the id with \`npx stagedoor keys bind\` after CloudFront has assigned one.`,
    );
}
