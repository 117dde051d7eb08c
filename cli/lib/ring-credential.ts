import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { importJWK, SignJWT } from "jose";
import { after, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import {
  type BackendKey,
  backendKeySchema,
  type OperatorKey,
  operatorKeySchema,
  type RingKey,
} from "../../src/keys/key.ts";
import { type KeyRing, keysFor, signingKey } from "../../src/keys/ring.ts";
import { introduced, longestHold } from "../../src/keys/rotation.ts";
import { type Args, endFailed, endInvalid } from "./command.ts";
import { devRingFile, readRing, reasonOf, shortName } from "./files.ts";
import { makeKey, newKid } from "./make-key.ts";
import { startProgram } from "./project.ts";
import { changeRing, isReadByServe, uploadCommand, uploadPhrase } from "./ring-file.ts";

/** The purposes of keys that sign credentials of this service's own. */
export type CredentialPurpose = "operator" | "backend";

export interface CredentialClaims {
  /** `iss` and `aud`. */
  readonly issuer: string;
  /** `sub`. */
  readonly name: string;
  readonly scope: string;
  readonly lifetime: Seconds;
  /** Further claims. */
  readonly more?: Readonly<Record<string, unknown>>;
}

export interface SignedCredential {
  readonly token: string;
  readonly tokenId: string;
  readonly kid: string;
  readonly expiresAt: UnixSeconds;
}

/** The key of a purpose that signs now; undefined if the ring has no private half of one. */
export function credentialKeyOf(ring: KeyRing, purpose: CredentialPurpose): OperatorKey | BackendKey | undefined {
  const keys: readonly (OperatorKey | BackendKey)[] = keysFor(ring, purpose);
  return signingKey(
    keys.filter(({ d }) => d !== undefined),
    systemClock(),
  );
}

/** Signs a credential: a JWT (ES256) with an issuer and audience of its own. */
export async function signCredential(
  key: OperatorKey | BackendKey,
  { issuer, name, scope, lifetime, more = {} }: CredentialClaims,
): Promise<SignedCredential> {
  const { kty, crv, x, y, d, alg, kid } = key;
  if (d === undefined) throw new Error(`the ring has only the public half of the ${key.purpose} key`);
  const now = systemClock();
  const expiresAt = after(now, lifetime);
  const tokenId = crypto.randomUUID();
  const token = await new SignJWT({ scope, ...more })
    .setProtectedHeader({ alg, kid, typ: "JWT" })
    .setIssuer(issuer)
    .setAudience(issuer)
    .setSubject(name)
    .setJti(tokenId)
    .setIssuedAt(now)
    .setExpirationTime(expiresAt)
    .sign(await importJWK({ kty, crv, x, y, d }, alg));
  return { token, tokenId, kid, expiresAt };
}

/** --days: the lifetime of a credential. */
export function readDays(text: string): Seconds {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return days >= 1 && days <= 366 ? seconds(days * 86_400) : endInvalid("days", text, "a number from 1 to 366");
}

/** --out: the file of a credential, which must not exist; `-` prints it. */
export function readOut(args: Args, ringFile: string, usual: string): string {
  const out = args.value("out") ?? join(dirname(ringFile), usual);
  if (out !== "-" && existsSync(out))
    endFailed(`${shortName(out)} exists already: delete it, or name another file with --out.`);
  return out;
}

/**
 * Issues a credential: signs it with the ring's key of the purpose, which is created if there is none, and records its
 * expiry with the key. `check` may end the command before anything is written.
 */
export async function issueCredential(
  args: Args,
  ringFile: string,
  purpose: CredentialPurpose,
  claims: CredentialClaims,
  check: (token: string) => void = () => undefined,
): Promise<SignedCredential & { readonly keyMade: boolean }> {
  const { key, isNew } = await credentialKeyFrom(args, ringFile, purpose);
  const signed = await signCredential(key, claims);
  check(signed.token);
  if (isNew) await addKey(ringFile, key, purpose);
  await recordExpiry(ringFile, purpose, signed.kid, signed.expiresAt);
  return { ...signed, keyMade: isNew };
}

/** The key that signs now, or a new one that is not in the ring yet. */

async function credentialKeyFrom(
  args: Args,
  file: string,
  purpose: CredentialPurpose,
): Promise<{ readonly key: OperatorKey | BackendKey; readonly isNew: boolean }> {
  const missing = args.value("ring") !== undefined && !existsSync(file);
  const ring = missing ? { keys: [] } : await readRing(args);
  const key = credentialKeyOf(ring, purpose);
  if (key !== undefined) return { key, isNew: false };
  if (keysFor(ring, purpose).length > 0)
    return endFailed(
      `${shortName(file)} has no ${purpose} key that can sign now: the ring has only public halves, or its keys are not yet or no longer valid. Use the ring with the private halves, or add a key with \`npx stagedoor keys new --purpose ${purpose}\`.`,
    );
  const newKey = await makeKey(purpose, newKid(purpose, file), systemClock());
  return { key: (purpose === "operator" ? operatorKeySchema : backendKeySchema).parse(newKey), isNew: true };
}

async function addKey(file: string, key: OperatorKey | BackendKey, purpose: CredentialPurpose): Promise<void> {
  await changeRing(file, async ({ keys }) => ({
    keys: introduced<RingKey>(keys, key, purpose, systemClock()),
    result: undefined,
  }));
}

/** Records a credential's expiry before it is issued, so that `keys rotate` does not retire the key earlier. */
async function recordExpiry(
  file: string,
  purpose: CredentialPurpose,
  kid: string,
  expiresAt: UnixSeconds,
): Promise<void> {
  // A key without a recorded expiry may have signed a credential with the longest lifetime in an earlier version.
  const latest = after(systemClock(), longestHold(purpose, seconds(0)));
  await changeRing(file, async ({ keys }) => {
    const index = keys.findIndex((key) => key.purpose === purpose && key.kid === kid);
    const key = keys[index];
    if (key?.purpose !== "operator" && key?.purpose !== "backend") return { keys, result: undefined };
    if ((key.signedUntil ?? 0) >= expiresAt) return { keys, result: undefined };
    const signedUntil = Math.max(key.signedUntil ?? latest, expiresAt);
    return { keys: keys.with(index, { ...key, signedUntil }), result: undefined };
  });
}

/** Creates the file with mode 0600 in one step, so that other users can never read it. */
export function writeCredential(file: string, token: string): void {
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    endFailed(`${shortName(file)} cannot be written: ${reasonOf(error)}.`);
  }
}

/** What the API needs before it accepts a credential of this key. */
export function uploadStep(file: string, kid: string, isNew: boolean): string {
  if (file === devRingFile) return `Only the API of \`${startProgram}\` accepts this credential.`;
  return isNew
    ? `Next: ${uploadPhrase(file, `upload the public half of the new key ${kid} to the API`)}:\n${uploadCommand(file)}`
    : `The API accepts it if it has the public half of the key ${kid}. ${isReadByServe(file) ? "If not" : "To upload it"}:\n${uploadCommand(file)}`;
}
