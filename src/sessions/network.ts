import { parseIpAddress } from "../base/ip-address.ts";

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

/** The one spelling of a network, to be hashed: `4:192.0.2/24`, `6:2001:db8:0/48`. */
export function networkText({ family, bytes, bits }: Network): string {
  if (family === 4) return `4:${bytes.join(".")}/${bits}`;
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return `6:${groups.join(":")}/${bits}`;
}

/** {@link networkText} of the network that an address is in, or undefined for what is no address. */
export function networkNameOf(address: string): string | undefined {
  const network = networkOf(address);
  return network === undefined ? undefined : networkText(network);
}

/**
 * The name of a client's own address, or undefined for what is no address: all of IPv4, a /64 of IPv6, within which one device
 * chooses its address as it likes (RFC 8981). `4:192.0.2.7/32`, `6:2001:db8:0:1/64`.
 */
export function addressNameOf(address: string): string | undefined {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return `4:${bytes.join(".")}/32`;
  const groups = [0, 2, 4, 6].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return `6:${groups.join(":")}/64`;
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
