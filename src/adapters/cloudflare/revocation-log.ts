import * as z from "zod";
import type { MillisecondClock } from "../../base/milliseconds.ts";
import type { RevocationDelta, RevocationLog } from "../../sessions/revocation.ts";
import { revocationDeltaSchema } from "../../sessions/revocation-schema.ts";
import type { EdgeCache } from "./media-cache.ts";

/** The part of a `DurableObjectNamespace<RevocationObject>` that is used here. */
export interface RevocationObjects<Id> {
  idFromName(name: string): Id;
  get(id: Id): RevocationStub;
}

interface RevocationStub {
  append(entries: unknown): Promise<unknown>;
  lift(kind: string, value: string): Promise<unknown>;
  since(cursor: number): Promise<unknown>;
}

export interface RevocationLogParts<Id> {
  readonly objects: RevocationObjects<Id>;
  /** The data centre's cache (`caches.default`); undefined where there is none, and each question goes to the object. */
  readonly cache: Pick<EdgeCache, "match" | "put"> | undefined;
  /** The media host's own address, without a slash at its end: entries of staging must not stand for those of production. */
  readonly mediaUrl: string;
  readonly clock: MillisecondClock;
}

/** How long a data centre answers by itself, in milliseconds. */
const keptFor = 1_000;

/**
 * The revocation log in one Durable Object, with the data centre's cache in front: its isolates together ask the object once
 * a second or so, and never get an answer that is older than a second. All ages are by the data centre's own clock: an answer
 * counts from when it was asked for, whatever the object's clock says, which may be a minute off. Each method rejects where the
 * object does not answer, or with something else; a cache that fails costs a question and nothing more.
 */
export function revocationLog<Id>({ objects, cache, mediaUrl, clock }: RevocationLogParts<Id>): RevocationLog {
  // A stub that has failed once may go on failing.
  const object = () => objects.get(objects.idFromName("log"));
  const urlOf = (cursor: number) => `${mediaUrl}/.revocations/${cursor}`;

  const kept = async (cursor: number): Promise<RevocationDelta | undefined> => {
    try {
      const response = await cache?.match(new Request(urlOf(cursor)));
      const delta = revocationDeltaSchema.safeParse(await response?.json());
      if (!delta.success) return undefined;
      // A cache counts in whole seconds, and may keep for longer than it was told.
      const age = clock() - delta.data.asOf;
      return age >= 0 && age < keptFor ? delta.data : undefined;
    } catch {
      return undefined;
    }
  };

  const keep = async (cursor: number, delta: RevocationDelta): Promise<void> => {
    const headers = { "Content-Type": "application/json", "Cache-Control": `public, max-age=${keptFor / 1_000}` };
    try {
      await cache?.put(urlOf(cursor), new Response(JSON.stringify(delta), { headers }));
    } catch {
      // The next one asks the object.
    }
  };

  return {
    append: async (entries) => {
      await object().append(entries);
    },
    lift: async (kind, value) => z.boolean().parse(await object().lift(kind, value)),
    since: async (cursor) => {
      const found = await kept(cursor);
      if (found !== undefined) return found;
      const asOf = clock();
      const delta = { ...revocationDeltaSchema.parse(await object().since(cursor)), asOf };
      await keep(cursor, delta);
      return delta;
    },
  };
}
