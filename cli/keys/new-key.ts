import { rfc3339, systemClock, unixSeconds } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { introduced } from "../../src/keys/rotation.ts";
import { type Command, endFailed, endMisused, type Given, good } from "../lib/command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { type KeyKind, makeKey, nameOf, newKid, purposeOf } from "../lib/make-key.ts";
import { changeRing, giveFirstKeys, giveKeys, ringWords } from "../lib/ring-file.ts";
import { readWindow } from "../lib/text.ts";
import { nameOfOnesOwn } from "./bind-key.ts";

export const keysNewCommand: Command = {
  name: "keys new",
  summary: "add a key to a key ring file",
  operands: [],
  options: {
    ...ringOption,
    purpose: { type: "string" },
    cdn: { type: "string" },
    type: { type: "string" },
    kid: { type: "string" },
    nbf: { type: "string" },
    exp: { type: "string" },
    show: { type: "boolean" },
  },
  help: `Adds a key to a key ring file, which is made (readable by you alone) where there is none.
The first key of a purpose is active: it signs. One beside others is next, until npx stagedoor keys rotate activates it;
with --nbf the clock does. The key itself is not shown.

  --purpose session      a secret for grants and URL signatures, shared by the three workers
  --purpose cloudfront   a key pair for CloudFront's signed URLs, with --type rsa (2048 bits) or ec (P-256);
                         --cdn cloudfront is the same
  --purpose operator     a key pair that signs operators' credentials: npx stagedoor operator new makes the first
  --kid <id>             its name: A-Z a-z 0-9 . _ - (made up where it is left out)
  --nbf <time>           when it begins to sign by the clock: now, +8h, 1795000000, 2026-11-18T11:06:40Z
  --exp <time>           when nobody takes it any more (never)
  --ring <file>          the key ring (.stagedoor/keys.json of the project)
  --show                 show the whole key, its secret too`,
  run: async (given) => {
    const kind = readKind(given);
    const file = ringFileOf(given);
    const window = readWindow(given);
    const kid = given.one("kid") ?? newKid(nameOf(kind), file);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(kid)) endMisused("--kid takes 1 to 64 characters of A-Z a-z 0-9 . _ -.");
    if (purposeOf(kind) === "cloudfront") nameOfOnesOwn(kid);
    // The development ring is made whole first: `npm start` needs all of its keys.
    if (given.one("ring") === undefined) await readRing(given);
    const now = systemClock();
    const made = { ...(await makeKey(kind, kid, now)), ...window };
    const { key, first } = await changeRing(file, async (ring) => {
      if (ring.keys.some((other) => other.kid === kid))
        endFailed(`${shortName(file)} has a key with the kid "${kid}" already: choose another with --kid.`);
      const keys = window.nbf === undefined ? introduced(ring.keys, made, purposeOf(kind), now) : [...ring.keys, made];
      return { keys, result: { key: keys.at(-1) ?? made, first: ring.keys.length === 0 } };
    });
    const { purpose, kty, alg, state, nbf, exp } = key;
    const json = { kid, purpose, kty, alg, state, nbf, exp, ring: file, ...(given.on("show") ? { key } : {}) };
    const about = `${kid}  (${purpose}, ${kty}) added to ${shortName(file)}`;
    const secret = given.on("show") ? `\n\n${JSON.stringify(key, null, 2)}` : "";
    return good(`${about}${secret}\n\n${nextSteps(key, first, file)}`, json);
  },
};

/** `--purpose`, or for CloudFront's keys `--cdn cloudfront`. */
export function readPurpose(given: Given): string | undefined {
  const cdn = given.one("cdn");
  const purpose = given.one("purpose");
  if (cdn === undefined) return purpose;
  if (cdn !== "cloudfront" || (purpose !== undefined && purpose !== cdn))
    endMisused("--cdn takes cloudfront, which is --purpose cloudfront.");
  return cdn;
}

function readKind(given: Given): KeyKind {
  const purpose = readPurpose(given);
  const type = given.one("type");
  if (purpose === "session" || purpose === "operator")
    return type === undefined
      ? purpose
      : endMisused(`--type is for --purpose cloudfront: a key for ${purpose} has one type.`);
  if (purpose !== "cloudfront")
    return endMisused("Say what the key is for: --purpose session, cloudfront or operator.");
  return type === "rsa" || type === "ec"
    ? type
    : endMisused("A cloudfront key needs --type rsa (2048 bits) or --type ec (P-256, 15 times faster).");
}

function nextSteps(key: RingKey, first: boolean, file: string): string {
  const give = first ? giveFirstKeys(file) : giveKeys(file);
  const { kid, purpose, state, nbf } = key;
  const begins =
    state === "next"
      ? `It is next: it is taken once the workers have it, and signs once \`npx stagedoor keys rotate --purpose ${purpose}\` activates it.`
      : state === "active" || nbf === undefined
        ? "It is active."
        : `It signs from ${rfc3339(unixSeconds(nbf))} on, and is taken from now on.`;
  if (purpose === "session") return `${begins} Next: give each worker the keys that it needs:\n${give}`;
  if (purpose === "operator")
    return `${begins} Next: give the API its public half:
${give}
Then make credentials with npx stagedoor operator new${ringWords(file)}.`;
  return `${begins} Next: npx stagedoor keys export --kid ${kid} --format pem${ringWords(file)}
Upload what it prints as a public key to CloudFront and put it into a key group (--format cloudformation, terraform or aws-cli
does both); then record the id that CloudFront gave to it, npx stagedoor keys bind --kid ${kid} --id <id>${ringWords(file)}.
Then give each worker the keys that it needs:
${give}`;
}
