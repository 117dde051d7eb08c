import { createHash } from "node:crypto";
import type { CloudFrontKey } from "../../src/keys/key.ts";
import { publicPem } from "../../src/keys/public.ts";
import { hasCloudFrontId } from "./cloudfront-id.ts";

/** A public key as CloudFront's PublicKeyConfig takes it; nothing of the private half is in it. */
export interface CloudFrontUpload {
  readonly kid: string;
  /**
   * How CloudFront has the key already: not at all (`new`); by what was exported here (`bound`), so that a template goes on
   * holding it, or its stack would delete it; or from elsewhere (`imported`), so that no template may make it again.
   */
  readonly known: "new" | "bound" | "imported";
  /** 16 hexadecimal digits of the public key's SHA-256: what tells it from others in names that take no more. */
  readonly fingerprint: string;
  /** CallerReference: the same key gives the same one, so that CloudFront makes no second key of it. */
  readonly callerReference: string;
  /** Name: letters, digits and hyphens. */
  readonly name: string;
  /** Comment: 128 characters at most. It carries the kid. */
  readonly comment: string;
  /** EncodedKey: SubjectPublicKeyInfo as PEM, with the line break at its end that CloudFront gives back. */
  readonly pem: string;
}

/** The comment on the key group, whatever its name. */
export const keyGroupComment = "The keys that sign Stagedoor's segments";
/** What the key group is called where nobody gives it another name; several environments of an account need several. */
export const usualKeyGroup = "stagedoor";
/** Names of key groups that all three forms take as they are. */
export const keyGroupName = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

/** CloudFront's managed cache policy CachingOptimized and response headers policy SimpleCORS: the same in every account. */
export const managedPolicies = {
  cache: "658327ea-f89d-4fab-a63d-7e88639e58f6",
  responseHeaders: "60669652-455b-4ae9-85a4-c4c02393f86c",
} as const;

/**
 * What CloudFront is given of a key. Its names come from the public key itself: the kid becomes the id that CloudFront
 * makes up, and CloudFront lets nothing but a key's comment change. Named after the kid, a key would be replaced by a
 * second one at the next export, and every URL that the first one signed refused.
 */
export async function cloudFrontUpload(key: CloudFrontKey): Promise<CloudFrontUpload> {
  const pem = await publicPem(key);
  const digest = createHash("sha256").update(pem).digest("hex");
  const fingerprint = digest.slice(0, 16);
  return {
    kid: key.kid,
    known: key.cloudfront ?? (hasCloudFrontId(key) ? "bound" : "new"),
    fingerprint,
    callerReference: `stagedoor-${digest}`,
    name: `stagedoor-${fingerprint}`,
    comment: `Stagedoor key ${key.kid}`,
    pem,
  };
}
