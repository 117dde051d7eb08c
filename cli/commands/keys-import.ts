import { readFileSync, statSync } from "node:fs";
import { systemClock } from "../../src/base/seconds.ts";
import { type CloudFrontKey, cloudFrontKeySchema, type RingKey } from "../../src/keys/key.ts";
import { inUse } from "../../src/keys/life.ts";
import { isSameKey } from "../../src/keys/public.ts";
import { introduced } from "../../src/keys/take-step.ts";
import { cloudFrontId, usualCloudFrontId } from "./cloudfront-id.ts";
import type { Command, Given } from "./command.ts";
import { readRing, readText, ringFileOf, ringOption, shortName } from "./files.ts";
import { giveKeys, ringWords } from "./give-keys.ts";
import { readPurpose } from "./keys-new.ts";
import { endFailed, endMisused, good } from "./outcome.ts";
import { readPemKey } from "./pem-key.ts";
import { changeRing } from "./ring-file.ts";
import { readWindow } from "./times.ts";

export const keysImportCommand: Command = {
  name: "keys import",
  summary: "add a PEM key of CloudFront to a key ring file",
  operands: [],
  options: {
    ...ringOption,
    purpose: { type: "string" },
    cdn: { type: "string" },
    in: { type: "string" },
    kid: { type: "string" },
    "passphrase-file": { type: "string" },
    nbf: { type: "string" },
    exp: { type: "string" },
  },
  help: `Adds a key that you have already to a key ring file, which is made (readable by you alone) where there is none. It takes
RSA with 2048 bits and P-256: the private key as PKCS#1, PKCS#8 or SEC1, encrypted or not, or the public half alone
(SubjectPublicKeyInfo) for a ring that only verifies; the private key of a public half that the ring has makes it whole.
The ring holds it unencrypted. The key is not shown. The first key is active; one beside others is next, and so is a public half
alone, until its private key is imported: it verifies, and signs nothing.

  --purpose cloudfront      what the key is for; --cdn cloudfront is the same
  --in <file|->             the PEM file; - reads it from standard input
  --kid <id>                the id that CloudFront gave to the public key, such as K2JCJMDEHXQW5F; any other name where it
                            has none yet, until npx stagedoor keys bind
  --passphrase-file <file>  its first line is the passphrase of an encrypted key; - reads it from standard input
  --nbf <time>              when it begins to sign: now, +8h, 1795000000, 2026-11-18T11:06:40Z
  --exp <time>              when nobody takes it any more (never)
  --ring <file>             the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const { input, kid, passphraseFile } = readOptions(given);
    const { nbf, exp } = readWindow(given);
    const file = ringFileOf(given);
    const from = input === "-" ? "standard input" : shortName(input);
    const passphrase = passphraseFile === undefined ? undefined : readPassphrase(passphraseFile);
    const { jwk, alg, hasPrivateHalf, wasEncrypted } = readPemKey(textOf(input, "the PEM key"), from, passphrase);
    if (nbf !== undefined && !hasPrivateHalf)
      endMisused(
        "--nbf says when a key begins to sign, and a public half signs nothing: leave it out, or import the private key.",
      );
    const window = { ...(nbf === undefined ? {} : { nbf }), ...(exp === undefined ? {} : { exp }) };
    const key = cloudFrontKeySchema.parse({ kid, ...window, ...bindingOf(kid), purpose: "cloudfront", alg, ...jwk });
    // The development ring is made whole first: `npm start` needs all of its keys.
    if (given.one("ring") === undefined) await readRing(given);
    const { state, completed, others } = await changeRing(file, async (ring) => {
      const { keys, state, completed } = imported(ring.keys, key, file);
      const others = keys.some((other) => other.purpose === "cloudfront" && other.kid !== kid);
      return { keys, result: { state, completed, others } };
    });
    const warnings = [
      hasPrivateHalf && !wasEncrypted ? openFile(input, "private key") : undefined,
      passphraseFile !== undefined && wasEncrypted ? openFile(passphraseFile, "passphrase") : undefined,
      passphraseFile !== undefined && !wasEncrypted
        ? `Warning: the key in ${from} is not encrypted: whoever reads it needs no passphrase.`
        : undefined,
    ].filter((warning) => warning !== undefined);
    const half = hasPrivateHalf ? "" : ", public half alone: it verifies, and signs nothing";
    return good(
      completed
        ? `${kid} has its private half in ${shortName(file)} now.\n\nNext: let the manifest worker sign with it:\n${giveKeys(file)}`
        : `${kid}  (cloudfront, ${key.kty}${half}, ${state ?? "by the clock"}) added to ${shortName(file)}\n\n${nextSteps(key, others, file)}`,
      { kid, purpose: "cloudfront", kty: key.kty, alg, private: hasPrivateHalf, state, nbf, exp, ring: file, warnings },
      warnings.length === 0 ? undefined : warnings.join("\n"),
    );
  },
};

/** The keys with the imported one among them: added, or put into the public half that the ring has of it. */
function imported(keys: readonly RingKey[], key: CloudFrontKey, file: string) {
  const now = systemClock();
  const same = keys.find((other) => isSameKey(other, key));
  if (same !== undefined && same.kid !== key.kid)
    endFailed(
      `${shortName(file)} has this key already, as "${same.kid}": a key has one kid. \`npx stagedoor keys bind\` gives it CloudFront's.`,
    );
  if (same !== undefined) {
    if (key.d === undefined || (same.kty !== "oct" && same.d !== undefined))
      endFailed(`${shortName(file)} has this key already, as "${same.kid}": there is nothing to do.`);
    const { nbf = same.nbf, exp = same.exp } = key;
    // The first that can sign does.
    const first = same.state === "next" && inUse(keys, "cloudfront", now) === undefined;
    const { state, since } = first ? { state: "active" as const, since: now } : same;
    const cloudfront = (same.purpose === "cloudfront" ? same.cloudfront : undefined) ?? key.cloudfront;
    const whole = { ...key, cloudfront, state, since, nbf, exp };
    return { keys: keys.map((other) => (other === same ? whole : other)), state, completed: true };
  }
  if (keys.some((other) => other.kid === key.kid))
    endFailed(`${shortName(file)} has a key with the kid "${key.kid}" already: choose another with --kid.`);
  const added = key.nbf === undefined ? introduced(keys, key, "cloudfront", now, key.d !== undefined) : [...keys, key];
  return { keys: added, state: added.at(-1)?.state, completed: false };
}

function readOptions(given: Given) {
  if (readPurpose(given) !== "cloudfront")
    endMisused(
      "Say what the key is for: --purpose cloudfront. Keys for other purposes are made by `npx stagedoor keys new`.",
    );
  const input = given.one("in") ?? endMisused("Name the PEM file: --in <file>, or --in - for standard input.");
  const kid = given.one("kid") ?? endMisused("Name the key: --kid <id>, the id that CloudFront gave to it.");
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(kid)) endMisused("--kid takes 1 to 64 characters of A-Z a-z 0-9 . _ -.");
  const passphraseFile = given.one("passphrase-file");
  if (input === "-" && passphraseFile === "-")
    endMisused("Standard input holds one thing: name a file with --in or with --passphrase-file.");
  return { input, kid, passphraseFile };
}

function textOf(file: string, what: string): string {
  return file === "-" ? readFileSync(0, "utf8") : readText(file, what);
}

function readPassphrase(file: string): string {
  const [passphrase = ""] = textOf(file, "the passphrase").split(/\r?\n/, 1);
  return passphrase === ""
    ? endFailed("The passphrase is empty: it is the first line of what --passphrase-file names.")
    : passphrase;
}

/** A warning where others on this machine can read a file that holds a secret. */
function openFile(file: string, what: string): string | undefined {
  if (file === "-") return undefined;
  const stat = statSync(file);
  if (!stat.isFile() || (stat.mode & 0o044) === 0) return undefined;
  return `Warning: others on this machine can read the ${what} in ${shortName(file)}: chmod 600 it, or delete it if the ring is kept.`;
}

/** Who names a key by CloudFront's id has it there already: what is exported for CloudFront must not make it again. */
function bindingOf(kid: string): Pick<CloudFrontKey, "cloudfront"> {
  if (!cloudFrontId.test(kid)) return {};
  if (usualCloudFrontId.test(kid)) return { cloudfront: "imported" };
  return endMisused(
    `"${kid}" has the form of an id of CloudFront's, which begin with K. If it is none, choose a name in lower case; if it is one, import the key under such a name, and then \`npx stagedoor keys bind --imported --kid <name> --id ${kid}\`.`,
  );
}

function nextSteps({ kid, cloudfront }: CloudFrontKey, others: boolean, file: string): string {
  const group = others
    ? `\nCloudFront takes what it signs once its key group holds ${kid} beside the others; this writes that group whole:
  npx stagedoor keys export --purpose cloudfront --format <cloudformation|terraform|aws-cli>${ringWords(file)}`
    : "";
  if (cloudfront !== undefined)
    return `Next: give each worker the keys that it needs:\n${giveKeys(file)}
Assets that name no keyPairId are signed with the ring's active key (npx stagedoor keys list), others with the one they name.${group}`;
  return `Next, where CloudFront does not have its public half yet: upload what this prints, and put it into a key group
  npx stagedoor keys export --kid ${kid} --format pem${ringWords(file)}
Then record the id that CloudFront gave to it:
  npx stagedoor keys bind --kid ${kid} --id <CloudFront's id>${ringWords(file)}
with --imported where CloudFront had the key before.${group}`;
}
