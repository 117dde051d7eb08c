import type { DBAdapter, DBTransactionAdapter, Where } from "better-auth";
import { type EndSessionParts, endSessions } from "./end-session.ts";

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
