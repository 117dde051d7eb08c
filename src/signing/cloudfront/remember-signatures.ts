import { makeRoom } from "../../base/oldest-out.ts";
import type { CloudFrontSign } from "./wire.ts";

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
