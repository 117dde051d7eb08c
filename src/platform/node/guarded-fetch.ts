import { lookup as systemLookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { Agent, type Dispatcher, fetch } from "undici";
import { addressText, parseIpAddress } from "../../base/ip-address.ts";
import type { OriginFetch } from "../../origin/http-origin.ts";

/**
 * Networks that are not on the public internet (IANA's registries of special-purpose addresses, RFC 6890), multicast and reserved
 * ones. Of IPv6, only global unicast (2000::/3, RFC 4291 §2.4) is public, so those are the exceptions within it.
 */
const special = blockList([
  ["0.0.0.0", 8], // this host
  ["10.0.0.0", 8], // private
  ["100.64.0.0", 10], // shared by customers of a provider; Alibaba's metadata
  ["127.0.0.0", 8], // loopback
  ["169.254.0.0", 16], // link-local; the metadata of most clouds
  ["172.16.0.0", 12], // private
  ["192.0.0.0", 24], // protocol assignments; Oracle's metadata
  ["192.0.2.0", 24], // documentation
  ["192.88.99.0", 24], // 6to4 relays
  ["192.168.0.0", 16], // private
  ["198.18.0.0", 15], // benchmarks
  ["198.51.100.0", 24], // documentation
  ["203.0.113.0", 24], // documentation
  ["224.0.0.0", 4], // multicast
  ["240.0.0.0", 4], // reserved, and broadcast
  ["2001::", 23], // protocol assignments, such as Teredo
  ["2001:db8::", 32], // documentation
  ["2002::", 16], // 6to4, which contains an IPv4 address
  ["3fff::", 20], // documentation
]);
const globalUnicast = blockList([["2000::", 3]]);
/** IPv4 addresses as networks with IPv6 alone reach them (NAT64, RFC 6052 §2.1). */
const translated = blockList([["64:ff9b::", 96]]);

/** Whether an address, as `dns.lookup` returns it, is on the public internet. */
export function isPublicAddress(address: string): boolean {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return false;
  const family = bytes.length === 4 ? 4 : 6;
  const text = addressText(bytes, family);
  if (family === 4) return !special.check(text, "ipv4");
  if (translated.check(text, "ipv6")) return isPublicAddress(addressText(bytes.subarray(12), 4));
  return globalUnicast.check(text, "ipv6") && !special.check(text, "ipv6");
}

class PrivateAddress extends Error {}

/**
 * fetch for origins that editors of the catalog choose: it connects to no private, loopback or link-local address unless
 * `privateHosts` lists the URL's host, with its port if that is not the scheme's default. So an asset cannot read the machine's
 * own services or a cloud's metadata.
 *
 * The address is checked when it is connected to, so a name that resolves to another address later is refused as well. Redirects
 * are not followed here: each hop of `http-origin.ts` is a call of its own.
 */
export function guardedFetch(privateHosts: readonly string[], lookup: LookupFunction = lookUpAll): OriginFetch {
  const listed = new Set(privateHosts);
  const open = new Agent();
  const guarded = new Agent({ connect: { lookup: publicOnly(lookup) } });
  return async (url, init) => {
    const { host, hostname } = new URL(url);
    if (listed.has(host)) return fetchWith(open, url, init);
    // A literal address is connected to without a lookup. The URL parser has normalized it: 0x7f.1 is 127.0.0.1.
    const literal = hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) !== 0 && !isPublicAddress(literal)) return "private_address";
    try {
      return await fetchWith(guarded, url, init);
    } catch (error) {
      if (error instanceof Error && error.cause instanceof PrivateAddress) return "private_address";
      throw error;
    }
  };
}

/** undici's fetch with the runtime's own classes: Node's fetch, which is an older undici, accepts no dispatcher of this one. */
async function fetchWith(dispatcher: Dispatcher, url: string, init: Parameters<OriginFetch>[1]): Promise<Response> {
  const response = await fetch(url, { ...init, headers: [...init.headers], dispatcher });
  const body: unknown = response.body;
  return new Response(body instanceof ReadableStream ? body : null, {
    status: response.status,
    headers: [...response.headers],
  });
}

/** Refuses a name if any of its addresses is private: which one would be used is a matter of chance. */
function publicOnly(lookup: LookupFunction): LookupFunction {
  return (name, options, callback) =>
    lookup(name, { ...options, all: true }, (error, found) => {
      const addresses = Array.isArray(found) ? found : [];
      const [first] = addresses;
      if (error !== null || first === undefined) callback(error ?? new Error("the name has no address"), "", 0);
      else if (!addresses.every(({ address }) => isPublicAddress(address))) callback(new PrivateAddress(), "", 0);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
}

const lookUpAll: LookupFunction = (name, options, callback) =>
  systemLookup(name, { ...options, all: true }, (error, addresses) => callback(error, addresses));

function blockList(networks: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of networks) list.addSubnet(network, bits, network.includes(":") ? "ipv6" : "ipv4");
  return list;
}
