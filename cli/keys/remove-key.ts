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
  summary: "take a key out of a ring file that nobody needs any more",
  operands: [],
  options: {
    ...ringOption,
    ...whichCatalogOptions,
    kid: { type: "string" },
    "head-start": rotationOptions["head-start"],
  },
  help: `Takes a key out of a ring file for good: one that is retired, or a next one that never signed. Others are refused.

  --kid <kid>       the key
  --catalog <file>  for a next cloudfront key: the catalog, whose assets must not name it;
                    or --api <url> and --bearer <file> for the one that is live
  --head-start <time>  how long the workers take to have a new ring (1h): a key that signs by the clock (nbf) before that stays
  --ring <file>     the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const kid = given.one("kid") ?? endMisused("Name the key: --kid <kid>.");
    const file = ringFileOf(given);
    await readRing(given); // so that a ring that is not there is not made
    const now = systemClock();
    const deployment = await deploymentOf(given);
    const { purpose, state } = await changeRing(file, async ({ keys }) => {
      const key =
        keys.find((other) => other.kid === kid) ??
        endFailed(`${shortName(file)} has no key ${JSON.stringify(kid)}. \`npx stagedoor keys list\` names its keys.`);
      const state = keyStateOf(key, keys, now);
      if (state === "active" || state === "retiring")
        endFailed(
          `${kid} is ${state}: what it signed would be refused. \`npx stagedoor keys rotate --purpose ${key.purpose}\` retires a key when nothing of it is left.`,
        );
      // Isolates that go on with the ring of before sign with it then.
      if (state === "next" && key.state === undefined && (key.nbf ?? 0) < after(now, deployment.headStart))
        endFailed(
          `${kid} begins to sign at ${rfc3339(unixSeconds(key.nbf ?? 0))} by the clock, before every worker would be without it. Let it, and retire it with \`npx stagedoor keys rotate --purpose ${key.purpose}\`.`,
        );
      if (state === "next" && key.purpose === "cloudfront") checkNamed(kid, deployment.assets);
      return { keys: keys.filter((other) => other !== key), result: { purpose: key.purpose, state } };
    });
    const text =
      state === "next"
        ? `${kid} was next and is gone from ${shortName(file)}.\n\nNow: take it from the workers that have it:\n${uploadCommand(file)}`
        : `${kid} was retired and is gone from ${shortName(file)}.`;
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
  if (pins.length > 0) endFailed(`${kid} signs for ${pins.join(", ")}: take keyPairId out of the catalog there first.`);
}
