import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { Clock } from "../../base/seconds.ts";
import { cloudFrontKeyFor } from "../../keys/cloudfront.ts";
import { privateJwk } from "../../keys/public.ts";
import type { KeyRing } from "../../keys/ring.ts";
import type { CloudFrontHash } from "./policy.ts";
import { rememberSignatures } from "./remember-signatures.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "./sign.ts";
import { type CloudFrontSign, cloudFrontWire } from "./wire.ts";

/** What of an asset's settings decides how its URLs are signed. */
export interface SignerSettings {
  readonly url?: string | undefined;
  /** The ring's active key where it is left out. */
  readonly keyPairId?: string | undefined;
  readonly hash: CloudFrontHash;
}

/** A signer, and the kid of its key: the one that the asset names, or the one that is active. */
export interface AssetSigner extends CloudFrontSigner {
  readonly keyPairId: string;
}

/** About 4 MB of RSA signatures: a dozen long films within a step. */
const keptSignatures = 10_000;

/**
 * The signers of a ring's CloudFront keys, each made when it is first asked for and kept. `configuration_invalid` where
 * an asset names a key that the ring does not hold with its private half, or that has ended; and where it names none and
 * the ring has no active one. A public half alone is never the active one: it is passed over for a key that can sign.
 */
export function cloudFrontSigners(
  ring: KeyRing,
  mediaUrl: string,
  clock: Clock,
  signWith: (privateKey: JsonWebKey, hash: CloudFrontHash) => CloudFrontSign,
): (settings: SignerSettings) => Result<AssetSigner, Refusal> {
  const signers = new Map<string, AssetSigner>();
  const whole = { keys: ring.keys.filter((key) => key.purpose === "cloudfront" && key.d !== undefined) };
  return ({ url = mediaUrl, keyPairId: wanted, hash }) => {
    const now = clock();
    const signing = wanted === undefined ? cloudFrontKeyFor(whole, undefined, now) : undefined;
    // Where none can sign, the whole ring says why.
    const pair = signing?.ok === true ? signing : cloudFrontKeyFor(ring, wanted, now);
    if (!pair.ok) return refusal("configuration_invalid", pair.refusal);
    const keyPairId = pair.value.kid;
    const name = `${url} ${keyPairId} ${hash}`;
    const kept = signers.get(name);
    if (kept !== undefined) return ok(kept);
    const key = privateJwk(pair.value);
    if (key === undefined)
      return refusal(
        "configuration_invalid",
        "the key ring holds the CloudFront key that signs without its private half",
      );
    const distribution = { baseUrl: url, keyPairId, hash };
    const wire = cloudFrontWire(distribution, rememberSignatures(signWith(key, hash), keptSignatures));
    const signer = { ...cloudFrontSigner(distribution, wire), keyPairId };
    signers.set(name, signer);
    return ok(signer);
  };
}
