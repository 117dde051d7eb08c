import type { MacPort, RandomBytes } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { after, type Seconds, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { LeaseRows, NetworkSeen } from "./lease-rows.ts";

/** Maximum number of stored networks per session without a limit, and of silent trusted networks. */
const networksKept = 16;

/** A request of a session; `network` is a hash. */
export interface NetworkAsking {
  readonly network: string | undefined;
  /** Whether the client loaded a playlist in this network. */
  readonly playlist: boolean;
  readonly mostNetworks: number | undefined;
  readonly now: UnixSeconds;
  /** Another network in which the session was admitted before. */
  readonly first?: { readonly network: string | undefined; readonly playlist: boolean } | undefined;
}

/** The decision about a request from a network, and the session's networks after it. */
export type NetworkDecision =
  | { readonly status: "admitted"; readonly networks: readonly NetworkSeen[]; readonly isNews: boolean }
  /** The session is at its network limit. */
  | { readonly status: "elsewhere" }
  /** Too many networks have loaded playlists. */
  | { readonly status: "shared"; readonly networks: readonly NetworkSeen[] };

/**
 * Whether a session may be alive in one more network. Only networks that were seen within a lease count.
 *
 * An attacker with one segment URL (from a log, a screenshot, a proxy) can request it from anywhere, so segment
 * requests never end a session: beyond the limit they are refused, and the session continues in its networks. A
 * playlist URL is worth more. A network that loaded one is trusted and replaces an untrusted one. If more networks than
 * the limit have loaded playlists, the manifest URL was shared and the session ends. A silent network stays trusted, so
 * that a viewer can resume a paused film: VOD players load no playlist after the first.
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

/** The networks after a start or renewal in `network`: a client with a bearer token makes it trusted. */
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

/** The functions that {@link networkHash} needs. */
export interface NetworkSecrets {
  readonly hmac: MacPort;
  readonly random: RandomBytes;
}

/**
 * The hash of a network in one subject's rows: 132 bits of HMAC-SHA256 in base64url. Its key is stored with these rows
 * and belongs to them alone. A session key would not do: after a rotation one network would have two hashes, and the
 * session would look shared.
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
