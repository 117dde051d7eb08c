import { type Refusal, refusal } from "../base/result.ts";
import { after, inTime, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { WaitUntil } from "../origin/fill-cache.ts";
import { type Client, networkNameOf } from "../sessions/client-network.ts";
import type { StreamsOf } from "../sessions/lease.ts";
import type { LeaseMemory } from "../sessions/lease-memory.ts";
import { entryOfEnded, type Revocation, type RevocationLog } from "../sessions/revocation.ts";
import { forbiddenBy, type RevocationSnapshot } from "../sessions/revocation-snapshot.ts";
import type { RevocationWatch } from "../sessions/revocation-watch.ts";
import { endedBecause } from "../sessions/revocations-now.ts";
import type { MediaAccess } from "./check-media-request.ts";

/** What admission works with, made once an isolate. */
export interface AdmissionParts {
  readonly revocations: RevocationWatch;
  readonly log: Pick<RevocationLog, "append">;
  readonly streams: StreamsOf;
  readonly leases: LeaseMemory;
  readonly timer: Timer;
  /** In how many networks at once a session may be alive; undefined for any number. */
  readonly sharedNetworks: number | undefined;
  readonly storeFailure: "closed" | "open";
  /** Told of a store that did not answer where the viewer is let in all the same. */
  readonly onFailure: (refusal: Refusal) => void;
  readonly telemetry: Telemetry;
}

export interface Asking {
  readonly client: Client;
  readonly now: UnixSeconds;
  readonly waitUntil: WaitUntil;
  /** Where the client is: ISO 3166-1 alpha-2 in upper case, where that is known. Few requests have to know. */
  readonly country: () => string | undefined;
}

/** Why a session may not go on; undefined where it may. */
export type Admission =
  | Refusal<"session_revoked" | "stream_taken" | "session_shared" | "store_unavailable">
  | undefined;

/** {@link admitSession} with its parts: what the flows of the media host ask once the check has passed. */
export type Admit = (access: MediaAccess, asking: Asking) => Admission | Promise<Admission>;

/** How long a request waits for a store. */
const patience = seconds(2);

/** For a network in which a session is not alive; it goes on in the others. */
const tooManyNetworks: Refusal<"session_shared"> = {
  code: "session_shared",
  reason: "the session is alive in as many networks as one viewer is in, and this is another",
};

/** How long a session goes on unasked after a store that did not answer, where that is allowed. */
const openFor = seconds(5);

/**
 * Whether a session whose URL is valid may go on: nothing forbids it, and it has a lease. Both are known in the isolate most
 * of the time, and then the answer comes without a promise: a segment costs no look-up. So does the first request of a session
 * that has just started: its claim wrote the lease, and the log names every session that was ended since. What has become due
 * is asked for in the background; the request waits only for what is not known at all, or has lapsed.
 *
 * `session_revoked`, `stream_taken`, `session_shared`; `store_unavailable` where nobody knows and the operator wants it so.
 */
export function admitSession(
  access: MediaAccess,
  asking: Asking,
  parts: AdmissionParts,
): Admission | Promise<Admission> {
  const known = parts.revocations.atHand(asking.waitUntil);
  return known === undefined ? admitLater(access, asking, parts) : admitUnder(known, access, asking, parts);
}

async function admitLater(access: MediaAccess, asking: Asking, parts: AdmissionParts): Promise<Admission> {
  const snapshot = await parts.revocations.current(asking.waitUntil);
  return snapshot.ok ? admitUnder(snapshot.value, access, asking, parts) : snapshot.refusal;
}

function admitUnder(
  snapshot: RevocationSnapshot,
  access: MediaAccess,
  asking: Asking,
  parts: AdmissionParts,
): Admission | Promise<Admission> {
  const { grant, asset } = access;
  const forbidding = forbiddenBy(snapshot, grant, asset.id);
  if (forbidding !== undefined) {
    // Who holds a leaked key could write a grant with another viewer's session in it.
    if (forbidding.kind !== "key") parts.telemetry({ event: "ended", sessionId: grant.sessionId });
    return endedBecause(forbidding.cause).refusal;
  }
  const address = asking.client.address ?? "";
  const playlist = access.purpose === "playlist";
  switch (parts.leases.look(grant.sessionId, address, asking.now, playlist)) {
    case "held":
      return undefined;
    case "due":
      asking.waitUntil(touch(access, asking, parts).then(() => undefined));
      return undefined;
    case "limited":
      return endedBecause("taken").refusal;
    case "elsewhere":
      return tooManyNetworks;
    case "ended":
      return endedBecause(parts.leases.causeOf(grant.sessionId)).refusal;
    case "unknown":
      return parts.leases.admitNew(grant, address, asking.now, playlist) ? undefined : touch(access, asking, parts);
  }
}

/** Asks the viewer's streams, and remembers the answer. */
async function touch(access: MediaAccess, { client, now, country }: Asking, parts: AdmissionParts): Promise<Admission> {
  const { grant, asset } = access;
  const { address = "" } = client;
  const playlist = access.purpose === "playlist" || parts.leases.loadedPlaylist(grant.sessionId, address);
  const untold = parts.leases.untold(grant.sessionId, address, now);
  const asked = parts.streams(grant.subject).touch({
    sessionId: grant.sessionId,
    assetId: asset.id,
    login: grant.login,
    now,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    network: networkNameOf(address),
    playlist,
    first: untold && { network: networkNameOf(untold.network ?? ""), playlist: untold.playlist },
    mostNetworks: parts.sharedNetworks,
  });
  const answer = await inTime(asked, patience, parts.timer).catch(() => "late" as const);
  if (answer === "late") {
    const why = refusal("store_unavailable", "the viewer's streams did not answer").refusal;
    if (parts.storeFailure === "closed") return why;
    parts.onFailure(why);
    parts.leases.keep(grant.sessionId, address, now, after(now, openFor), playlist);
    return undefined;
  }
  if (answer.is === "held") {
    parts.leases.keep(grant.sessionId, address, now, answer.until, playlist);
    if (untold !== undefined) parts.leases.keep(grant.sessionId, untold.network, now, answer.until);
    const { sessionId, subject, issuedAt: startedAt, expiresAt } = grant;
    const where = { assetId: asset.id, country: country() ?? "XX" };
    parts.telemetry({ event: "alive", sessionId, subject, startedAt, expiresAt, seenAt: now, ...where });
    return undefined;
  }
  if (answer.is === "limited") {
    parts.leases.limit(grant.sessionId, now);
    return endedBecause("taken").refusal;
  }
  if (answer.is === "elsewhere") {
    parts.leases.refuse(grant.sessionId, address, now);
    return tooManyNetworks;
  }
  parts.leases.end(grant.sessionId, answer.cause);
  parts.telemetry({ event: "ended", sessionId: grant.sessionId });
  if (answer.stream !== undefined) await tellTheOthers(entryOfEnded(answer.stream, answer.cause, now), parts);
  return endedBecause(answer.cause).refusal;
}

/** A session that this request ended is ended everywhere: other isolates may remember its lease. */
async function tellTheOthers(entry: Revocation, { log, timer, onFailure }: AdmissionParts): Promise<void> {
  const told = await inTime(log.append([entry], "viewer"), patience, timer).catch(() => "late" as const);
  if (told === "late") onFailure(refusal("store_unavailable", "the revocation log did not answer").refusal);
}
