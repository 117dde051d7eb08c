import { equalInConstantTime } from "../base/crypto.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import type { Asset } from "../catalog/asset.ts";
import type { BoundNetwork, GrantClaims } from "../signing/grant.ts";

/** What a session can be bound to: the client's address and User-Agent. */
export interface Client {
  /** The address that the CDN reports; undefined without a CDN. */
  readonly address: string | undefined;
  /**
   * SHA-256 of the User-Agent (empty if missing), 32 bytes in base64url; undefined if a backend describes the client and
   * does not name it. A function, since few sessions need it.
   */
  readonly userAgentHash: () => string | undefined;
}

/**
 * The network of a client, which one household, office or mobile cell keeps while its addresses change: a /24 of IPv4
 * or a /48 of IPv6 (RFC 6177: the most that a site gets).
 */
export interface Network {
  readonly family: 4 | 6;
  /** The prefix: 3 bytes of IPv4, 6 of IPv6. */
  readonly bytes: Uint8Array;
  readonly bits: 24 | 48;
}

/** The network of an address from `CF-Connecting-IP`; undefined for an invalid address. See {@link parseIpAddress}. */
export function networkOf(address: string): Network | undefined {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4
    ? { family: 4, bytes: bytes.subarray(0, 3), bits: 24 }
    : { family: 6, bytes: bytes.subarray(0, 6), bits: 48 };
}

/**
 * Whether the first `bits` bits of an address equal those of a prefix. Missing bytes of the prefix are zeros (RFC 9164
 * §3.1.3 omits them), and an address shorter than `bits` never matches. The prefix does not tell IPv4 from IPv6: the
 * caller first compares the families, by the address length of 4 or 16 bytes.
 */
export function inPrefix(prefix: Uint8Array, bits: number, address: Uint8Array): boolean {
  if (!Number.isInteger(bits) || bits < 0 || address.length * 8 < bits) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if ((prefix[i] ?? 0) !== address[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((prefix[whole] ?? 0) ^ (address[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0;
}

/** The client that a grant is bound to: `catnip` and `cath` of CTA-5007. */
export type Binding = Pick<GrantClaims, "network" | "userAgent">;

/**
 * The binding of a session of this asset that this client starts. If the asset binds to the network, a client whose
 * address is unknown is refused (`address_unknown`): an unbound grant could be shared. `body_invalid`: the asset binds to
 * a User-Agent that a backend did not name.
 */
export function bindTo(
  { binding }: Asset,
  client: Client,
): Result<Binding, Refusal<"address_unknown" | "body_invalid">> {
  if (binding === undefined) return ok({});
  const userAgentHash = binding.userAgent ? client.userAgentHash() : undefined;
  if (binding.userAgent && userAgentHash === undefined)
    return refusal(
      "body_invalid",
      "a backend's request names no viewer.userAgent, and the asset is bound to it",
      "viewer.userAgent: Send it: the asset is bound to the viewer's User-Agent.",
    );
  const userAgent = userAgentHash === undefined ? {} : { userAgent: userAgentHash };
  if (binding.network === undefined) return ok(userAgent);
  const network = boundNetwork(client.address ?? "", binding.network);
  if (network === undefined) return refusal("address_unknown", "the asset binds to the network, and no address came");
  return ok({ ...userAgent, network });
}

/**
 * Whether this client matches the grant's binding: a URL that was copied to another network or browser is refused
 * there. Only the grant decides, not the asset's current settings.
 */
export function isBindingMet({ network, userAgent }: Binding, client: Client): boolean {
  if (network !== undefined && !isIn(network, client.address ?? "")) return false;
  return userAgent === undefined || equalInConstantTime(userAgent, client.userAgentHash() ?? "");
}

function boundNetwork(address: string, extent: "prefix" | "exact"): BoundNetwork | undefined {
  const whole = parseIpAddress(address);
  if (whole === undefined) return undefined;
  const family = whole.length === 4 ? 4 : 6;
  if (extent === "exact") return { family, bits: whole.length * 8, bytes: whole };
  const network = networkOf(address);
  if (network === undefined) return undefined;
  const bytes = new Uint8Array(whole.length);
  bytes.set(network.bytes);
  return { family, bits: network.bits, bytes };
}

function isIn(network: BoundNetwork, address: string): boolean {
  const bytes = parseIpAddress(address);
  return bytes?.length === network.bytes.length && inPrefix(network.bytes, network.bits, bytes);
}
