import { randomBytes } from "node:crypto";
import type { UnixSeconds } from "../../src/base/seconds.ts";
import { newCloudFrontKey, newOperatorKey, newSessionKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import type { RotatedPurpose } from "../../src/keys/rotation.ts";

/** What a key is made for, and of which type where there are several. */
export type KeyKind = "session" | "operator" | "rsa" | "ec";

export function purposeOf(kind: KeyKind): RotatedPurpose {
  return kind === "rsa" || kind === "ec" ? "cloudfront" : kind;
}

/** What stands in a made-up kid. */
export function nameOf(kind: KeyKind): string {
  return kind === "rsa" || kind === "ec" ? `cloudfront-${kind}` : kind;
}

/** A new key. That of operators has signed nothing yet, which is known for a new one alone. */
export async function makeKey(kind: KeyKind, kid: string, now: UnixSeconds): Promise<RingKey> {
  if (kind === "session") return newSessionKey(kid, randomBytes);
  return kind === "operator" ? { ...(await newOperatorKey(kid)), signedUntil: now } : newCloudFrontKey(kid, kind);
}
