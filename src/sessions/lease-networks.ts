import type { MacPort, RandomBytes } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { after, type Seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { LeaseRows, NetworkSeen } from "./lease-rows.ts";

/** How many networks are kept of a session where no limit is set, and how many trusted ones that are silent. */
const networksKept = 16;

/** A request of a session, its network by its hash. */
export interface NetworkAsking {
  readonly network: string | undefined;
  /** Whether a playlist was loaded from there. */
  readonly playlist: boolean;
  readonly mostNetworks: number | undefined;
  readonly now: UnixSeconds;
  /** Another network that the session has been admitted in. */
  readonly first?: { readonly network: string | undefined; readonly playlist: boolean } | undefined;
}

/** What becomes of a request from a network, and the networks of the session after it. */
export type NetworkDecision =
  | { readonly status: "admitted"; readonly networks: readonly NetworkSeen[]; readonly isNews: boolean }
  /** The session is alive in as many networks as it may be. */
  | { readonly status: "elsewhere" }
  /** Too many networks have loaded playlists. */
  | { readonly status: "shared"; readonly networks: readonly NetworkSeen[] };

/**
 * Whether a session may be alive in one more network. Networks are counted that were seen within a lease.
 *
 * Somebody who has got hold of one segment URL (from a log, a screenshot, a proxy) can request it from anywhere, so requests
 * for segments never end a session: beyond the limit they are refused, and the session goes on in the networks that it is in.
 * A playlist URL is worth more. A network that loaded one is trusted and comes first: it takes the place of one that did
 * not, and where more networks than the limit have loaded playlists, the manifest URL was passed around and the session ends.
 * A network stays trusted while it is silent, so that a viewer who pauses a film finds their place again: players of VOD load
 * no playlist after the first.
 */
export function decideNetwork(
  known: readonly NetworkSeen[],
  asking: NetworkAsking,
  leaseTtl: Seconds,
): NetworkDecision {
  if (asking.first === undefined) return decideOne(known, asking, leaseTtl);
  const first = decideOne(known, { ...asking, ...asking.first }, leaseTtl);
  if (first.status === "shared") return first;
  if (first.status === "elsewhere") return decideOne(known, asking, leaseTtl);
  const own = decideOne(first.networks, asking, leaseTtl);
  return own.status === "admitted" ? { ...own, isNews: own.isNews || first.isNews } : own;
}

function decideOne(
  known: readonly NetworkSeen[],
  { network, playlist, mostNetworks, now }: NetworkAsking,
  leaseTtl: Seconds,
): NetworkDecision {
  if (network === undefined) return { status: "admitted", networks: known, isNews: false };
  const before = known.find((seen) => seen.network === network);
  const others = known.filter((seen) => seen !== before);
  const alive = others.filter((seen) => isAlive(seen, now, leaseTtl));
  const silent = others.filter((seen) => seen.trusted && !alive.includes(seen)).slice(-networksKept);
  const own = { network, seenAt: now, trusted: playlist || before?.trusted === true };
  if (mostNetworks === undefined)
    return { status: "admitted", networks: [...silent, ...alive.slice(-networksKept), own], isNews: false };
  if (!own.trusted && alive.length >= mostNetworks) return { status: "elsewhere" };
  const trusted = alive.filter((seen) => seen.trusted);
  const strangers = alive.filter((seen) => !seen.trusted);
  const room = mostNetworks - trusted.length - 1;
  if (own.trusted && room < 0) return { status: "shared", networks: [...silent, ...alive, own] };
  const staying = new Set(strangers.slice(Math.max(strangers.length - room, 0)));
  const networks = [...silent, ...alive.filter((seen) => seen.trusted || staying.has(seen)), own];
  const wasAlive = before !== undefined && isAlive(before, now, leaseTtl);
  return { status: "admitted", networks, isNews: !wasAlive || own.trusted !== before.trusted };
}

/** The networks of a session that is started or renewed in `network`: a client with a bearer token is trusted there. */
export function trustedIn(known: readonly NetworkSeen[], network: string | undefined): readonly NetworkSeen[] {
  if (network === undefined) return known;
  const before = known.find((seen) => seen.network === network);
  if (before?.trusted === true) return known;
  if (before !== undefined) return known.map((seen) => (seen === before ? { ...seen, trusted: true } : seen));
  return [...known.slice(1 - 2 * networksKept), { network, seenAt: unixSeconds(0), trusted: true }];
}

/** Whether a session is alive in a network: it was seen there within a lease. */
export function isAlive({ seenAt }: NetworkSeen, now: UnixSeconds, leaseTtl: Seconds): boolean {
  return after(seenAt, leaseTtl) > now;
}

/** What makes hashes of networks. */
export interface NetworkSecrets {
  readonly hmac: MacPort;
  readonly random: RandomBytes;
}

/**
 * The hash that stands for a network in one subject's rows: 132 bits of HMAC-SHA256 in base64url. Its key belongs to these
 * rows alone and is kept beside them, made with the first. It is none of the session keys: when one of those follows
 * another, one network would have two hashes, and a session in two networks would count as one that was passed around.
 */
export function networkHash(
  store: Pick<LeaseRows, "networkKey" | "putNetworkKey">,
  { hmac, random }: NetworkSecrets,
): (network: string) => string {
  const keyOf = () => {
    const kept = store.networkKey();
    if (kept !== undefined) return decodeBase64url(kept);
    const made = random(32);
    store.putNetworkKey(encodeBase64url(made));
    return made;
  };
  const prepare = () => {
    const key = keyOf();
    if (key === undefined) throw new TypeError("the key of a subject's networks is no base64url");
    return hmac(key);
  };
  let mac: ReturnType<MacPort> | undefined;
  return (network) => {
    mac ??= prepare();
    return mac.base64url(network).slice(0, 22);
  };
}
