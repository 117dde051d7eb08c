import { ok, type Result, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/seconds.ts";
import type { CloudFrontKey } from "./key.ts";
import { inUse, signsByAsset } from "./life.ts";
import { type KeyRing, keysFor, stillTaken } from "./ring.ts";

/**
 * The CloudFront key that signs for an asset: the one that it names as `keyPairId`, or the ring's active one. Refused with
 * a sentence where the ring does not hold it, where it has ended, or where several could be meant.
 */
export function cloudFrontKeyFor(
  ring: KeyRing,
  keyPairId: string | undefined,
  now: UnixSeconds,
): Result<CloudFrontKey, string> {
  const keys = keysFor(ring, "cloudfront");
  if (keyPairId !== undefined) {
    const named = keys.find(({ kid }) => kid === keyPairId);
    return named !== undefined && stillTaken(named, now)
      ? ok(named)
      : refuse("the key ring does not hold the asset's keyPairId (any more)");
  }
  const active = inUse(keys, "cloudfront", now);
  if (active !== undefined) return ok(active);
  return refuse(
    keys.filter((key) => signsByAsset(key, now)).length > 1
      ? "the asset names no keyPairId, and several CloudFront keys of the ring could be meant, since none is active by its state"
      : "the asset names no keyPairId, and no CloudFront key of the ring is active",
  );
}
