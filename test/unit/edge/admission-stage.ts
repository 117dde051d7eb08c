import type { MediaPurpose } from "../../../src/base/media-purpose.ts";
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

/** The start of a session whose lease must be checked: it is more than half a lease ago. */
export const aMinuteAgo = unixSeconds(now - 60);

/**
 * An isolate of the edge over in-memory stores. A lease lasts 90 s and is checked every 30 s. The session was issued a minute
 * ago unless the test says otherwise.
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
  const background: Promise<unknown>[] = [];
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
    logins: new Map(),
    timer,
    sharedNetworks: 3,
    storeFailure: failure,
    onFailure: (refusal) => failures.push(refusal),
    telemetry,
    ...changes,
  };
  const admit = (address?: string, from: AdmissionParts = parts, purpose: MediaPurpose = "segment") =>
    admitSession(
      { ...access, grant: { ...access.grant, issuedAt }, purpose },
      {
        now: state.now,
        client: { address, userAgentHash: () => "" },
        waitUntil: (work) => background.push(work),
        place: () => ({ country: "DE" }),
      },
      from,
    );
  const code = async (address?: string, from?: AdmissionParts, purpose?: MediaPurpose) =>
    (await admit(address, from, purpose))?.code ?? "admitted";
  return {
    ...{ state, parts, failures, rings, admit, code, events },
    /** The same for a grant of `POST /files` with the same names. */
    codeForFiles: async () =>
      (
        await admitSession(
          { ...access, grant: { ...access.grant, issuedAt, use: "files" }, purpose: "file" },
          {
            now: state.now,
            client: { address: "192.0.2.1", userAgentHash: () => "" },
            waitUntil: () => undefined,
            place: () => ({ country: "DE" }),
          },
          parts,
        )
      )?.code ?? "admitted",
    log: inMemory,
    streams: streamsOf(subject),
    touches: () => touches,
    later: (by: number) => {
      state.now = unixSeconds(state.now + by);
    },
    settled: () => Promise.all(background),
  };
}

export const ending = (cause: RevocationCause): StreamEnding => ({ sessionId, expiresAt: in6Hours, cause, now });

export const entry = (kind: RevocationKind, value: string, changes: Partial<Revocation> = {}): Revocation => ({
  ...{ kind, value, cause: "revoked", at: now, until: in6Hours },
  ...changes,
});
