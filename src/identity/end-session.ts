import type { DBTransactionAdapter, Where } from "better-auth";
import { after, type Clock, type Seconds, seconds } from "../base/seconds.ts";
import { loginName } from "../sessions/login-name.ts";
import type { Revocation, RevocationLog } from "../sessions/revocation.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { EndedLogin } from "./ended-logins.ts";
import { fromStore } from "./unavailable.ts";

export interface EndSessionParts {
  /** `iss` of the tokens that carry the session's id as `sid`. */
  readonly issuer: string;
  readonly log: Pick<RevocationLog, "append">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly accessTtl: Seconds;
  /** Told of each session of sign-in that was ended, for {@link EndedLogin}. */
  readonly onEnded?: ((ended: EndedLogin) => void) | undefined;
}

interface SessionRow {
  readonly id: string;
  readonly userId: string;
}

/** The longest a playback session may last. */
const longestPlayback = 604_800;

/** D1 takes a hundred values a query. */
const batch = 50;

/** How long a session of sign-in is outlived by what it gave out last: a token, and the film which that starts. */
export function afterlife(accessTtl: Seconds): Seconds {
  return seconds(accessTtl + longestPlayback);
}

/**
 * Ends the sessions of sign-in that `where` finds, and gives back how many. The log is told first, which ends their playback
 * sessions and refuses their tokens; then their refresh tokens go, and then the rows that were read, and no others: one that
 * is begun meanwhile must not go without its entry. In this order, so that a log that is down (503) leaves the sessions as
 * they were, to be signed out again, and never half of it. Those that ended so long ago that nothing of theirs is left just
 * go.
 */
export async function endSessions(
  adapter: DBTransactionAdapter,
  where: readonly Where[],
  { issuer, log, clock, telemetry, accessTtl, onEnded }: EndSessionParts,
): Promise<number> {
  const over = new Date((clock() - afterlife(accessTtl)) * 1000);
  const model = "session";
  let ended = 0;
  for (let full = true; full; ) {
    const told: Where[] = [...where, { field: "expiresAt", operator: "gte", value: over }];
    const rows = await adapter.findMany<SessionRow>({ model, where: told, limit: batch });
    const ids = rows.map(({ id }) => id);
    full = ids.length === batch;
    if (ids.length === 0) break;
    const entries = ids.map(entryOf);
    const skipped = await fromStore(() => log.append(entries, "viewer"));
    const tokensUntil = after(clock(), accessTtl);
    for (const { id, userId } of rows)
      onEnded?.({ userId, login: loginName(issuer, id), tokensUntil, logged: skipped === 0 });
    for (const _ of ids) telemetry({ event: "revoked", kind: "login" });
    for (const tokens of ["oauthAccessToken", "oauthRefreshToken"])
      await adapter.deleteMany({ model: tokens, where: [{ field: "sessionId", operator: "in", value: ids }] });
    await adapter.deleteMany({ model, where: [{ field: "id", operator: "in", value: ids }] });
    ended += ids.length;
  }
  const silent: Where[] = [...where, { field: "expiresAt", operator: "lt", value: over }];
  return ended + (await adapter.deleteMany({ model, where: silent }));

  function entryOf(id: string): Revocation {
    const now = clock();
    const until = after(now, afterlife(accessTtl));
    return { kind: "login", value: loginName(issuer, id), cause: "revoked", at: now, until };
  }
}
