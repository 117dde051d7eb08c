import { hexOfByte } from "./signed-target.ts";
import type { Primitives, VerifiedGrant, VerifiedNetwork, VerifierClient } from "./verifier-types.ts";

/** Whether a client is the one that the grant is bound to, as `isBindingMet` of `sessions/client-network.ts` decides. */
export function isBindingMet(grant: VerifiedGrant, client: VerifierClient, primitives: Primitives): boolean {
  const network = grant.network;
  return (
    (!network || isInNetwork(hexOf(client.address), network)) &&
    (!grant.userAgent || grant.userAgent === primitives.sha256(client.userAgent))
  );
}

function isInNetwork(address: string, network: VerifiedNetwork): boolean {
  const whole = network.bits >> 2;
  // Zeros at the end of a prefix are left out (RFC 9164 §3.1.3).
  const prefix = network.prefix + Array(33).join("0");
  const rest = parseInt(address.charAt(whole), 16) ^ parseInt(prefix.charAt(whole), 16);
  return (
    address.length === network.digits &&
    address.slice(0, whole) === prefix.slice(0, whole) &&
    !(rest >> (4 - (network.bits & 3)))
  );
}

/**
 * An address as 8 hexadecimal digits of IPv4, also if it is mapped into IPv6, or 32 of IPv6. Empty if it is not an
 * address; see `parseIpAddress` of `base/ip-address.ts`.
 */
function hexOf(address: string): string {
  const last = address.slice(address.lastIndexOf(":") + 1);
  const dotted = last.indexOf(".") < 0 ? "" : ipv4Hex(last);
  if (last === address) return dotted;
  const text = dotted ? `${address.slice(0, -last.length)}${dotted.slice(0, 4)}:${dotted.slice(4)}` : address;
  const halves = text.split("::").map((half) => (half ? half.split(":") : []));
  let groups = halves[0] || [];
  if (halves.length === 2) {
    const tail = halves[1] || [];
    // "::" replaces at least one group of zeros.
    do groups.push("0");
    while (groups.length + tail.length < 8);
    groups = groups.concat(tail);
  }
  const valid = groups.length === 8 && halves.length < 3 && groups.every((group) => /^[\da-f]{1,4}$/i.test(group));
  const hex = groups.map((group) => `000${group}`.slice(-4)).join("");
  return valid ? hex.toLowerCase().replace(/^0{20}ffff/, "") : "";
}

/** Four decimal numbers of 0 to 255, each in its one spelling. */
function ipv4Hex(text: string): string {
  const octets = text.split(".");
  const valid = octets.length === 4 && octets.every((octet) => String(Number(octet) & 255) === octet);
  return valid ? octets.map((octet) => hexOfByte(Number(octet))).join("") : "";
}
