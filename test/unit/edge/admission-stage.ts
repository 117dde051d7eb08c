import type { MediaPurpose } from "../../../src/base/constants.ts";
import type { Refusal } from "../../../src/base/result.ts";
import { milliseconds, type Timer, type UnixSeconds, unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import { type AdmissionParts, admitSession } from "../../../src/edge/admit-session.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import type { StreamEnding } from "../../../src/sessions/lease.ts";
import { rememberLeases } from "../../../src/sessions/lease-memory.ts";
import type { Revocation, RevocationCause, RevocationKind } from "../../../src/sessions/revocation.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import { memoryRevocationLog, memoryStreams, memoryTelemetry } from "../../support/memory-stores.ts";
import {
  catalog,
  client,
  grantIssuer,
  grantOf,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  signedTarget,
} from "../signing/session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
export const tokenHash = "AAAAAAAAAAAAAAAAAAAAAA";
export const login = "BBBBBBBBBBBBBBBBBBBBBA";
const grant = grantOf(key, { token: tokenHash, login });
const target = signedTarget(key, { purpose: "segment", grant, path: "/film/a.ts" });
const checked = checkMediaRequest(target, { keys, catalog, grantIssuer, client, now });
if (checked.verdict !== "passed") throw new Error("the access of these tests does not pass");
export const { access } = checked;
export const { sessionId, subject } = access.grant;

/** As old as a session is whose lease has to be asked for: more than half a lease. */
export const aMinuteAgo = unixSeconds(now - 60);

/**
 * An edge's isolate over stores in memory, with a lease of 90 s that is asked about every 30 s, and a session that was issued
 * a minute ago where the test does not say otherwise.
 */
export function isolate(changes: Partial<AdmissionParts> = {}, issuedAt: UnixSeconds = aMinuteAgo) {
  const state: { now: UnixSeconds; down: "streams" | "log" | "silent" | undefined } = { now, down: undefined };
  const clock = () => unixMilliseconds(state.now * 1000);
  const inMemory = memoryRevocationLog(clock);
  const rings = new Set<() => void>();
  const timer: Timer = (_, ring) => {
    rings.add(ring);
    return () => rings.delete(ring);
  };
  const log: AdmissionParts["log"] & Pick<typeof inMemory, "since"> = {
    append: async (entries, by) => {
      if (state.down === "log") throw new Error("the log is down");
      return inMemory.append(entries, by);
    },
    since: async (cursor) => {
      if (state.down === "log") throw new Error("the log is down");
      return inMemory.since(cursor);
    },
  };
  const { streamsOf } = memoryStreams();
  let touches = 0;
  const failures: Refusal[] = [];
  const { telemetry, events } = memoryTelemetry();
  const behind: Promise<unknown>[] = [];
  const failure = changes.storeFailure ?? "closed";
  const watch = { log, clock, timer, maxAge: milliseconds(2000), failure };
  const parts: AdmissionParts = {
    revocations: watchRevocations(watch),
    log,
    streams: (name) => ({
      ...streamsOf(name),
      touch: async (touch) => {
        touches++;
        if (state.down === "streams") throw new Error("the streams are down");
        if (state.down === "silent") return new Promise(() => undefined);
        return streamsOf(name).touch(touch);
      },
    }),
    leases: rememberLeases({ capacity: 10 }),
    timer,
    sharedNetworks: 3,
    storeFailure: failure,
    onFailure: (why) => failures.push(why),
    telemetry,
    ...changes,
  };
  const ask = (address?: string, from: AdmissionParts = parts, purpose: MediaPurpose = "segment") =>
    admitSession(
      { ...access, grant: { ...access.grant, issuedAt }, purpose },
      {
        now: state.now,
        client: { address, userAgentHash: () => "" },
        waitUntil: (work) => behind.push(work),
        country: () => "DE",
      },
      from,
    );
  const code = async (address?: string, from?: AdmissionParts, purpose?: MediaPurpose) =>
    (await ask(address, from, purpose))?.code ?? "admitted";
  return {
    ...{ state, parts, failures, rings, ask, code, events },
    log: inMemory,
    streams: streamsOf(subject),
    touches: () => touches,
    later: (by: number) => {
      state.now = unixSeconds(state.now + by);
    },
    settled: () => Promise.all(behind),
  };
}

export const ending = (cause: RevocationCause): StreamEnding => ({ sessionId, expiresAt: in6Hours, cause, now });

export const entry = (kind: RevocationKind, value: string, changes: Partial<Revocation> = {}): Revocation => ({
  ...{ kind, value, cause: "revoked", at: now, until: in6Hours },
  ...changes,
});
