import type { Refusal } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/time.ts";
import type { StreamState } from "../../sessions/lease.ts";
import type { Revocation, RevocationKind } from "../../sessions/revocation.ts";
import { forbiddenBy } from "../../sessions/revocation-snapshot.ts";
import { endedBecause } from "../../sessions/revocations-now.ts";
import { fromStore } from "../../sessions/session-context.ts";
import type { Grant } from "../../signing/grant.ts";
import { forbiddenNow, type OperatorContext } from "../operator-context.ts";
import { fails, holds, type Step, told, when } from "./explanation.ts";

/** What only the deployment knows of a session: the steps, and why the media host refuses it, where it does. */
export interface SessionSeen {
  readonly steps: readonly Step[];
  readonly refusal: Refusal | undefined;
}

/** Whether the session of a grant was ended and why, and whether it runs, as `admit-session.ts` would find it; nothing is touched. */
export async function seenSession(grant: Grant, now: UnixSeconds, context: OperatorContext): Promise<SessionSeen> {
  const snapshot = await forbiddenNow(context);
  if (!snapshot.ok) {
    const { refusal } = snapshot;
    return { refusal, steps: [fails("revocations", refusal.code, refusal.reason)] };
  }
  const entry = forbiddenBy(snapshot.value, grant, grant.prefix.slice(1, -1));
  const forbidden = entry === undefined ? undefined : endedBecause(entry.cause).refusal;
  const first =
    entry === undefined || forbidden === undefined
      ? holds("revocations", "neither the session, its viewer, asset, token, login nor key was revoked")
      : fails("revocations", forbidden.code, revocationWords(entry, now));
  const showing = context.streams(grant.subject).show(grant.sessionId, now);
  const stream = await fromStore("the viewer's streams", showing, context);
  if (!stream.ok)
    return { refusal: forbidden, steps: [first, told("lease", `${stream.refusal.reason}: not looked at`)] };
  const cause = stream.value?.ended;
  const ended = cause === undefined ? undefined : endedBecause(cause).refusal;
  const second =
    ended === undefined
      ? leaseStep(stream.value, now, forbidden !== undefined)
      : fails("lease", ended.code, ended.reason);
  return { refusal: forbidden ?? ended, steps: [first, second] };
}

const names = {
  session: "the session",
  subject: "its viewer, with all that he was given so far,",
  asset: "its asset",
  token: "the bearer token that it was started with",
  login: "the login that it came from",
  key: "the key that signed its grant",
} as const satisfies Record<RevocationKind, string>;

function revocationWords({ kind, cause, at }: Revocation, now: UnixSeconds): string {
  switch (cause) {
    case "revoked":
      return `${names[kind]} was revoked ${when(at, now)}`;
    case "taken":
      return `another device took its place ${when(at, now)}`;
    case "shared":
      return `it was alive in more networks than one viewer is in, and ended ${when(at, now)}`;
  }
}

function leaseStep(stream: StreamState | undefined, now: UnixSeconds, isForbidden: boolean): Step {
  if (stream === undefined) return told("lease", "nobody has played it yet, as far as is known");
  const { seenAt, leaseUntil, networks } = stream;
  const last = `written down last ${when(seenAt, now)}`;
  if (isForbidden) return told("lease", `${last}; it runs no more, since it was ended`);
  const where =
    networks === 0
      ? "not reported by the media host yet"
      : `alive in ${networks === 1 ? "one network" : `${networks} networks`}`;
  return now < leaseUntil
    ? holds("lease", `it runs: ${last}, ${where}`)
    : told("lease", `it is silent since ${when(seenAt, now)}; it goes on where its viewer's other streams leave room`);
}
