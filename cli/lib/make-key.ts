import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { rfc3339, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { devKidPrefix } from "../../src/config/configuration.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey } from "../../src/keys/generate.ts";
import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import type { RotatedPurpose } from "../../src/keys/rotation.ts";
import { devRingFile } from "./files.ts";

/** What a key is made for, and of which type where there are several. */
export type KeyKind = "session" | "operator" | "rsa" | "ec";

export function purposeOf(kind: KeyKind): RotatedPurpose {
  return kind === "rsa" || kind === "ec" ? "cloudfront" : kind;
}

/** The first part of a generated kid. */
export function nameOf(kind: KeyKind): string {
  return kind === "rsa" || kind === "ec" ? `cloudfront-${kind}` : kind;
}

/** A new key. That of operators has signed nothing yet, which is known for a new one alone. */
export async function makeKey(kind: KeyKind, kid: string, now: UnixSeconds): Promise<RingKey> {
  if (kind === "session") return newSessionKey(kid, randomBytes);
  return kind === "operator" ? { ...(await newOperatorKey(kid)), signedUntil: now } : newCloudFrontKey(kid, kind);
}

/** A name for a new key of a ring file. Kids of development say so: a worker of another environment refuses them. */
export function newKid(what: string, file: string): string {
  const day = rfc3339(systemClock()).slice(0, 10);
  const dev = [file, real(file)].includes(devRingFile);
  return `${dev ? devKidPrefix : ""}${what}-${day}-${randomBytes(3).toString("hex")}`;
}

function real(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // it is made in a moment
  }
}

/**
 * The id of a public key as CloudFront makes it up, K2JCJMDEHXQW5F for one, or APKA… for a key pair of an account's root
 * user. AWS documents no grammar; this tells it from a name of one's own, a key group's UUID and an ARN.
 */
export const cloudFrontId = /^[A-Z0-9]{10,32}$/;

/** How such ids have begun so far. Nothing says that they must. */
export const usualCloudFrontId = /^(K|APKA)/;

/**
 * Whether a key has the id that CloudFront gave it for its kid. The ring says so where this release wrote it; in a ring of
 * before, its form does, since no other name may have that ({@link ownKid}).
 */
export function hasCloudFrontId({ kid, cloudfront }: Pick<CloudFrontKey, "kid" | "cloudfront">): boolean {
  return cloudfront !== undefined || cloudFrontId.test(kid);
}
