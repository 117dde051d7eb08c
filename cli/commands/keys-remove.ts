import { systemClock } from "../../src/base/seconds.ts";
import { keyStateOf } from "../../src/keys/life.ts";
import type { Command } from "./command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "./files.ts";
import { giveKeys } from "./give-keys.ts";
import { endFailed, endMisused, good } from "./outcome.ts";
import { changeRing } from "./ring-file.ts";
import { deploymentOf } from "./rotation-times.ts";

export const keysRemoveCommand: Command = {
  name: "keys remove",
  summary: "take a key out of a ring file that nobody needs any more",
  operands: [],
  options: { ...ringOption, kid: { type: "string" }, catalog: { type: "string" } },
  help: `Takes a key out of a ring file for good: one that is retired, or a next one that never signed. Others are refused.

  --kid <kid>       the key
  --catalog <file>  for a next cloudfront key: the catalog, whose assets must not name it
  --ring <file>     the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const kid = given.one("kid") ?? endMisused("Name the key: --kid <kid>.");
    const file = ringFileOf(given);
    await readRing(given); // so that a ring that is not there is not made
    const now = systemClock();
    const { purpose, state } = await changeRing(file, async ({ keys }) => {
      const key =
        keys.find((other) => other.kid === kid) ??
        endFailed(`${shortName(file)} has no key ${JSON.stringify(kid)}. \`npx stagedoor keys list\` names its keys.`);
      const state = keyStateOf(key, keys, now);
      if (state === "active" || state === "retiring")
        endFailed(
          `${kid} is ${state}: what it signed would be refused. \`npx stagedoor keys rotate --purpose ${key.purpose}\` retires a key when nothing of it is left.`,
        );
      if (state === "next" && key.purpose === "cloudfront") checkNamed(kid, deploymentOf(given).assets);
      return { keys: keys.filter((other) => other !== key), result: { purpose: key.purpose, state } };
    });
    const text =
      state === "next"
        ? `${kid} was next and is gone from ${shortName(file)}.\n\nNow: take it from the workers that have it:\n${giveKeys(file)}`
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
  const named =
    assets ?? endMisused("Name the catalog, --catalog <file>: an asset that names a key is signed with it.");
  const pins = named.filter(({ cloudfront }) => cloudfront?.keyPairId === kid).map(({ id }) => id);
  if (pins.length > 0) endFailed(`${kid} signs for ${pins.join(", ")}: take keyPairId out of the catalog there first.`);
}
