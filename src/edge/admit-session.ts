import type { Place } from "../base/place.ts";
import { type Refusal, refusal } from "../base/result.ts";
import { after, inTime, seconds, type Timer, type UnixSeconds, type WaitUntil } from "../base/time.ts";
import type { Configuration } from "../config/configuration.ts";
import type { RequestTraits } from "../metrics/gathered.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { Client } from "../sessions/client-network.ts";
import { networkName } from "../sessions/identifiers.ts";
import type { StreamsOf, TouchAnswer } from "../sessions/lease.ts";
import type { LeaseMemory } from "../sessions/lease-memory.ts";
import { entryOfEnded, type Revocation, type RevocationLog } from "../sessions/revocation.ts";
import {
  blackoutIn,
  endedBecause,
  forbiddenBy,
  leavesSignOutsOut,
  type RevocationSnapshot,
} from "../sessions/revocation-snapshot.ts";
import type { RevocationWatch } from "../sessions/revocation-watch.ts";
import { admitByLogin, type LoginAnswers } from "./admit-files.ts";
import type { MediaAccess } from "./check-media-request.ts";

/** The dependencies of admission, created once per isolate. */
export interface AdmissionParts extends Pick<Configuration, "sharedNetworks" | "storeFailure"> {
  readonly revocations: RevocationWatch;
  readonly log: Pick<RevocationLog, "append">;
  readonly streams: StreamsOf;
  readonly leases: LeaseMemory;
  readonly logins: LoginAnswers;
  readonly timer: Timer;
  /** Called when a store does not respond and the viewer is admitted all the same. */
  readonly onFailure: (refusal: Refusal) => void;
  readonly telemetry: Telemetry;
}

export interface Asking {
  readonly client: Client;
  readonly now: UnixSeconds;
  readonly waitUntil: WaitUntil;
  /** Where the client is. A function, because few requests need it. */
  readonly place: () => Place;
  /** What else is known of the request, for the list of sessions. */
  readonly traits?: () => RequestTraits;
}

/** Why a session is not admitted; undefined if it is. */
export type Admission =
  | Refusal<"session_revoked" | "stream_taken" | "session_shared" | "place_not_allowed" | "store_unavailable">
  | undefined;

/** {@link admitSession} with its dependencies bound. Called after the check has passed. */
export type Admit = (access: MediaAccess, asking: Asking) => Admission | Promise<Admission>;

/** How long a request waits for a store. */
const storeTimeout = seconds(2);

/** For a network in which the session is not active; it continues in the others. */
const tooManyNetworks: Refusal<"session_shared"> = {
  code: "session_shared",
  reason: "the session is alive in as many networks as one viewer is in, and this is another",
};

/** How long a session continues after a store did not respond, if the operator allows that. */
const openFor = seconds(5);

/**
 * Whether a session with a valid URL is admitted: it is not revoked, its asset is not blacked out here, and it has a lease. The isolate usually knows both, so
 * a segment waits for nothing. The first request of a new session does not wait either: its claim wrote the lease, and
 * the log names every session that was ended since. A lease that is due is refreshed in the background. A request waits
 * only if the state is unknown or the lease has lapsed.
 *
 * `store_unavailable`: the state is unknown, and the operator fails closed.
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
    // A leaked key can sign a grant with another viewer's session id: the count must not believe it.
    if (forbidding.kind !== "key")
      parts.telemetry({ event: "ended", sessionId: grant.sessionId, why: forbidding.cause });
    return endedBecause(forbidding.cause).refusal;
  }
  const blackout = blackoutIn(snapshot, asset.id, asking.place);
  if (blackout !== undefined) return blackout;
  // It holds no lease, so the log ends it. It lives for an hour at most. A backend's viewers have no sign-out.
  if (grant.use === "files")
    return leavesSignOutsOut(snapshot) && grant.signer === undefined
      ? admitByLogin(grant, asking.now, parts.logins, parts)
      : undefined;
  const address = asking.client.address ?? "";
  const playlist = access.purpose === "playlist";
  switch (parts.leases.look(grant.sessionId, address, asking.now, playlist)) {
    case "granted":
      return undefined;
    case "due":
      asking.waitUntil(touch(access, asking, parts, snapshot).then(() => undefined));
      return undefined;
    case "limited":
      return endedBecause("taken").refusal;
    case "elsewhere":
      return tooManyNetworks;
    case "ended":
      return endedBecause(parts.leases.causeOf(grant.sessionId)).refusal;
    case "unknown":
      return parts.leases.admitNew(grant, address, asking.now, playlist)
        ? undefined
        : touch(access, asking, parts, snapshot);
  }
}

/** Touches the lease and remembers the result. */
async function touch(
  access: MediaAccess,
  { client, now, place, traits }: Asking,
  parts: AdmissionParts,
  snapshot: RevocationSnapshot,
): Promise<Admission> {
  const { grant, asset } = access;
  const { address = "" } = client;
  const playlist = access.purpose === "playlist" || parts.leases.loadedPlaylist(grant.sessionId, address);
  const untold = parts.leases.untold(grant.sessionId, address, now);
  const streams = parts.streams(grant.subject);
  const { token, signer } = grant;
  const touching = streams.touch({
    sessionId: grant.sessionId,
    assetId: asset.id,
    login: grant.login,
    startedBy: token === undefined || signer === undefined ? undefined : { token, signer },
    now,
    issuedAt: grant.issuedAt,
    expiresAt: grant.expiresAt,
    network: networkName(address),
    playlist,
    first: untold && { network: networkName(untold.network), playlist: untold.playlist },
    mostNetworks: parts.sharedNetworks,
  });
  const asked = touching.then(async (answer): Promise<TouchAnswer> => {
    if (answer.status !== "granted" || answer.startedBy === undefined) return answer;
    // Another credential of the backend has renewed the session, so its grant does not name the one that started it.
    const entry = forbiddenBy(snapshot, { ...grant, ...answer.startedBy }, asset.id);
    if (entry === undefined) return answer;
    const { cause } = entry;
    const stream = await streams.end({ sessionId: grant.sessionId, expiresAt: grant.expiresAt, cause, now });
    return { status: "ended", cause, stream };
  });
  const answer = await inTime(asked, storeTimeout, parts.timer).catch(() => "late" as const);
  if (answer === "late") {
    const why = refusal("store_unavailable", "the viewer's lease store did not respond").refusal;
    if (parts.storeFailure === "closed") return why;
    parts.onFailure(why);
    parts.leases.keep(grant.sessionId, address, now, after(now, openFor), playlist);
    return undefined;
  }
  if (answer.status === "granted") {
    parts.leases.keep(grant.sessionId, address, now, answer.until, playlist);
    if (untold !== undefined) parts.leases.keep(grant.sessionId, untold.network, now, answer.until);
    const { sessionId, subject, issuedAt: startedAt, expiresAt } = grant;
    const { asn, player } = traits?.() ?? {};
    const where = { assetId: asset.id, country: place().country ?? "XX", asn, player };
    parts.telemetry({ event: "alive", sessionId, subject, startedAt, expiresAt, seenAt: now, ...where });
    return undefined;
  }
  if (answer.status === "limited") {
    parts.leases.limit(grant.sessionId, now);
    return endedBecause("taken").refusal;
  }
  if (answer.status === "elsewhere") {
    parts.leases.refuse(grant.sessionId, address, now);
    return tooManyNetworks;
  }
  parts.leases.end(grant.sessionId, answer.cause);
  parts.telemetry({ event: "ended", sessionId: grant.sessionId, why: answer.cause });
  if (answer.stream !== undefined)
    await appendToLog(entryOfEnded(answer.stream, answer.cause, now, grant.subject), parts);
  return endedBecause(answer.cause).refusal;
}

/** Adds a session that this request ended to the log, because other isolates may remember its lease. */
async function appendToLog(entry: Revocation, { log, timer, onFailure }: AdmissionParts): Promise<void> {
  const told = await inTime(log.append([entry], "viewer"), storeTimeout, timer).catch(() => "late" as const);
  if (told === "late") onFailure(refusal("store_unavailable", "the revocation log did not respond").refusal);
}
