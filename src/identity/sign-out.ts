import type { DBAdapter, DBTransactionAdapter, Where } from "better-auth";
import { APIError } from "better-auth/api";
import { maxSessionTtl } from "../base/constants.ts";
import { after, type Clock, type Seconds, seconds } from "../base/time.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { loginDigest } from "../sessions/identifiers.ts";
import type { Revocation, RevocationLog } from "../sessions/revocation.ts";
import type { EndedLogin } from "./service-messages.ts";

interface EndSessionParts {
  /** `iss` of the tokens that have the session's id as `sid`. */
  readonly issuer: string;
  readonly log: Pick<RevocationLog, "append">;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly accessTtl: Seconds;
  /** Reports each sign-in session that was ended, as {@link EndedLogin}. */
  readonly onEnded?: ((ended: EndedLogin) => void) | undefined;
}

interface SessionRow {
  readonly id: string;
  readonly userId: string;
}

/** D1 accepts a hundred values per query. */
const batch = 50;

/** How long after a session its last token, and the playback which that token starts, can still be valid. */
export function afterlife(accessTtl: Seconds): Seconds {
  return seconds(accessTtl + maxSessionTtl);
}

/**
 * Ends the sign-in sessions that `where` selects, and returns their number. First the log entry, which ends their
 * playback and refuses their tokens; then the refresh tokens; then exactly the rows that were read, because a session
 * begun meanwhile needs its own entry. All or nothing: if the log is down (503), the sessions are unchanged and the
 * sign-out can be retried. Sessions whose tokens have all expired are simply deleted.
 */
async function endSessions(
  adapter: DBTransactionAdapter,
  where: readonly Where[],
  { issuer, log, clock, telemetry, accessTtl, onEnded }: EndSessionParts,
): Promise<number> {
  const over = new Date((clock() - afterlife(accessTtl)) * 1000);
  const model = "session";
  let ended = 0;
  for (let full = true; full; ) {
    const withLiveTokens: Where[] = [...where, { field: "expiresAt", operator: "gte", value: over }];
    const rows = await adapter.findMany<SessionRow>({ model, where: withLiveTokens, limit: batch });
    const ids = rows.map(({ id }) => id);
    full = ids.length === batch;
    if (ids.length === 0) break;
    const entries = ids.map(entryOf);
    const skipped = await fromStore(() => log.append(entries, "viewer"));
    const tokensUntil = after(clock(), accessTtl);
    for (const { id, userId } of rows)
      onEnded?.({ userId, login: loginDigest(issuer, id), tokensUntil, logged: skipped === 0 });
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
    return { kind: "login", value: loginDigest(issuer, id), cause: "revoked", at: now, until };
  }
}

export interface GuardParts extends EndSessionParts {
  /** Reports a failed query about sessions. */
  readonly onStoreFailure?: (() => void) | undefined;
}

const model = "session";

/**
 * Wraps the library's database adapter so that only {@link endSessions} deletes sessions. The library's own hooks
 * cannot ensure that: they run for the first hundred rows that it could read, and the other rows, or all after a failed
 * read, are deleted silently.
 *
 * Deleting one session ends it if it is alive. An expired one stays: its playback may still run, and a late sign-out
 * must find it until everything that it issued has expired ({@link afterlife}).
 *
 * `onStoreFailure` is needed because the library treats an unreadable session as missing, and after a 401 for a
 * database that is down, a client would discard its session.
 */
export function guardSessions(adapter: DBAdapter, parts: GuardParts): DBAdapter {
  return { ...guarded(adapter), transaction: (run) => adapter.transaction((inner) => run(guarded(inner))) };

  function guarded(inner: DBTransactionAdapter): DBTransactionAdapter {
    return {
      ...inner,
      findOne: <Row>(query: Parameters<typeof inner.findOne>[0]) => watched(query, () => inner.findOne<Row>(query)),
      findMany: <Row>(query: Parameters<typeof inner.findMany>[0]) => watched(query, () => inner.findMany<Row>(query)),
      update: <Row>(query: Parameters<typeof inner.update>[0]) => watched(query, () => inner.update<Row>(query)),
      delete: async (query) => {
        if (query.model !== model) return inner.delete(query);
        const lives: Where = { field: "expiresAt", operator: "gt", value: new Date() };
        await watched(query, () => endSessions(inner, [...query.where, lives], parts));
      },
      deleteMany: (query) =>
        query.model === model ? watched(query, () => endSessions(inner, query.where, parts)) : inner.deleteMany(query),
    };
  }

  async function watched<Value>(query: { readonly model: string }, work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      if (query.model === model) parts.onStoreFailure?.();
      throw error;
    }
  }
}

/** Thrown by a hook if a store is down, so that the requested action is not done. */
export function unavailable(): APIError {
  return new APIError("SERVICE_UNAVAILABLE", { code: "STORE_UNAVAILABLE" });
}

/** The result of `work`, or {@link unavailable} if it rejects. */
export async function fromStore<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch {
    throw unavailable();
  }
}
