import type { Refusal } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/time.ts";
import type { StreamState } from "../../sessions/lease.ts";
import type { Revocation, RevocationKind } from "../../sessions/revocation.ts";
import {
  endedBecause,
  forbiddenBy,
  leavesSignOutsOut,
  type RevocationSnapshot,
} from "../../sessions/revocation-snapshot.ts";
import { fromStore } from "../../sessions/session-context.ts";
import type { Grant } from "../../signing/grant.ts";
import type { OperatorContext } from "../operator-context.ts";
import { fails, info, passes, type Step, when } from "./explanation.ts";

/** What only the deployment's stores know about a session. */
export interface SessionFindings {
  readonly steps: readonly Step[];
  /** Why the media host refuses the session. */
  readonly refusal: Refusal | undefined;
}

/** Whether a grant's session was ended, and whether it runs, as `admit-session.ts` would find. It changes nothing. */
export async function inspectSession(
  grant: Grant,
  now: UnixSeconds,
  context: OperatorContext,
): Promise<SessionFindings> {
  const snapshot = await context.revocations.fresh();
  if (!snapshot.ok) {
    const { refusal } = snapshot;
    return { refusal, steps: [fails("revocations", refusal.code, refusal.reason)] };
  }
  const assetId = grant.prefix.slice(1, -1);
  const places = [...(snapshot.value.blackouts.get(assetId)?.keys() ?? [])];
  const blackout =
    places.length === 0
      ? []
      : [
          info(
            "blackout",
            `the asset is blacked out in ${places.join(", ")}, and where the client's place is not known`,
          ),
        ];
  const entry = forbiddenBy(snapshot.value, grant, assetId);
  const revoked = entry === undefined ? undefined : endedBecause(entry.cause).refusal;
  const revocations =
    entry === undefined || revoked === undefined
      ? passes("revocations", "none of session, viewer, asset, token, login and key is revoked")
      : fails("revocations", revoked.code, revocationWords(entry, grant, now));
  if (grant.use === "files") {
    const login = await loginOf(grant, snapshot.value, context);
    return { refusal: revoked ?? login?.refusal, steps: [revocations, ...blackout, ...(login?.steps ?? []), noLease] };
  }
  const show = context.streams(grant.subject).show(grant.sessionId, now);
  const stream = await fromStore("the viewer's streams", show, context);
  if (!stream.ok)
    return {
      refusal: revoked,
      steps: [revocations, ...blackout, info("lease", `not checked: ${stream.refusal.reason}`)],
    };
  const startedBy = stream.value?.startedBy;
  const through = startedBy && forbiddenBy(snapshot.value, { ...grant, ...startedBy }, assetId);
  const cause = stream.value?.ended ?? through?.cause;
  const ended = cause === undefined ? undefined : endedBecause(cause).refusal;
  const lease =
    ended === undefined
      ? leaseStep(stream.value, now, revoked !== undefined)
      : fails("lease", ended.code, ended.reason);
  return { refusal: revoked ?? ended, steps: [revocations, ...blackout, lease] };
}

const noLease = info("lease", "none: a grant for files holds no lease, and counts as no stream");

/** Whether the viewer signed out of the login of a grant for files, if the revocation log leaves sign-outs out. */
async function loginOf(
  { subject, login, signer }: Grant,
  snapshot: RevocationSnapshot,
  context: OperatorContext,
): Promise<SessionFindings | undefined> {
  if (login === undefined || signer !== undefined || !leavesSignOutsOut(snapshot)) return undefined;
  const asked = await fromStore("the viewer's streams", context.streams(subject).isSignedOut(login), context);
  if (!asked.ok) return { refusal: undefined, steps: [info("login", `not checked: ${asked.refusal.reason}`)] };
  if (!asked.value) return { refusal: undefined, steps: [passes("login", "the viewer has not signed out of it")] };
  const { refusal } = endedBecause("revoked");
  return { refusal, steps: [fails("login", refusal.code, "the viewer has signed out of it")] };
}

const names = {
  session: "the session",
  subject: "the viewer, with all their sessions and tokens at that time,",
  asset: "the asset",
  token: "the bearer token that started the session",
  login: "the login that started the session",
  key: "the key that signed the grant",
} as const satisfies Record<RevocationKind, string>;

function revocationWords({ kind, value, cause, at }: Revocation, { signer }: Grant, now: UnixSeconds): string {
  switch (cause) {
    case "revoked": {
      const name = kind === "key" && value === signer ? "the key of the backend's credential" : names[kind];
      return `${name} was revoked ${when(at, now)}`;
    }
    case "taken":
      return `playback moved to another device ${when(at, now)}`;
    case "shared":
      return `the session was used in too many networks and ended ${when(at, now)}`;
  }
}

function leaseStep(stream: StreamState | undefined, now: UnixSeconds, isRevoked: boolean): Step {
  if (stream === undefined) return info("lease", "not played yet, as far as is known");
  const { seenAt, leaseUntil, networks } = stream;
  const last = `last recorded ${when(seenAt, now)}`;
  if (isRevoked) return info("lease", `ended; ${last}`);
  const where =
    networks === 0
      ? "not reported by the media host yet"
      : `used in ${networks === 1 ? "one network" : `${networks} networks`}`;
  return now < leaseUntil
    ? passes("lease", `running: ${last}, ${where}`)
    : info("lease", `idle since ${when(seenAt, now)}; it can continue if the viewer's stream limit allows it`);
}
