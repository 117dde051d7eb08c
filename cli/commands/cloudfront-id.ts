import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import { devRingFile } from "./files.ts";
import { endMisused } from "./outcome.ts";

/**
 * The id of a public key as CloudFront makes it up, K2JCJMDEHXQW5F for one, or APKA… for a key pair of an account's root
 * user. AWS documents no grammar; this tells it from a name of one's own, a key group's UUID and an ARN.
 */
export const cloudFrontId = /^[A-Z0-9]{10,32}$/;

/** How such ids have begun so far. Nothing says that they must. */
export const usualCloudFrontId = /^(K|APKA)/;

/**
 * Whether a key has the id that CloudFront gave it for its kid. The ring says so where this release wrote it; in a ring of
 * before, its form does, since no other name may have that ({@link nameOfOnesOwn}).
 */
export function hasCloudFrontId({ kid, cloudfront }: Pick<CloudFrontKey, "kid" | "cloudfront">): boolean {
  return cloudfront !== undefined || cloudFrontId.test(kid);
}

/** Whether CloudFront takes what a key signs, as far as the ring knows. No CloudFront stands in front of `npm start`. */
export function isBound(key: RingKey | undefined, file: string): boolean {
  return file === devRingFile || (key?.purpose === "cloudfront" && hasCloudFrontId(key));
}

/** A kid for a key that CloudFront has given no id to. One that looks like an id would be taken for one: it ends the command. */
export function nameOfOnesOwn(kid: string): string {
  return cloudFrontId.test(kid)
    ? endMisused(
        `"${kid}" has the form of an id of CloudFront's, which this key does not have yet: choose another name (lower case will do), and record the id with \`npx stagedoor keys bind\` once CloudFront has given one.`,
      )
    : kid;
}
