import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { rfc3339, systemClock, type UnixSeconds, unixSeconds } from "../../src/base/seconds.ts";
import { devKidPrefix, workerNames } from "../../src/config/configuration.ts";
import { newCloudFrontKey, newSessionKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { type KeyRing, keysFor } from "../../src/keys/ring.ts";
import type { Command, Given } from "./command.ts";
import { devRingFile, readRing, ringFileOf, ringOption, shortName } from "./files.ts";
import { endFailed, endMisused, good } from "./outcome.ts";
import { addToRing } from "./ring-file.ts";
import { readTime } from "./times.ts";

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
  --kid <id>             its name: A-Z a-z 0-9 . _ - (made up where it is left out)
  --nbf <time>           when it begins to sign: now, +8h, 1795000000, 2026-11-18T11:06:40Z
                         (a session key beside others: in an hour, so that every worker has it by then)
  --exp <time>           when nobody takes it any more (never)
  --ring <file>          the key ring (.stagedoor/keys.json of the project)
  --show                 show the whole key, its secret too`,
  run: async (given) => {
    const kind = readKind(given);
    const file = ringFileOf(given);
    const window = { nbf: optionalTime(given, "nbf"), exp: optionalTime(given, "exp") };
    if (window.nbf !== undefined && window.exp !== undefined && window.exp <= window.nbf)
      endMisused("--exp has to come after --nbf.");
    const kid = given.one("kid") ?? newKid(kind, isDevRing(file));
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

type Kind = "session" | "rsa" | "ec";

function readKind(given: Given): Kind {
  const purpose = given.one("purpose");
  const type = given.one("type");
  if (purpose === "session")
    return type === undefined
      ? "session"
      : endMisused("--type is for --purpose cloudfront: a session key has one type.");
  if (purpose !== "cloudfront")
    return endMisused("Say what the key is for: --purpose session or --purpose cloudfront.");
  return type === "rsa" || type === "ec"
    ? type
    : endMisused("A cloudfront key needs --type rsa (2048 bits) or --type ec (P-256, 15 times faster).");
}

function optionalTime(given: Given, option: string): UnixSeconds | undefined {
  const text = given.one(option);
  return text === undefined ? undefined : readTime(option, text);
}

/** Kids of development say so: a worker of another environment refuses them. */
function newKid(kind: Kind, dev: boolean): string {
  const day = rfc3339(systemClock()).slice(0, 10);
  const name = kind === "session" ? "session" : `cloudfront-${kind}`;
  return `${dev ? devKidPrefix : ""}${name}-${day}-${randomBytes(3).toString("hex")}`;
}

function isDevRing(file: string): boolean {
  return [file, real(file)].includes(devRingFile);
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is made in a moment
  }
}

function defaultStart(kind: Kind, ring: KeyRing): UnixSeconds | undefined {
  return kind === "session" && keysFor(ring, "session").length > 0 ? unixSeconds(systemClock() + headStart) : undefined;
}

function newKey(kind: Kind, kid: string): Promise<RingKey> {
  return kind === "session" ? Promise.resolve(newSessionKey(kid, randomBytes)) : newCloudFrontKey(kid, kind);
}

function nextSteps(key: RingKey, file: string): string {
  const name = shortName(file);
  const ring = file === devRingFile ? "" : ` --ring ${name}`;
  if (key.purpose === "session") {
    const begins =
      key.nbf === undefined
        ? "It signs from now on."
        : `It signs from ${rfc3339(unixSeconds(key.nbf))} on, and is taken from now on.`;
    return `${begins} Next: ${giveToWorkers(ring)}
Leave the key before it in the ring until its sessions have ended; then set its "exp", or take it out.`;
  }
  return `Next: npx stagedoor keys export --kid ${key.kid} --format pem${ring}
Upload what it prints as a public key to CloudFront and put it into a key group; then give this key the id that
CloudFront made up as its "kid" in ${name}, and name it as keyPairId in the catalog.
Then ${giveToWorkers(ring)}`;
}

/** Not the file itself: it holds private halves that two of the workers never need. */
function giveToWorkers(ring: string): string {
  const lines = workerNames.map((worker) => {
    const config = worker === "edge" ? "" : ` --config workers/${worker}/wrangler.toml`;
    return `  npx stagedoor keys for ${worker}${ring} | npx wrangler secret put STAGEDOOR_KEYS${config}`;
  });
  return `give each worker the keys that it needs:\n${lines.join("\n")}`;
}
