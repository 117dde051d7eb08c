import type { DBAdapter, DBTransactionAdapter, Where } from "better-auth";
import { APIError } from "better-auth/api";
import * as z from "zod";
import { maxSessionTtl } from "../base/constants.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import {
  after,
  type Clock,
  isUnixSeconds,
  type Seconds,
  seconds,
  type UnixSeconds,
  unixSeconds,
} from "../base/time.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import { loginDigest } from "../sessions/identifiers.ts";
import type { Revocation, RevocationLog } from "../sessions/revocation.ts";

interface EndSessionParts {
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

/** D1 takes a hundred values a query. */
const batch = 50;

/** How long a session of sign-in is outlived by what it gave out last: a token, and the film which that starts. */
export function afterlife(accessTtl: Seconds): Seconds {
  return seconds(accessTtl + maxSessionTtl);
}

/**
 * Ends the sessions of sign-in that `where` finds, and gives back how many. The log is told first, which ends their playback
 * sessions and refuses their tokens; then their refresh tokens go, and then the rows that were read, and no others: one that
 * is begun meanwhile must not go without its entry. In this order, so that a log that is down (503) leaves the sessions as
 * they were, to be signed out again, and never half of it. Those that ended so long ago that nothing of theirs is left just
 * go.
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
    const told: Where[] = [...where, { field: "expiresAt", operator: "gte", value: over }];
    const rows = await adapter.findMany<SessionRow>({ model, where: told, limit: batch });
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
  /** Told where a question about sessions was not answered. */
  readonly onStoreFailure?: (() => void) | undefined;
}

const model = "session";

/**
 * The library's way to the database, on which no session is deleted but by {@link endSessions}. The library's own hooks do not
 * see to that: they run for the first hundred rows that it could read, and it deletes the others, or all where the read failed,
 * without a word.
 *
 * To delete one session ends it if it lives. One that ended by itself stays: it takes no film away, and a sign-out that comes
 * late must find it, until all that it gave out has ended as well (`sweep.ts`).
 *
 * `onStoreFailure`, since the library takes a session that it could not read for none, and a client that hears 401 for a
 * database that is down throws his session away.
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

/** A session of sign-in that the identity worker ended. */
export interface EndedLogin {
  readonly userId: string;
  /** Its `loginDigest`. */
  readonly login: string;
  /** When the last access token that it gave out has expired. */
  readonly tokensUntil: UnixSeconds;
  /** False where the revocation log was full: then nothing but the viewer's streams can end what came from it. */
  readonly logged: boolean;
}

/**
 * The header in which the identity worker tells the API which logins a request ended. The API holds the session keys, and so the
 * names of the viewers' streams; it takes the header off before it answers.
 */
const header = "Stagedoor-Ended-Logins";

/** As many as a header holds without any doubt. Of others the revocation log alone says that they were signed out of. */
const most = 100;

const schema = z.array(
  z.object({
    userId: z.string().min(1),
    login: z.string().min(1),
    tokensUntil: z.number().refine(isUnixSeconds).transform(unixSeconds),
    logged: z.boolean(),
  }),
);

/** The response with the logins that its request ended. */
export function withEndedLogins(response: Response, ended: readonly EndedLogin[]): Response {
  if (ended.length === 0) return response;
  const told = new Response(response.body, response);
  const text = JSON.stringify(ended.slice(0, most));
  told.headers.set(header, encodeBase64url(new TextEncoder().encode(text)));
  return told;
}

/** The logins that a request ended, and the response without them. It throws where the header cannot be read. */
export function takeEndedLogins(response: Response): readonly [Response, readonly EndedLogin[]] {
  const text = response.headers.get(header);
  if (text === null) return [response, []];
  const bytes = decodeBase64url(text);
  if (bytes === undefined) throw new TypeError("the identity worker's ended logins are no base64url");
  const ended = schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  const stripped = new Response(response.body, response);
  stripped.headers.delete(header);
  return [stripped, ended];
}

/** What a hook throws where a store is down, so that what was asked for is not done. */
export function unavailable(): APIError {
  return new APIError("SERVICE_UNAVAILABLE", { code: "STORE_UNAVAILABLE" });
}

/** What `work` comes to, or {@link unavailable} where it rejects. */
export async function fromStore<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch {
    throw unavailable();
  }
}
