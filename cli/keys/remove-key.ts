import { after, rfc3339, systemClock, unixSeconds } from "../../src/base/time.ts";
import { keyStateOf } from "../../src/keys/life.ts";
import { type Command, endFailed, endMisused, good } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { changeRing, uploadCommand } from "../lib/ring-file.ts";
import { whichCatalogOptions } from "../lib/which-catalog.ts";
import { catalogWanted } from "./rotate-ring.ts";
import { deploymentOf, rotationOptions } from "./rotation-times.ts";

export const keysRemoveCommand: Command = {
  name: "keys remove",
  summary: "remove a retired key from a key ring",
  operands: [],
  options: {
    ...ringOption,
    ...whichCatalogOptions,
    kid: { type: "string" },
    "head-start": rotationOptions["head-start"],
  },
  help: `Removes a key from a ring file permanently: a retired key, or a next key that never signed. Other keys are refused.

  --kid <kid>       the key
  --catalog <file>  for a next cloudfront key: the catalog, whose assets must not name it;
                    or --api <url> and --bearer <file> for the one that is live
  --head-start <time>  how long the workers need to receive a new ring (1h): a key with an earlier nbf is refused
  --ring <file>     the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const kid = given.one("kid") ?? endMisused("Name the key: --kid <kid>.");
    const file = ringFileOf(given);
    await readRing(given); // changeRing would create a missing file
    const now = systemClock();
    const deployment = await deploymentOf(given);
    const { purpose, state } = await changeRing(file, async ({ keys }) => {
      const key =
        keys.find((other) => other.kid === kid) ??
        endFailed(`${shortName(file)} has no key ${JSON.stringify(kid)}. \`npx stagedoor keys list\` names its keys.`);
      const state = keyStateOf(key, keys, now);
      if (state === "active" || state === "retiring")
        endFailed(
          `${kid} is ${state}: its signatures would be refused. \`npx stagedoor keys rotate --purpose ${key.purpose}\` retires a key once everything that it signed has expired.`,
        );
      // Isolates that still use the old ring start to sign with the key at its nbf.
      if (state === "next" && key.state === undefined && (key.nbf ?? 0) < after(now, deployment.headStart))
        endFailed(
          `${kid} starts to sign at ${rfc3339(unixSeconds(key.nbf ?? 0))} (nbf), before every worker has the ring without it. Keep it, and retire it later with \`npx stagedoor keys rotate --purpose ${key.purpose}\`.`,
        );
      if (state === "next" && key.purpose === "cloudfront") checkNamed(kid, deployment.assets);
      return { keys: keys.filter((other) => other !== key), result: { purpose: key.purpose, state } };
    });
    const text =
      state === "next"
        ? `The next key ${kid} was removed from ${shortName(file)}.\n\nNext: remove it from the workers that have it:\n${uploadCommand(file)}`
        : `The retired key ${kid} was removed from ${shortName(file)}.`;
    return good(text, { kid, purpose, state, ring: file });
  },
};

function checkNamed(
  kid: string,
  assets:
    | readonly { readonly id: string; readonly cloudfront?: { readonly keyPairId?: string | undefined } | undefined }[]
    | undefined,
): void {
  const named = assets ?? endMisused(catalogWanted);
  const pins = named.filter(({ cloudfront }) => cloudfront?.keyPairId === kid).map(({ id }) => id);
  if (pins.length > 0) endFailed(`${kid} signs for ${pins.join(", ")}: remove keyPairId from those assets first.`);
}
