import { equalInConstantTime } from "../base/constant-time.ts";
import { parseIpAddress } from "../base/ip-address.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import type { Asset } from "../catalog/asset.ts";
import { inPrefix, networkOf } from "../sessions/network.ts";
import type { BoundNetwork, GrantClaims } from "../signing/grant-claims.ts";
import type { Client } from "./client.ts";

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
export function bindingHolds({ network, userAgent }: Binding, client: Client): boolean {
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
