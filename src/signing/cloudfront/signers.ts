import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Clock } from "../../base/seconds.ts";
import { privateJwk } from "../../keys/public.ts";
import { type KeyRing, keysFor, stillTaken } from "../../keys/ring.ts";
import type { CloudFrontHash } from "./policy.ts";
import { rememberSignatures } from "./remember-signatures.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "./sign.ts";
import { type CloudFrontSign, cloudFrontWire } from "./wire.ts";

/** What of an asset's settings decides how its URLs are signed. */
export interface SignerSettings {
  readonly url?: string | undefined;
  readonly keyPairId: string;
  readonly hash: CloudFrontHash;
}

/** About 4 MB of RSA signatures: a dozen long films within a step. */
const keptSignatures = 10_000;

/**
 * The signers of a ring's CloudFront keys, each made when it is first asked for and kept. `configuration_invalid` where
 * an asset names a key that the ring does not hold with its private half, or that has ended.
 */
export function cloudFrontSigners(
  ring: KeyRing,
  mediaUrl: string,
  clock: Clock,
  signWith: (privateKey: JsonWebKey, hash: CloudFrontHash) => CloudFrontSign,
): (settings: SignerSettings) => Result<CloudFrontSigner, Refusal> {
  const signers = new Map<string, CloudFrontSigner>();
  return ({ url = mediaUrl, keyPairId, hash }) => {
    const pair = keysFor(ring, "cloudfront").find(({ kid }) => kid === keyPairId);
    if (pair === undefined || !stillTaken(pair, clock()))
      return refusal("configuration_invalid", "the key ring does not hold the asset's keyPairId (any more)");
    const name = `${url} ${keyPairId} ${hash}`;
    const kept = signers.get(name);
    if (kept !== undefined) return ok(kept);
    const key = privateJwk(pair);
    if (key === undefined)
      return refusal("configuration_invalid", "the key ring holds the asset's keyPairId without its private half");
    const distribution = { baseUrl: url, keyPairId, hash };
    const signer = cloudFrontSigner(
      distribution,
      cloudFrontWire(distribution, rememberSignatures(signWith(key, hash), keptSignatures)),
    );
    signers.set(name, signer);
    return ok(signer);
  };
}
