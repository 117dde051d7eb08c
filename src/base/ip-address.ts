import { hasLeadingZero, readDecimal } from "./encoding.ts";

/** An address in network byte order: 4 bytes of IPv4 or 16 of IPv6. */
export type IpAddress = Uint8Array;

/**
 * An IPv4 address as an unsigned 32-bit number, or undefined. Only four decimal numbers of 0 to 255 without leading
 * zeros are accepted: readers disagree about hexadecimal, octal and shortened forms.
 */
export function parseIpv4(text: string): number | undefined {
  let address = 0;
  let from = 0;
  for (let octet = 0; octet < 4; octet++) {
    const dot = octet < 3 ? text.indexOf(".", from) : text.length;
    const value = hasLeadingZero(text, from, dot) ? undefined : readDecimal(text, from, dot);
    if (value === undefined || value > 255) return undefined;
    address = address * 256 + value;
    from = dot + 1;
  }
  return address;
}

/**
 * An address in any spelling of RFC 4291 §2.2 (IPv6) or in dotted decimal (IPv4), or undefined. An IPv4-mapped address
 * (`::ffff:192.0.2.1`, §2.5.5.2) becomes its IPv4 address, so a client has one address in both spellings. A zone id
 * (`%eth0`) is refused: it has a meaning on one machine only.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  if (!text.includes(":")) return ipv4Bytes(text);
  const bytes = ipv6Bytes(text);
  return bytes !== undefined && isMapped(bytes) ? bytes.slice(12) : bytes;
}

/** The addresses whose first `bits` bits are those of `address`. */
export interface IpNetwork {
  readonly address: IpAddress;
  readonly bits: number;
}

/** An address, or a network such as `10.0.0.0/8` (RFC 4632 §3.1, RFC 4291 §2.3); undefined for any other text. */
export function parseNetwork(text: string): IpNetwork | undefined {
  const slash = text.indexOf("/");
  const address = parseIpAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = slash < 0 ? address.length * 8 : readDecimal(text, slash + 1);
  return bits === undefined || bits > address.length * 8 ? undefined : { address, bits };
}

function ipv4Bytes(text: string): IpAddress | undefined {
  const address = parseIpv4(text);
  if (address === undefined) return undefined;
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

const longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".length;

function ipv6Bytes(text: string): IpAddress | undefined {
  if (text.length > longest) return undefined;
  const gap = text.indexOf("::");
  if (gap < 0) {
    const bytes = groupBytes(text);
    return bytes?.length === 16 ? Uint8Array.from(bytes) : undefined;
  }
  // A second "::" leaves an empty group in the tail, and that is refused.
  const head = gap === 0 ? [] : groupBytes(text.slice(0, gap), false);
  const tail = gap + 2 === text.length ? [] : groupBytes(text.slice(gap + 2));
  // "::" replaces at least one group of zeros.
  if (head === undefined || tail === undefined || head.length + tail.length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** An address, or the whole bytes of a network: `192.0.2`, `2001:db8:0`. Zeros are not shortened. */
export function addressText(bytes: Uint8Array, family: 4 | 6): string {
  if (family === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(":");
}

/** The bytes of groups separated by single colons. With `dotted`, the last group may be an IPv4 address. */
function groupBytes(text: string, dotted = true): number[] | undefined {
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [i, group] of groups.entries()) {
    if (dotted && i === groups.length - 1 && group.includes(".")) {
      const last = ipv4Bytes(group);
      if (last === undefined) return undefined;
      bytes.push(...last);
    } else {
      const value = hexGroup(group);
      if (value === undefined) return undefined;
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

/** One to four hexadecimal digits, in either case. */
function hexGroup(text: string): number | undefined {
  return /^[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}

/** Whether the first 96 bits are those of `::ffff:0:0/96`. */
function isMapped(bytes: IpAddress): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
}
