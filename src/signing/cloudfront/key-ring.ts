import { ok, type Result, refuse } from "../../base/result.ts";
import { publicHalf } from "../../keys/public.ts";
import { type KeyRing, keysFor } from "../../keys/ring.ts";
import { type CloudFrontPublicKey, importCloudFrontPublicKey } from "./public-key.ts";
import type { CloudFrontPublicKeys } from "./verify.ts";

/** The public halves of a ring's CloudFront keys, imported once; or what is wrong with each that cannot be. */
export async function publicKeysOf(ring: KeyRing): Promise<Result<CloudFrontPublicKeys, readonly string[]>> {
  const keys = new Map<string, CloudFrontPublicKey>();
  const faults: string[] = [];
  for (const key of keysFor(ring, "cloudfront")) {
    const imported = await importCloudFrontPublicKey(publicHalf(key));
    if (imported.ok) keys.set(key.kid, imported.value);
    else faults.push(`STAGEDOOR_KEYS: key "${key.kid}": ${imported.refusal}`);
  }
  return faults.length > 0 ? refuse(faults) : ok((keyPairId) => keys.get(keyPairId));
}
