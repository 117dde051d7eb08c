import { equalInConstantTime } from "../base/crypto.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Asset } from "../catalog/asset.ts";
import type { BoundNetwork, GrantClaims } from "../signing/grant-claims.ts";

/** Who sends a request, as far as a session can be bound to it. */
export interface Client {
  /** The address, as the CDN in front saw it; undefined without a CDN in front. */
  readonly address: string | undefined;
  /** SHA-256 of the User-Agent (empty where none came), 32 bytes in base64url. A function, since few sessions ask for it. */
  readonly userAgentHash: () => string;
}

/**
 * The network that a client is in: what one household, office or mobile cell keeps while its addresses change. A /24 of
 * IPv4, a /48 of IPv6 (RFC 6177: what a site gets at most).
 */
export interface Network {
  readonly family: 4 | 6;
  /** The prefix alone: 3 bytes of IPv4, 6 of IPv6. */
  readonly bytes: Uint8Array;
  readonly bits: 24 | 48;
}

/** The network of an address as `CF-Connecting-IP` gives it, or undefined for what is none. See {@link parseIpAddress}. */
export function networkOf(address: string): Network | undefined {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4
    ? { family: 4, bytes: bytes.subarray(0, 3), bits: 24 }
    : { family: 6, bytes: bytes.subarray(0, 6), bits: 48 };
}

/**
 * Whether the first `bits` bits of an address are those of a prefix. Bytes that the prefix lacks are zeros (RFC 9164 §3.1.3
 * has them left out), bits beyond `bits` do not count, and an address that is shorter than `bits` fits nothing. The prefix
 * does not say whether it is one of IPv4 or IPv6: the caller compares that first, as an address has 4 bytes or 16.
 */
export function inPrefix(prefix: Uint8Array, bits: number, address: Uint8Array): boolean {
  if (!Number.isInteger(bits) || bits < 0 || address.length * 8 < bits) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if ((prefix[i] ?? 0) !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((prefix[whole] ?? 0) ^ (address[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0;
}

/** What a grant says of where it may be used: `catnip` and `cath` of CTA-5007. */
export type Binding = Pick<GrantClaims, "network" | "userAgent">;

/**
 * What a session of this asset is bound to when this client starts it. `address_unknown` where that is a network and the
 * client's address is not known: a session that were bound to nothing would be worth more than was asked for.
 */
export function bindTo({ binding }: Asset, client: Client): Result<Binding, Refusal> {
  if (binding === undefined) return ok({});
  const userAgent = binding.userAgent ? { userAgent: client.userAgentHash() } : {};
  if (binding.network === undefined) return ok(userAgent);
  const network = boundNetwork(client.address ?? "", binding.network);
  if (network === undefined) return refusal("address_unknown", "the asset binds to the network, and no address came");
  return ok({ ...userAgent, network });
}

/**
 * Whether a grant may be used by this client: a URL that was copied to another network or browser opens nothing there.
 * What a grant does not say is not asked, and what it says holds wherever it was said by.
 */
export function isBindingMet({ network, userAgent }: Binding, client: Client): boolean {
  if (network !== undefined && !isIn(network, client.address ?? "")) return false;
  return userAgent === undefined || equalInConstantTime(userAgent, client.userAgentHash());
}

function boundNetwork(address: string, extent: "prefix" | "exact"): BoundNetwork | undefined {
  const whole = parseIpAddress(address);
  if (whole === undefined) return undefined;
  const family = whole.length === 4 ? 4 : 6;
  if (extent === "exact") return { family, bits: whole.length * 8, bytes: whole };
  const found = networkOf(address);
  if (found === undefined) return undefined;
  const bytes = new Uint8Array(whole.length);
  bytes.set(found.bytes);
  return { family, bits: found.bits, bytes };
}

function isIn(network: BoundNetwork, address: string): boolean {
  const bytes = parseIpAddress(address);
  return bytes?.length === network.bytes.length && inPrefix(network.bytes, network.bits, bytes);
}
