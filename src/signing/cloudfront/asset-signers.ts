import { makeRoom } from "../../base/bounded-map.ts";
import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import type { Clock } from "../../base/time.ts";
import { privateJwk } from "../../keys/key-material.ts";
import { cloudFrontKeyFor } from "../../keys/life.ts";
import type { KeyRing } from "../../keys/ring.ts";
import type { CloudFrontHash } from "./cloudfront-policy.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "./cloudfront-signer.ts";
import { type CloudFrontSign, cloudFrontWire } from "./wire-format.ts";

/** The settings of an asset that decide how its URLs are signed. */
export interface SignerSettings {
  readonly url?: string | undefined;
  /** Defaults to the ring's active key. */
  readonly keyPairId?: string | undefined;
  readonly hash: CloudFrontHash;
}

/** A signer and the kid of its key. */
export interface AssetSigner extends CloudFrontSigner {
  readonly keyPairId: string;
}

/** About 4 MB of RSA signatures: a dozen long films within a step. */
const keptSignatures = 10_000;

/**
 * The signers of a ring's CloudFront keys, made on first use and cached. `configuration_invalid`: the asset names a key
 * that the ring does not have with its private half, or that has expired; or it names none and no key is active. A
 * public half alone is never active.
 */
export function cloudFrontSigners(
  ring: KeyRing,
  mediaUrl: string,
  clock: Clock,
  signWith: (privateKey: JsonWebKey, hash: CloudFrontHash) => CloudFrontSign,
): (settings: SignerSettings) => Result<AssetSigner, Refusal<"configuration_invalid">> {
  const signers = new Map<string, AssetSigner>();
  const whole = { keys: ring.keys.filter((key) => key.purpose === "cloudfront" && key.d !== undefined) };
  return ({ url = mediaUrl, keyPairId: wanted, hash }) => {
    const now = clock();
    const signing = wanted === undefined ? cloudFrontKeyFor(whole, undefined, now) : undefined;
    // If no key can sign, the whole ring gives the reason.
    const pair = signing?.ok === true ? signing : cloudFrontKeyFor(ring, wanted, now);
    if (!pair.ok) return refusal("configuration_invalid", pair.refusal);
    const keyPairId = pair.value.kid;
    const name = `${url} ${keyPairId} ${hash}`;
    const kept = signers.get(name);
    if (kept !== undefined) return ok(kept);
    const key = privateJwk(pair.value);
    if (key === undefined)
      return refusal("configuration_invalid", "the key ring has only the public half of the CloudFront key that signs");
    const distribution = { baseUrl: url, keyPairId, hash };
    const wire = cloudFrontWire(distribution, rememberSignatures(signWith(key, hash), keptSignatures));
    const signer = { ...cloudFrontSigner(distribution, wire), keyPairId };
    signers.set(name, signer);
    return ok(signer);
  };
}

/**
 * {@link CloudFrontSign} with a cache. A canned signature for one URL and expiry, and a custom one for one directory
 * and expiry, are the same for every viewer. Each ECDSA signature is different, so the cache also makes two playlists
 * within a step equal.
 *
 * @param capacity number of cached signatures (256 bytes each with RSA, plus the policy's text); the oldest is removed
 * first
 */
export function rememberSignatures(sign: CloudFrontSign, capacity: number): CloudFrontSign {
  if (!Number.isSafeInteger(capacity) || capacity < 1) throw new RangeError(`not a number of signatures: ${capacity}`);
  const signatures = new Map<string, Uint8Array>();
  return (policy) => {
    const known = signatures.get(policy);
    if (known !== undefined) return known;
    const signature = sign(policy);
    makeRoom(signatures, capacity);
    signatures.set(policy, signature);
    return signature;
  };
}
