import type { CloudFrontHash } from "./policy.ts";

/** A CloudFront distribution and the key that its URLs are signed under. */
export type CloudFrontDistribution = {
  /** Scheme and host alone, as a browser writes them: `https://d111111abcdef8.cloudfront.net`. */
  readonly baseUrl: string;
  /** The id that CloudFront gave to the public key. */
  readonly keyPairId: string;
  readonly hash: CloudFrontHash;
};

const known: Record<keyof CloudFrontDistribution, true> = { baseUrl: true, keyPairId: true, hash: true };
const keyPairIdCharacters = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * What is wrong with a distribution, in words for whoever configures it; empty where nothing is. It takes anything,
 * since a configuration comes from outside, and an option that is misspelled is a fault: the SDK ignores it without a
 * word, and signs with SHA-1 what was to be SHA-256.
 */
export function distributionFaults(distribution: object): readonly string[] {
  const faults = Object.keys(distribution)
    .filter((option) => !Object.hasOwn(known, option))
    .map((option) => `unknown option "${option}": a CloudFront distribution has ${Object.keys(known).join(", ")}`);
  const { baseUrl, keyPairId, hash }: { baseUrl?: unknown; keyPairId?: unknown; hash?: unknown } = distribution;
  const baseUrlFault = typeof baseUrl === "string" ? faultOfBaseUrl(baseUrl) : "it is not a text";
  if (baseUrlFault !== undefined) faults.push(`baseUrl: ${baseUrlFault}`);
  if (typeof keyPairId !== "string" || !keyPairIdCharacters.test(keyPairId))
    faults.push("keyPairId: it is 1 to 64 characters of A-Z a-z 0-9 . _ -");
  if (hash !== "SHA1" && hash !== "SHA256") faults.push('hash: it is "SHA1" or "SHA256"');
  return faults;
}

/** Throws a TypeError with every fault of a distribution. */
export function assertDistribution(distribution: CloudFrontDistribution): void {
  const faults = distributionFaults(distribution);
  if (faults.length > 0) throw new TypeError(`the CloudFront distribution is wrong: ${faults.join("; ")}`);
}

/**
 * The resource that is signed is compared as text with what the browser asks for, so a base URL has to be spelled as the
 * browser spells it: lower case, no default port, no slash at its end.
 */
function faultOfBaseUrl(baseUrl: string): string | undefined {
  if (baseUrl.includes("*")) return "an asterisk in it would be a wildcard";
  if (!URL.canParse(baseUrl)) return "it is not a URL";
  const { origin, protocol } = new URL(baseUrl);
  if (protocol !== "https:" && protocol !== "http:") return "it begins with https:// or http://";
  return origin === baseUrl ? undefined : `it is a scheme and a host alone, spelled ${origin}`;
}
