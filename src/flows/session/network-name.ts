import { addressNameOf, networkNameOf } from "../../sessions/network.ts";
import type { Client } from "../client.ts";

/**
 * What a client is counted by: his network, since with one of IPv6 an attacker has more addresses than anybody can count.
 * Undefined where his address is not known, or is none.
 */
export function networkName({ address }: Client): string | undefined {
  return address === undefined ? undefined : networkNameOf(address);
}

/** A client's own address, by which it is counted before its network is: its neighbours do not pay for it. */
export function addressName({ address }: Client): string | undefined {
  return address === undefined ? undefined : addressNameOf(address);
}
