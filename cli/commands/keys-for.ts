import { systemClock } from "../../src/base/seconds.ts";
import { devKidPrefix, readConfiguration, workerNames } from "../../src/config/configuration.ts";
import { ringFor } from "../../src/config/worker-ring.ts";
import { withoutStates } from "../../src/keys/plain.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import type { Command } from "./command.ts";
import { readRing, ringOption } from "./files.ts";
import { endMisused, failed, good } from "./outcome.ts";

export const keysForCommand: Command = {
  name: "keys for",
  summary: "print the part of the ring that a worker needs, secrets and all",
  operands: ["<api|manifest|edge>"],
  options: { ...ringOption, plain: { type: "boolean" } },
  help: `Prints a worker's part of the key ring as JSON, for its secret STAGEDOOR_KEYS. The output holds secrets: pipe it on,
as in

  npx stagedoor keys for edge --ring keys.json | npx wrangler secret put STAGEDOOR_KEYS --env production

The edge and the API worker get no private half of a CloudFront key, and none gets a key that signs bearer tokens or
operators' credentials: of those the API gets the public halves. A retired key nobody gets.

  --plain              without the states of keys, for a release that does not know them, after a roll-back
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const worker = workerNames.find((name) => name === given.operands[0]);
    if (worker === undefined) return endMisused(`Name a worker: ${workerNames.join(", ")}.`);
    const ring = ringFor(worker, await readRing(given));
    if (ring.keys.length === 0)
      return failed("The ring holds no key for this worker. `npx stagedoor keys new --purpose session` makes one.");
    const faults = refusedOf(ring);
    if (faults.length > 0)
      return failed(`A worker would refuse this part of the ring, and with it every request:\n${faults.join("\n")}`);
    const keys = given.on("plain") ? withoutStates(ring.keys, systemClock()) : ring.keys;
    const dev = keys.some(({ kid }) => kid.startsWith(devKidPrefix));
    return good(
      JSON.stringify({ keys }),
      { keys },
      dev
        ? "These are development keys: a worker takes them with STAGEDOOR_ENV=development alone. --ring names another ring."
        : undefined,
    );
  },
};

/** What a worker says against its keys, whatever its other settings are. */
function refusedOf(ring: KeyRing): readonly string[] {
  const read = readConfiguration({ STAGEDOOR_ENV: "development", STAGEDOOR_KEYS: JSON.stringify(ring) });
  return read.ok ? [] : read.refusal.filter((fault) => fault.startsWith("STAGEDOOR_KEYS:"));
}
