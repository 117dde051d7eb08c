import { devRingFile } from "./files.ts";

/**
 * The id of a public key as CloudFront makes it up, K2JCJMDEHXQW5F for one, or APKA… for a key pair of an account's root
 * user. AWS documents no grammar; this tells it from a name of one's own, a key group's UUID and an ARN.
 */
export const cloudFrontId = /^[A-Z0-9]{10,32}$/;

/** Whether a key has the id that CloudFront gave it for its kid. No CloudFront stands in front of `npm start`. */
export function isBound(kid: string, file: string): boolean {
  return file === devRingFile || cloudFrontId.test(kid);
}
