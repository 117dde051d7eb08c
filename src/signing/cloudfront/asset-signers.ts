import { makeRoom } from "../../base/bounded-map.ts";
import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import type { Clock } from "../../base/time.ts";
import { privateJwk } from "../../keys/key-material.ts";
import { cloudFrontKeyFor } from "../../keys/life.ts";
import type { KeyRing } from "../../keys/ring.ts";
import type { CloudFrontHash } from "./cloudfront-policy.ts";
import { type CloudFrontSigner, cloudFrontSigner } from "./cloudfront-signer.ts";
import { type CloudFrontSign, cloudFrontWire } from "./wire-format.ts";

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
): (settings: SignerSettings) => Result<AssetSigner, Refusal<"configuration_invalid">> {
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

/**
 * {@link CloudFrontSign} with a memory. A canned signature for one URL and expiry, and a custom one for one directory and
 * expiry, are the same for every viewer, so each is made once; and since an ECDSA signature differs each time it is made,
 * the memory is also what makes two playlists within a step the same bytes.
 *
 * @param capacity how many signatures are kept (256 bytes each with RSA, and the policy's text); the oldest goes first
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
