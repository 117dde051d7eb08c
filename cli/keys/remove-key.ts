import { after, rfc3339, systemClock, unixSeconds } from "../../src/base/time.ts";
import { keyStateOf } from "../../src/keys/life.ts";
import { type Command, endFailed, endMisused, succeeded } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { noSuchKey } from "../lib/make-key.ts";
import { changeRing, uploadCommand, uploadPhrase } from "../lib/ring-file.ts";
import { whichCatalogOptions } from "../lib/which-catalog.ts";
import { catalogMissing } from "./rotate-ring.ts";
import { rotationContextOf, rotationOptions } from "./rotation-times.ts";

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

  --kid <kid>          the key
  --catalog <file>     for a next cloudfront key: the catalog, whose assets must not name the key;
                       or --api <url> and --bearer <file> for the deployed catalog
  --head-start <time>  how long the workers need to receive a new ring (1h); a next key that starts to sign before that
                       (nbf) is refused
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const kid = args.value("kid") ?? endMisused("--kid is missing: name the key, --kid <kid>.");
    const file = ringFileOf(args);
    await readRing(args); // changeRing would create a missing file
    const now = systemClock();
    const { headStart, assets } = await rotationContextOf(args);
    const { purpose, state } = await changeRing(file, async ({ keys }) => {
      const key = keys.find((other) => other.kid === kid) ?? endFailed(noSuchKey(kid, file));
      const state = keyStateOf(key, keys, now);
      if (state === "active" || state === "retiring")
        endFailed(
          `${kid} is ${state}: without it, valid signatures would be refused. \`npx stagedoor keys rotate --purpose ${key.purpose}\` retires a key once everything that it signed has expired.`,
        );
      // Isolates with the old ring start to sign with the key at its nbf.
      if (state === "next" && key.state === undefined && (key.nbf ?? 0) < after(now, headStart))
        endFailed(
          `${kid} starts to sign at ${rfc3339(unixSeconds(key.nbf ?? 0))} (nbf), before every worker has the ring without it. Keep it, and retire it later with \`npx stagedoor keys rotate --purpose ${key.purpose}\`.`,
        );
      if (state === "next" && key.purpose === "cloudfront") checkNotNamed(kid, assets);
      return { keys: keys.filter((other) => other !== key), result: { purpose: key.purpose, state } };
    });
    const text =
      state === "next"
        ? `The next key ${kid} was removed from ${shortName(file)}.\n\nNext: ${uploadPhrase(file, "remove it from the workers that have it")}:\n${uploadCommand(file)}`
        : `The retired key ${kid} was removed from ${shortName(file)}.`;
    return succeeded(text, { kid, purpose, state, ring: file });
  },
};

function checkNotNamed(
  kid: string,
  assets:
    | readonly { readonly id: string; readonly cloudfront?: { readonly keyPairId?: string | undefined } | undefined }[]
    | undefined,
): void {
  const known = assets ?? endMisused(catalogMissing);
  const ids = known.filter(({ cloudfront }) => cloudfront?.keyPairId === kid).map(({ id }) => id);
  if (ids.length > 0) endFailed(`${kid} signs for ${ids.join(", ")}: remove keyPairId from those assets first.`);
}
