import { hasLeadingZero, readDecimal } from "../../base/decimal.ts";
import { parseIpv4 } from "../../base/ip-address.ts";

/** A range of IPv4 addresses: those that agree with `address` in the bits that `mask` has set. Unsigned 32-bit numbers. */
export type Ipv4Range = { readonly address: number; readonly mask: number };

/**
 * A range in CIDR notation (RFC 4632 §3.1), as `192.0.2.0/24`, or undefined. The mask has to be there. The SDK takes
 * empty, hexadecimal and octal-looking numbers, and nobody can say which range CloudFront would make of them.
 */
export function parseIpv4Range(text: string): Ipv4Range | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const address = parseIpv4(text.slice(0, slash));
  const bits = hasLeadingZero(text, slash + 1) ? undefined : readDecimal(text, slash + 1);
  if (address === undefined || bits === undefined || bits > 32) return undefined;
  return { address, mask: bits === 0 ? 0 : (0xffff_ffff << (32 - bits)) >>> 0 };
}

export function isInRange(range: Ipv4Range, address: number): boolean {
  return ((range.address ^ address) & range.mask) === 0;
}
