import { systemClock } from "../../src/base/seconds.ts";
import { workerNames } from "../../src/config/configuration.ts";
import { ringFor } from "../../src/config/worker-ring.ts";
import { withoutStates } from "../../src/keys/plain.ts";
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
    const keys = given.on("plain") ? withoutStates(ring.keys, systemClock()) : ring.keys;
    return good(JSON.stringify({ keys }), { keys });
  },
};
