import { ok, type Result, refuse } from "../../base/result.ts";
import type { Clock } from "../../base/seconds.ts";
import type { CloudFrontKey } from "../../keys/key.ts";
import { publicHalf } from "../../keys/public.ts";
import { type KeyRing, keysFor, stillTaken } from "../../keys/ring.ts";
import { type CloudFrontPublicKey, importCloudFrontPublicKey } from "./public-key.ts";
import type { CloudFrontPublicKeys } from "./verify.ts";

/** The public halves of a ring's CloudFront keys, imported once, each until it ends; or what is wrong with each that cannot be. */
export async function publicKeysOf(
  ring: KeyRing,
  clock: Clock,
): Promise<Result<CloudFrontPublicKeys, readonly string[]>> {
  const keys = new Map<string, Pick<CloudFrontKey, "exp" | "state"> & { readonly verify: CloudFrontPublicKey }>();
  const faults: string[] = [];
  for (const key of keysFor(ring, "cloudfront")) {
    const imported = await importCloudFrontPublicKey(publicHalf(key));
    if (imported.ok) keys.set(key.kid, { exp: key.exp, state: key.state, verify: imported.value });
    else faults.push(`STAGEDOOR_KEYS: key "${key.kid}": ${imported.refusal}`);
  }
  if (faults.length > 0) return refuse(faults);
  return ok((keyPairId) => {
    const key = keys.get(keyPairId);
    return key !== undefined && stillTaken(key, clock()) ? key.verify : undefined;
  });
}
