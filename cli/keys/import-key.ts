import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { statSync } from "node:fs";
import { systemClock } from "../../src/base/time.ts";
import { type CloudFrontKey, cloudFrontKeySchema, type RingKey } from "../../src/keys/key.ts";
import { isSameKey } from "../../src/keys/key-material.ts";
import { inUse } from "../../src/keys/life.ts";
import { introduced } from "../../src/keys/rotation.ts";
import { type Args, type Command, checkOneInput, endFailed, endMisused, shownWord, succeeded } from "../lib/command.ts";
import { readRing, readTextOrInput, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { withGitWarning } from "../lib/git-ignored.ts";
import { cloudFrontId, kidIsUsed, readKid, refuseDevKid, usualCloudFrontId } from "../lib/make-key.ts";
import { awsSigner, requiredPeer } from "../lib/peers.ts";
import { changeRing, ringArgument, uploadCommand, uploadPhrase } from "../lib/ring-file.ts";
import { readWindow } from "../lib/text.ts";
import { readPurpose } from "./new-key.ts";

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
  help: `Adds an existing key to a key ring file; creates the file (readable only by you) if there is none. It accepts RSA with
2048 bits and P-256: a private key as PKCS#1, PKCS#8 or SEC1, encrypted or not, or only the public half
(SubjectPublicKeyInfo) for a ring that only verifies. If the ring has the public half, importing the private key completes
it. The ring stores the key unencrypted; the command does not print it. The first key is active, later keys are next. A
public half alone is next: it verifies and does not sign.

  --purpose cloudfront      the purpose of the key; --cdn cloudfront is the same
  --in <file|->             the PEM file; - reads it from standard input
  --kid <id>                the id that CloudFront assigned to the public key, such as K2JCJMDEHXQW5F; before that, any
                            other name (npx stagedoor keys bind records the id later)
  --passphrase-file <file>  a file with the passphrase of an encrypted key in its first line; - reads standard input
  --nbf <time>              when it begins to sign: now, +8h, 1795000000, 2026-11-18T11:06:40Z
  --exp <time>              when it is no longer accepted (never)
  --ring <file>             the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const { input, kid, passphraseFile } = readOptions(args);
    const { nbf, exp } = readWindow(args);
    const file = ringFileOf(args);
    refuseDevKid(kid, file);
    const from = input === "-" ? "standard input" : shortName(input);
    const passphrase = passphraseFile === undefined ? undefined : readPassphrase(passphraseFile);
    const { jwk, alg, hasPrivateHalf, wasEncrypted } = readPemKey(
      readTextOrInput(input, "the PEM key"),
      from,
      passphrase,
    );
    if (nbf !== undefined && !hasPrivateHalf)
      endMisused(
        "--nbf is the time when a key begins to sign, and a public half does not sign: omit it, or import the private key.",
      );
    const window = { ...(nbf === undefined ? {} : { nbf }), ...(exp === undefined ? {} : { exp }) };
    const key = cloudFrontKeySchema.parse({ kid, ...window, ...bindingOf(kid), purpose: "cloudfront", alg, ...jwk });
    if (hasPrivateHalf) await checkAgainstAws(key);
    // The development ring is created first, because `npm start` needs all of its keys.
    if (args.value("ring") === undefined) await readRing(args);
    const { state, completed, others } = await changeRing(file, async (ring) => {
      const { keys, state, completed } = keysWith(key, ring.keys, file);
      const others = keys.some((other) => other.purpose === "cloudfront" && other.kid !== kid);
      return { keys, result: { state, completed, others } };
    });
    const warnings = [
      hasPrivateHalf && !wasEncrypted ? modeWarning(input, "private key") : undefined,
      passphraseFile !== undefined && wasEncrypted ? modeWarning(passphraseFile, "passphrase") : undefined,
      passphraseFile !== undefined && !wasEncrypted
        ? `Warning: the key in ${from} is not encrypted, so the passphrase is not needed.`
        : undefined,
    ].filter((warning) => warning !== undefined);
    const half = hasPrivateHalf ? "" : ", public half only: it verifies and does not sign";
    const outcome = succeeded(
      completed
        ? `${kid} now has its private half in ${shortName(file)}.\n\nNext: ${uploadPhrase(file, "upload it to the manifest worker, which signs with it")}:\n${uploadCommand(file)}`
        : `${kid}  (cloudfront, ${key.kty}${half}, ${state ?? "signs from --nbf on"}) added to ${shortName(file)}\n\n${nextSteps(key, others, file)}`,
      { kid, purpose: "cloudfront", kty: key.kty, alg, private: hasPrivateHalf, state, nbf, exp, ring: file, warnings },
      warnings.length === 0 ? undefined : warnings.join("\n"),
    );
    return withGitWarning(outcome, [file]);
  },
};

/** Adds the imported key to the keys of a ring, or completes the public half of it that the ring has. */
function keysWith(key: CloudFrontKey, keys: readonly RingKey[], file: string) {
  const now = systemClock();
  const same = keys.find((other) => isSameKey(other, key));
  if (same !== undefined && same.kid !== key.kid)
    endFailed(
      `${shortName(file)} has this key already, as "${same.kid}", and a key has one kid. \`npx stagedoor keys bind\` changes the kid to CloudFront's id.`,
    );
  if (same !== undefined) {
    if (key.d === undefined || (same.kty !== "oct" && same.d !== undefined))
      endFailed(`${shortName(file)} has this key already, as "${same.kid}": there is nothing to do.`);
    const { nbf = same.nbf, exp = same.exp } = key;
    // The first key that can sign is active.
    const isFirst = same.state === "next" && inUse(keys, "cloudfront", now) === undefined;
    const { state, since } = isFirst ? { state: "active" as const, since: now } : same;
    const cloudfront = (same.purpose === "cloudfront" ? same.cloudfront : undefined) ?? key.cloudfront;
    const complete = { ...key, cloudfront, state, since, nbf, exp };
    return { keys: keys.map((other) => (other === same ? complete : other)), state, completed: true };
  }
  if (keys.some((other) => other.kid === key.kid)) endFailed(kidIsUsed(key.kid, file));
  const added = key.nbf === undefined ? introduced(keys, key, "cloudfront", now, key.d !== undefined) : [...keys, key];
  return { keys: added, state: added.at(-1)?.state, completed: false };
}

/** Ends the command if AWS's own code signs differently with this key: CloudFront would refuse our URLs. */
async function checkAgainstAws(key: CloudFrontKey): Promise<void> {
  const { differenceFromAws } = await requiredPeer(awsSigner, () => import("../lib/aws-signer.ts"));
  const difference = differenceFromAws(key, systemClock());
  if (difference !== undefined)
    endFailed(
      `AWS's own code and ours sign the same URL differently with this key. ${difference} Nothing was changed.`,
    );
}

function readOptions(args: Args) {
  const purpose = readPurpose(args);
  if (purpose !== "cloudfront")
    endMisused(
      `--purpose must be cloudfront${purpose === undefined ? "" : `, not ${shownWord(purpose)}`}. \`npx stagedoor keys new\` makes keys for other purposes.`,
    );
  const input =
    args.value("in") ?? endMisused("--in is missing: name the PEM file, --in <file>, or --in - for standard input.");
  const kid = readKid(args) ?? endMisused("--kid is missing: give the id that CloudFront assigned, --kid <id>.");
  checkOneInput(args, ["in", "passphrase-file"]);
  return { input, kid, passphraseFile: args.value("passphrase-file") };
}

function readPassphrase(file: string): string {
  const [passphrase = ""] = readTextOrInput(file, "the passphrase").split(/\r?\n/, 1);
  return passphrase === ""
    ? endFailed("The passphrase is empty: put it into the first line of the file of --passphrase-file.")
    : passphrase;
}

/** A warning if other users can read a file with a secret. */
function modeWarning(file: string, secret: string): string | undefined {
  if (file === "-") return undefined;
  const stat = statSync(file);
  if (!stat.isFile() || (stat.mode & 0o044) === 0) return undefined;
  return `Warning: other users can read the ${secret} in ${shortName(file)}: run chmod 600 ${shortName(file)}, or delete the file if you have a backup of the ring.`;
}

/** A key with CloudFront's id is at CloudFront already: an export must not create it again. */
function bindingOf(kid: string): Pick<CloudFrontKey, "cloudfront"> {
  if (!cloudFrontId.test(kid)) return {};
  if (usualCloudFrontId.test(kid)) return { cloudfront: "imported" };
  return endMisused(
    `"${kid}" looks like a CloudFront id, but these begin with K. If it is not one, choose a name in lower case. If it is one, import the key under such a name, and then run \`npx stagedoor keys bind --imported --kid <name> --id ${kid}\`.`,
  );
}

function nextSteps({ kid, cloudfront }: CloudFrontKey, others: boolean, file: string): string {
  const group = others
    ? `\nCloudFront accepts its signatures when the key group contains ${kid} as well as the other keys. This exports the whole group:
  npx stagedoor keys export --purpose cloudfront --format <cloudformation|terraform|aws-cli>${ringArgument(file)}`
    : "";
  if (cloudfront !== undefined)
    return `Next: ${uploadPhrase(file)}:\n${uploadCommand(file)}
Assets without a keyPairId are signed with the ring's active key (npx stagedoor keys list), others with the key that they name.${group}`;
  return `Next: if CloudFront does not have the public half yet, upload the output of this command and add it to a key group:
  npx stagedoor keys export --kid ${kid} --format pem${ringArgument(file)}
Then record the id that CloudFront assigned to it (with --imported if CloudFront had the key before):
  npx stagedoor keys bind --kid ${kid} --id <CloudFront's id>${ringArgument(file)}${group}`;
}

/** The key in a PEM text. */
interface PemKey {
  readonly jwk: JsonWebKey;
  readonly alg: "RS256" | "ES256";
  readonly hasPrivateHalf: boolean;
  readonly wasEncrypted: boolean;
}

const privateLabels = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const publicLabels = ["PUBLIC KEY", "RSA PUBLIC KEY"];
const makeNew = "Make a key that CloudFront accepts: npx stagedoor keys new --purpose cloudfront --type ec";

/**
 * Reads the only key in a PEM text (RFC 7468): RSA with 2048 bits or P-256, as PKCS#1, PKCS#8 or SEC1, encrypted or not, or
 * the public half alone. Anything else ends the command with what to do. Messages call the text `from` and do not quote it.
 */
function readPemKey(text: string, from: string, passphrase: string | undefined): PemKey {
  // Some editors add a byte order mark.
  const { label, block } = onlyBlock(text.replace(/^\uFEFF/, ""), from);
  const wasEncrypted = label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: *4, *ENCRYPTED/m.test(block);
  if (wasEncrypted && passphrase === undefined)
    endFailed(`The key in ${from} is encrypted: write its passphrase to a file that only you can read, and give that file
with --passphrase-file.`);
  const hasPrivateHalf = privateLabels.includes(label);
  const key = hasPrivateHalf
    ? privateKey(block, from, wasEncrypted ? passphrase : undefined)
    : publicKey(block, from, label);
  const alg = algorithmOf(key);
  if (hasPrivateHalf) checkHalves(key, from);
  return { jwk: key.export({ format: "jwk" }), alg, hasPrivateHalf, wasEncrypted };
}

function onlyBlock(text: string, from: string): { readonly label: string; readonly block: string } {
  const blocks = [...text.matchAll(/^-----BEGIN ([A-Z0-9 ]{1,40})-----[\s\S]*?^-----END \1-----/gm)]
    .map(([block, label = ""]) => ({ label, block }))
    // `openssl ecparam -genkey` writes the curve's name before the key, which contains it too.
    .filter(({ label }) => label !== "EC PARAMETERS");
  const [only, ...others] = blocks;
  if (only === undefined) return endFailed(noPemMessage(text, from));
  if (others.length > 0)
    endFailed(`${from} contains ${blocks.length} blocks (${blocks.map(({ label }) => label).join(", ")}): keep only the key, from its BEGIN
line to its END line.`);
  return only;
}

function noPemMessage(text: string, from: string): string {
  if (/^(ssh-|ecdsa-sha2-)/.test(text))
    return `${from} is a public key of OpenSSH: \`ssh-keygen -e -m PKCS8 -f <file>\` prints it as PEM.`;
  if (text.trim() === "") return `${from} is empty: check the command that wrote it.`;
  if (/-----BEGIN [^\n]*-----END /.test(text))
    return `${from} is PEM in one line: its line breaks were lost, or replaced by \\n. Restore them: the BEGIN line, lines of 64 characters,
and the END line. \`printf '%b'\` converts \\n to line breaks.`;
  if (/[^\n]-----BEGIN /.test(text))
    return `${from} is PEM with text before its BEGIN line on the same line: remove that text.`;
  if (text.includes("-----BEGIN "))
    return `${from} is incomplete PEM: it needs the BEGIN line, the END line and all lines between them.`;
  return `${from} is not PEM (it has no BEGIN line). Convert a DER file with \`openssl pkey -inform DER -in <file> -out key.pem\`,
or a PKCS#12 file with \`openssl pkcs12 -nocerts -in <file> -out key.pem\`.`;
}

function privateKey(block: string, from: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? block : { key: block, passphrase });
  } catch {
    // The kind of error does not help: a wrong passphrase sometimes decrypts to something that only fails to parse.
    return endFailed(
      passphrase === undefined
        ? damaged(from)
        : `The key in ${from} cannot be decrypted: the passphrase is wrong. It must be the first line of the file of --passphrase-file.
If \`openssl pkey -noout\` accepts the passphrase, the cipher is outdated: \`openssl pkey -aes256\` encrypts the key with another.`,
    );
  }
}

function publicKey(block: string, from: string, label: string): KeyObject {
  if (label === "OPENSSH PRIVATE KEY")
    endFailed(`${from} is a private key in OpenSSH's own format: copy the file, and convert the copy to PEM with
\`ssh-keygen -p -m PKCS8 -f <the copy>\`.`);
  if (label.endsWith("CERTIFICATE"))
    endFailed(
      `${from} is a certificate: import its private key or, for a ring that only verifies, the public key that \`openssl x509 -pubkey -noout -in <file>\` prints.`,
    );
  if (!publicLabels.includes(label))
    endFailed(
      `${from} contains a ${label}, which CloudFront does not accept: give the PEM of an RSA key with 2048 bits or of a P-256 key.`,
    );
  try {
    return createPublicKey(block);
  } catch {
    return endFailed(damaged(from));
  }
}

function damaged(from: string): string {
  return `The key in ${from} cannot be read: the text between its BEGIN and END lines is damaged. Copy it again from its source;
\`openssl pkey -noout -check\` shows whether a file is valid.`;
}

/** The algorithm of a key that CloudFront accepts: RSA with 2048 bits, or P-256. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): PemKey["alg"] {
  if (type === "rsa") {
    if (details?.modulusLength !== 2048)
      endFailed(`This RSA key has ${details?.modulusLength} bits, and CloudFront accepts only 2048. ${makeNew}`);
    if (details.publicExponent !== 65_537n && details.publicExponent !== 3n)
      endFailed(`This RSA key has a public exponent other than 65537 and 3, which is not accepted. ${makeNew}`);
    return "RS256";
  }
  if (type === "ec") {
    if (details?.namedCurve === "prime256v1") return "ES256";
    const curve = details?.namedCurve ?? "a curve without a name";
    return endFailed(`This key is on ${curve}, and CloudFront accepts only P-256 (prime256v1). ${makeNew}`);
  }
  const name = type === "ed25519" ? "Ed25519" : (type ?? "another type");
  return endFailed(`This key is ${name}, and CloudFront accepts only RSA with 2048 bits or P-256. ${makeNew}`);
}

/** Node imports halves of two different pairs without an error, and CloudFront would refuse their signatures. */
function checkHalves(key: KeyObject, from: string): void {
  const text = Buffer.from("stagedoor");
  const matches = () => verify("sha256", text, createPublicKey(key), sign("sha256", text, key));
  if (!isTrue(matches))
    endFailed(`The private and the public half of the key in ${from} do not match: its signatures are invalid. Copy the key again
from its source.`);
}

function isTrue(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false; // OpenSSL refuses to sign with some mismatched halves
  }
}
