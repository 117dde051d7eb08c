import { isUnixSeconds, rfc3339, systemClock, type UnixSeconds } from "../../src/base/seconds.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor, signingKey, stillTaken } from "../../src/keys/ring.ts";
import type { Command } from "./command.ts";
import { readRing, ringOption } from "./files.ts";
import { operatorSigningKey } from "./operator-token.ts";
import { good } from "./outcome.ts";
import { table } from "./table.ts";

export const keysListCommand: Command = {
  name: "keys list",
  summary: "list the keys of a ring, never their secrets",
  operands: [],
  options: ringOption,
  help: `Lists a ring's keys: kid, purpose, type, what each does now, and its window. Never a secret.

  signs      new signatures are made with it
  verifies   what it signed is taken, and another signs
  to come    it signs once its nbf has come; what it signs is taken already
  ended      nobody takes it any more
  by asset   it signs for the assets that name it as keyPairId

  --ring <file>  the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const now = systemClock();
    const ring = await readRing(given);
    const keys = ring.keys.map((key) => {
      const { kid, purpose, kty, alg, nbf, exp } = key;
      return { kid, purpose, kty, alg, state: stateOf(key, ring, now), nbf, exp };
    });
    const rows = keys.map(({ kid, purpose, kty, state, nbf, exp }) => [kid, purpose, kty, state, time(nbf), time(exp)]);
    const text =
      keys.length === 0 ? "The ring is empty." : table([["KID", "PURPOSE", "TYPE", "NOW", "NBF", "EXP"], ...rows]);
    return good(text, { keys });
  },
};

function stateOf(key: RingKey, ring: KeyRing, now: UnixSeconds): string {
  if (!stillTaken(key, now)) return "ended";
  if (key.purpose !== "session" && key.d === undefined) return "verifies";
  if (key.purpose === "cloudfront") return "by asset";
  if (key.purpose === "token") return keysFor(ring, "token")[0] === key ? "signs" : "verifies";
  if ((key.nbf ?? 0) > now) return "to come";
  const signing = key.purpose === "operator" ? operatorSigningKey(ring) : signingKey(keysFor(ring, "session"), now);
  return signing === key ? "signs" : "verifies";
}

function time(value: number | undefined): string {
  return isUnixSeconds(value) ? rfc3339(value) : "-";
}
