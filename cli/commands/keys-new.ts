import { randomBytes } from "node:crypto";
import { rfc3339, systemClock, type UnixSeconds, unixSeconds } from "../../src/base/seconds.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";
import type { Command, Given } from "./command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "./files.ts";
import { giveKeys, ringWords } from "./give-keys.ts";
import { newKid } from "./new-kid.ts";
import { endFailed, endMisused, good } from "./outcome.ts";
import { addToRing } from "./ring-file.ts";
import { readWindow } from "./times.ts";

/** How long a new session key waits before it signs, where others are in use: all workers have to have it by then. */
const headStart = 3600;

export const keysNewCommand: Command = {
  name: "keys new",
  summary: "add a key to a key ring file",
  operands: [],
  options: {
    ...ringOption,
    purpose: { type: "string" },
    type: { type: "string" },
    kid: { type: "string" },
    nbf: { type: "string" },
    exp: { type: "string" },
    show: { type: "boolean" },
  },
  help: `Adds a key to a key ring file, which is made (readable by you alone) where there is none.
The other keys stay as they are. The key itself is not shown.

  --purpose session      a secret for grants and URL signatures, shared by the three workers
  --purpose cloudfront   a key pair for CloudFront's signed URLs, with --type rsa (2048 bits) or ec (P-256)
  --purpose operator     a key pair that signs operators' credentials: npx stagedoor operator new makes the first
  --kid <id>             its name: A-Z a-z 0-9 . _ - (made up where it is left out)
  --nbf <time>           when it begins to sign: now, +8h, 1795000000, 2026-11-18T11:06:40Z
                         (a session or operator key beside others: in an hour, so that the workers have it by then)
  --exp <time>           when nobody takes it any more (never)
  --ring <file>          the key ring (.stagedoor/keys.json of the project)
  --show                 show the whole key, its secret too`,
  run: async (given) => {
    const kind = readKind(given);
    const file = ringFileOf(given);
    const window = readWindow(given);
    const kid = given.one("kid") ?? newKid(nameOf(kind), file);
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(kid)) endMisused("--kid takes 1 to 64 characters of A-Z a-z 0-9 . _ -.");
    // The development ring is made whole first: `npm start` needs all of its keys.
    if (given.one("ring") === undefined) await readRing(given);
    const key = await addToRing(file, async (ring) => {
      if (ring.keys.some((other) => other.kid === kid))
        endFailed(`${shortName(file)} has a key with the kid "${kid}" already: choose another with --kid.`);
      const { exp, nbf = defaultStart(kind, ring) } = window;
      const times = { ...(nbf === undefined ? {} : { nbf }), ...(exp === undefined ? {} : { exp }) };
      return { ...(await newKey(kind, kid)), ...times };
    });
    const { purpose, kty, alg, nbf, exp } = key;
    const json = { kid, purpose, kty, alg, nbf, exp, ring: file, ...(given.on("show") ? { key } : {}) };
    const about = `${kid}  (${purpose}, ${kty}) added to ${shortName(file)}`;
    const secret = given.on("show") ? `\n\n${JSON.stringify(key, null, 2)}` : "";
    return good(`${about}${secret}\n\n${nextSteps(key, file)}`, json);
  },
};

type Kind = "session" | "operator" | "rsa" | "ec";

function readKind(given: Given): Kind {
  const purpose = given.one("purpose");
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

function nameOf(kind: Kind): string {
  return kind === "rsa" || kind === "ec" ? `cloudfront-${kind}` : kind;
}

function defaultStart(kind: Kind, ring: KeyRing): UnixSeconds | undefined {
  if (kind === "rsa" || kind === "ec" || keysFor(ring, kind).length === 0) return undefined;
  return unixSeconds(systemClock() + headStart);
}

async function newKey(kind: Kind, kid: string): Promise<RingKey> {
  if (kind === "session") return newSessionKey(kid, randomBytes);
  return kind === "operator" ? newOperatorKey(kid) : newCloudFrontKey(kid, kind);
}

function nextSteps(key: RingKey, file: string): string {
  const begins =
    key.nbf === undefined
      ? "It signs from now on."
      : `It signs from ${rfc3339(unixSeconds(key.nbf))} on, and is taken from now on.`;
  if (key.purpose === "session")
    return `${begins} Next: give each worker the keys that it needs:
${giveKeys(file)}
Leave the key before it in the ring until its sessions have ended; then set its "exp", or take it out.`;
  if (key.purpose === "operator")
    return `${begins} Next: give the API its public half:
${giveKeys(file, ["api"])}
Then make credentials with npx stagedoor operator new${ringWords(file)}. Leave the key before it in the ring until those that it
signed have been exchanged; then take it out, and give the API its keys again.`;
  return `Next: npx stagedoor keys export --kid ${key.kid} --format pem${ringWords(file)}
Upload what it prints as a public key to CloudFront and put it into a key group; then record the id that CloudFront
gave to it, npx stagedoor keys bind --kid ${key.kid} --id <id>${ringWords(file)}, and name it as keyPairId in the catalog.
Then give each worker the keys that it needs:
${giveKeys(file)}`;
}
