import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { endFailed } from "./outcome.ts";

/** A key that a PEM text held, and what its owner ought to know about the text. */
export interface PemKey {
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
export function readPemKey(text: string, from: string, passphrase: string | undefined): PemKey {
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
  return `The key in ${from} cannot be read: what stands between its BEGIN and END lines is damaged. Copy it again
from where it was made; \`openssl pkey -noout -check\` says whether a file is sound.`;
}

/** What CloudFront verifies with: RSA with 2048 bits, or ECDSA with P-256. */
function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): PemKey["alg"] {
  if (type === "rsa") {
    if (details?.modulusLength !== 2048)
      endFailed(`This RSA key has ${details?.modulusLength} bits, and CloudFront takes 2048 alone. ${makeNew}`);
    if (details.publicExponent !== 65_537n && details.publicExponent !== 3n)
      endFailed(`This RSA key has a public exponent other than 65537 and 3, which is not taken. ${makeNew}`);
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
