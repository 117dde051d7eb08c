import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { systemClock } from "../../src/base/time.ts";
import { type CloudFrontKey, cloudFrontKeySchema, type RingKey } from "../../src/keys/key.ts";
import { isSameKey } from "../../src/keys/key-material.ts";
import { inUse } from "../../src/keys/life.ts";
import { introduced } from "../../src/keys/rotation.ts";
import { type Command, endFailed, endMisused, type Given, good } from "../lib/command.ts";
import { readRing, readText, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { cloudFrontId, usualCloudFrontId } from "../lib/make-key.ts";
import { changeRing, ringArgument, uploadCommand } from "../lib/ring-file.ts";
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
(SubjectPublicKeyInfo) for a ring that only verifies. The private key of a public half in the ring completes it. The ring
stores the key unencrypted; the command does not print it. The first key is active; a further key is next, and so is a
public half until its private key is imported: it verifies and does not sign.

  --purpose cloudfront      what the key is for; --cdn cloudfront is the same
  --in <file|->             the PEM file; - reads it from standard input
  --kid <id>                the id that CloudFront assigned to the public key, such as K2JCJMDEHXQW5F; any other name
                            until there is one (npx stagedoor keys bind)
  --passphrase-file <file>  its first line is the passphrase of an encrypted key; - reads it from standard input
  --nbf <time>              when it begins to sign: now, +8h, 1795000000, 2026-11-18T11:06:40Z
  --exp <time>              when it is no longer accepted (never)
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
    if (hasPrivateHalf) await checkAgainstAws(key);
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
        ? `Warning: the key in ${from} is not encrypted, so the passphrase is not needed.`
        : undefined,
    ].filter((warning) => warning !== undefined);
    const half = hasPrivateHalf ? "" : ", public half alone: it verifies, and signs nothing";
    return good(
      completed
        ? `${kid} has its private half in ${shortName(file)} now.\n\nNext: let the manifest worker sign with it:\n${uploadCommand(file)}`
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

/** Ends the command where AWS's own code would sign a URL differently with this key: CloudFront would refuse ours. */
async function checkAgainstAws(key: CloudFrontKey): Promise<void> {
  const { differenceFromAws } = await import("../lib/aws-signer.ts");
  const difference = differenceFromAws(key, systemClock());
  if (difference !== undefined)
    endFailed(
      `AWS's own code and ours sign the same URL differently with this key. ${difference} Nothing was changed.`,
    );
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
  npx stagedoor keys export --purpose cloudfront --format <cloudformation|terraform|aws-cli>${ringArgument(file)}`
    : "";
  if (cloudfront !== undefined)
    return `Next: give each worker the keys that it needs:\n${uploadCommand(file)}
Assets that name no keyPairId are signed with the ring's active key (npx stagedoor keys list), others with the one they name.${group}`;
  return `Next, where CloudFront does not have its public half yet: upload what this prints, and put it into a key group
  npx stagedoor keys export --kid ${kid} --format pem${ringArgument(file)}
Then record the id that CloudFront gave to it:
  npx stagedoor keys bind --kid ${kid} --id <CloudFront's id>${ringArgument(file)}
with --imported where CloudFront had the key before.${group}`;
}

/** A key that a PEM text held, and what its owner ought to know about the text. */
interface PemKey {
  readonly jwk: JsonWebKey;
  readonly alg: "RS256" | "ES256";
  readonly hasPrivateHalf: boolean;
  readonly wasEncrypted: boolean;
}

const keyLabels = ["PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];
const publicLabels = ["PUBLIC KEY", "RSA PUBLIC KEY"];
const makeNew = "Make one that CloudFront takes: npx stagedoor keys new --purpose cloudfront --type ec";

/**
 * The one key of CloudFront that a PEM text (RFC 7468) holds: RSA with 2048 bits or P-256, as PKCS#1, PKCS#8, SEC1,
 * either of them encrypted, or the public half alone. Anything else ends the command with what to do next. `from` is how
 * the text is named in messages; none of them quotes the text.
 */
function readPemKey(text: string, from: string, passphrase: string | undefined): PemKey {
  // A byte order mark, which editors put there, is no part of the text.
  const { label, block } = onlyBlock(text.replace(/^\uFEFF/, ""), from);
  const wasEncrypted = label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: *4, *ENCRYPTED/m.test(block);
  if (wasEncrypted && passphrase === undefined)
    endFailed(`The key in ${from} is encrypted: write its passphrase to a file that only you can read, and name
that with --passphrase-file.`);
  const hasPrivateHalf = keyLabels.includes(label);
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
    // `openssl ecparam -genkey` puts the curve's name before the key, which says it again.
    .filter(({ label }) => label !== "EC PARAMETERS");
  const [only, ...others] = blocks;
  if (only === undefined) return endFailed(withoutPem(text, from));
  if (others.length > 0)
    endFailed(`${from} holds ${blocks.length} things (${blocks.map(({ label }) => label).join(", ")}): leave in it the one key
that is meant, from its BEGIN line to its END line.`);
  return only;
}

function withoutPem(text: string, from: string): string {
  if (/^(ssh-|ecdsa-sha2-)/.test(text))
    return `${from} is a public key of OpenSSH: \`ssh-keygen -e -m PKCS8 -f <file>\` prints it as PEM.`;
  if (text.trim() === "") return `${from} is empty: nothing was written to it, or the command that did it failed.`;
  if (/-----BEGIN [^\n]*-----END /.test(text))
    return `${from} is PEM in one line: its line breaks were lost on the way, or became \\n. Put them back: the BEGIN line, what is between (64
characters a line), and the END line; \`printf '%b'\` makes line breaks of \\n.`;
  if (/[^\n]-----BEGIN /.test(text))
    return `${from} is PEM with something before its BEGIN line on the same line: let that line begin with -----BEGIN.`;
  if (text.includes("-----BEGIN "))
    return `${from} is PEM that is not whole: it needs the BEGIN line, the END line and all between them, each on a line of its own.`;
  return `${from} is not PEM (it has no BEGIN line). A key in DER becomes PEM with \`openssl pkey -inform DER -in <file> -out key.pem\`;
one in a PKCS#12 file with \`openssl pkcs12 -nocerts -in <file> -out key.pem\`.`;
}

function privateKey(block: string, from: string, passphrase: string | undefined): KeyObject {
  try {
    return createPrivateKey(passphrase === undefined ? block : { key: block, passphrase });
  } catch {
    // Not asked which error it was: a wrong passphrase is now and then found out only by what it decrypts to.
    return endFailed(
      passphrase === undefined
        ? damaged(from)
        : `The key in ${from} cannot be decrypted: the passphrase is wrong. It is the first line of the file that --passphrase-file
names. If \`openssl pkey -noout\` takes it, the cipher is an old one: \`openssl pkey -aes256\` writes the key with another.`,
    );
  }
}

function publicKey(block: string, from: string, label: string): KeyObject {
  if (label === "OPENSSH PRIVATE KEY")
    endFailed(`${from} is a private key of OpenSSH's own form: copy it, and have the copy written as PEM with
\`ssh-keygen -p -m PKCS8 -f <the copy>\`.`);
  if (label.endsWith("CERTIFICATE"))
    endFailed(`${from} is a certificate: import the private key that belongs to it, or, for a ring that only verifies, the
public key that \`openssl x509 -pubkey -noout -in <file>\` prints.`);
  if (!publicLabels.includes(label))
    endFailed(
      `${from} holds a ${label}, which is no key of CloudFront: it takes the PEM of an RSA key with 2048 bits, or P-256.`,
    );
  try {
    return createPublicKey(block);
  } catch {
    return endFailed(damaged(from));
  }
}

function damaged(from: string): string {
  return `The key in ${from} cannot be read: the text between its BEGIN and END lines is damaged. Copy it again
from where it was made; \`openssl pkey -noout -check\` says whether a file is sound.`;
}

/** What CloudFront verifies with: RSA with 2048 bits, or ECDSA with P-256. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): PemKey["alg"] {
  if (type === "rsa") {
    if (details?.modulusLength !== 2048)
      endFailed(`This RSA key has ${details?.modulusLength} bits, and CloudFront takes 2048 alone. ${makeNew}`);
    if (details.publicExponent !== 65_537n && details.publicExponent !== 3n)
      endFailed(`This RSA key has a public exponent other than 65537 and 3, which is not accepted. ${makeNew}`);
    return "RS256";
  }
  if (type === "ec") {
    if (details?.namedCurve === "prime256v1") return "ES256";
    const curve = details?.namedCurve ?? "a curve without a name";
    return endFailed(`This key is on ${curve}, and CloudFront takes P-256 (prime256v1) alone. ${makeNew}`);
  }
  const name = type === "ed25519" ? "Ed25519" : (type ?? "another type");
  return endFailed(`This key is ${name}, and CloudFront takes RSA with 2048 bits or P-256 alone. ${makeNew}`);
}

/** A file put together from two pairs imports without an error, and CloudFront would refuse all that it signs. */
function checkHalves(key: KeyObject, from: string): void {
  const text = Buffer.from("stagedoor");
  const matches = () => verify("sha256", text, createPublicKey(key), sign("sha256", text, key));
  if (!isTrue(matches))
    endFailed(`The halves of the key in ${from} do not belong together: what it signs, its own public half refuses. Copy it again
from where it was made.`);
}

function isTrue(check: () => boolean): boolean {
  try {
    return check();
  } catch {
    return false; // OpenSSL itself refuses to sign with some of them
  }
}
