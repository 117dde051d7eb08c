import { decodeBase64url, encodeBase64url } from "../base/base64url.ts";
import type { MacPort } from "../base/hmac.ts";
import type { RandomBytes } from "../base/random.ts";
import type { LeaseRows } from "./lease-row.ts";

/** What makes hashes of networks. */
export interface NetworkSecrets {
  readonly hmac: MacPort;
  readonly random: RandomBytes;
}

/**
 * The hash that stands for a network in one subject's rows: 132 bits of HMAC-SHA256 in base64url. Its key belongs to these
 * rows alone and is kept beside them, made with the first. It is none of the session keys: when one of those follows
 * another, one network would have two hashes, and a session in two networks would count as one that was passed around.
 */
export function networkHash(
  store: Pick<LeaseRows, "networkKey" | "putNetworkKey">,
  { hmac, random }: NetworkSecrets,
): (network: string) => string {
  const keyOf = () => {
    const kept = store.networkKey();
    if (kept !== undefined) return decodeBase64url(kept);
    const made = random(32);
    store.putNetworkKey(encodeBase64url(made));
    return made;
  };
  const prepare = () => {
    const key = keyOf();
    if (key === undefined) throw new TypeError("the key of a subject's networks is no base64url");
    return hmac(key);
  };
  let mac: ReturnType<MacPort> | undefined;
  return (network) => {
    mac ??= prepare();
    return mac.base64url(network).slice(0, 22);
  };
}
