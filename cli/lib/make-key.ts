import { randomBytes } from "node:crypto";
import { realpathSync } from "node:fs";
import { rfc3339, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { devKidPrefix } from "../../src/config/configuration.ts";
import { newBackendKey, newCloudFrontKey, newEdgeKey, newOperatorKey, newSessionKey } from "../../src/keys/generate.ts";
import { type CloudFrontKey, type RingKey, sessionKeySchema } from "../../src/keys/key.ts";
import type { RotatedPurpose } from "../../src/keys/rotation.ts";
import { type Args, endInvalid, endMisused } from "./command.ts";
import { devRingFile, shortName } from "./files.ts";
import { ringArgument } from "./ring-file.ts";

/** The purpose of a key, or the type of a CloudFront key. */
export type KeyKind = "session" | "cloudfront-session" | "operator" | "backend" | "rsa" | "ec";

export function purposeOf(kind: KeyKind): RotatedPurpose {
  return kind === "rsa" || kind === "ec" ? "cloudfront" : kind;
}

/** The first part of a generated kid. */
export function nameOf(kind: KeyKind): string {
  return kind === "rsa" || kind === "ec" ? `cloudfront-${kind}` : kind;
}

/** Makes a key. The ring records for a new key of operators or backends that it has signed nothing yet. */
export async function makeKey(kind: KeyKind, kid: string, now: UnixSeconds): Promise<RingKey> {
  if (kind === "session") return newSessionKey(kid, randomBytes);
  if (kind === "cloudfront-session") return newEdgeKey(kid, randomBytes);
  if (kind === "operator") return { ...(await newOperatorKey(kid)), signedUntil: now };
  return kind === "backend" ? { ...(await newBackendKey(kid)), signedUntil: now } : newCloudFrontKey(kid, kind);
}

/** Generates a kid, such as session-2026-11-18-5c1e0f. A prefix marks development keys, which deployed workers refuse. */
export function newKid(name: string, file: string): string {
  const day = rfc3339(systemClock()).slice(0, 10);
  return `${isDevRing(file) ? devKidPrefix : ""}${name}-${day}-${randomBytes(3).toString("hex")}`;
}

/** Ends the command if a key for a deployment has the name of a development key: deployed workers refuse the whole ring then. */
export function refuseDevKid(kid: string, file: string): void {
  if (!kid.startsWith(devKidPrefix) || isDevRing(file)) return;
  endMisused(
    `--kid must not begin with ${devKidPrefix} in ${shortName(file)}, and is ${JSON.stringify(kid)}: deployed workers refuse keys with that name. Choose another, or omit --kid.`,
  );
}

function isDevRing(file: string): boolean {
  return [file, realPath(file)].includes(devRingFile);
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    return file; // the file does not exist yet
  }
}

/** The value of --kid, in the form that a key ring accepts. */
export function readKid(args: Args): string | undefined {
  const kid = args.value("kid");
  if (kid === undefined || sessionKeySchema.shape.kid.safeParse(kid).success) return kid;
  return endInvalid("kid", kid, "1 to 64 characters of A-Z a-z 0-9 . _ -");
}

/** The error message for the kid of a new key that the ring has already. */
export function kidIsUsed(kid: string, file: string): string {
  return `${shortName(file)} has a key with the kid "${kid}" already: choose another with --kid.`;
}

/** The error message for a kid that the ring does not have. */
export function noSuchKey(kid: string, file: string): string {
  return `${shortName(file)} has no key ${JSON.stringify(kid)}. \`npx stagedoor keys list${ringArgument(file)}\` lists its keys.`;
}

/**
 * An id that CloudFront assigns to a public key, such as K2JCJMDEHXQW5F, or APKA… for a key pair of the root user. AWS does not
 * document the form. This pattern excludes an operator's own names, a key group's UUID and an ARN.
 */
export const cloudFrontId = /^[A-Z0-9]{10,32}$/;

/** How such ids begin in practice; AWS does not promise it. */
export const usualCloudFrontId = /^(K|APKA)/;

/**
 * Whether the kid of a key is the id that CloudFront assigned. The ring records this; in a ring of an earlier version the form
 * of the kid shows it, because no other kid may have that form.
 */
export function hasCloudFrontId({ kid, cloudfront }: Pick<CloudFrontKey, "kid" | "cloudfront">): boolean {
  return cloudfront !== undefined || cloudFrontId.test(kid);
}
