import { hasLeadingZero, readDecimal } from "../../base/decimal.ts";

/** A range of IPv4 addresses: those that agree with `address` in the bits that `mask` has set. Unsigned 32-bit numbers. */
export type Ipv4Range = { readonly address: number; readonly mask: number };

/**
 * An IPv4 address as a number, or undefined for anything but four decimal numbers of 0 to 255 without leading zeros. The
 * SDK takes empty, hexadecimal and octal-looking ones, and nobody can say which range CloudFront would make of them.
 */
export function parseIpv4(text: string): number | undefined {
  const octets = text.split(".");
  if (octets.length !== 4) return undefined;
  let address = 0;
  for (const octet of octets) {
    const value = smallNumber(octet, 255);
    if (value === undefined) return undefined;
    address = address * 256 + value;
  }
  return address;
}

/** A range in CIDR notation (RFC 4632 §3.1), as `192.0.2.0/24`, or undefined. The mask has to be there. */
export function parseIpv4Range(text: string): Ipv4Range | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIpv4(text.slice(0, slash));
  const bits = smallNumber(text.slice(slash + 1), 32);
  if (address === undefined || bits === undefined) return undefined;
  return { address, mask: bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0 };
}

export function isInRange(range: Ipv4Range, address: number): boolean {
  return ((range.address ^ address) & range.mask) === 0;
}

function smallNumber(text: string, largest: number): number | undefined {
  const value = hasLeadingZero(text) ? undefined : readDecimal(text);
  return value !== undefined && value <= largest ? value : undefined;
}
