import * as z from "zod";
import { readDecimal } from "../../base/encoding.ts";
import { type MillisecondClock, type UnixMilliseconds, unixMilliseconds } from "../../base/time.ts";
import type { RevocationDelta, RevocationLog } from "../../sessions/revocation.ts";
import { readPage } from "../../sessions/revocation-store.ts";
import type { EdgeCache } from "./edge-cache.ts";

/** The part of a `DurableObjectNamespace<RevocationLog>` that is used here. */
export interface RevocationLogNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): RevocationStub;
}

interface RevocationStub {
  append(entries: unknown, by: string): Promise<unknown>;
  shorten(kind: string, value: string, until: number): Promise<unknown>;
  lift(kind: string, value: string): Promise<unknown>;
  since(cursor: number): Promise<unknown>;
}

export interface RevocationLogParts<Id> {
  readonly objects: RevocationLogNamespace<Id>;
  /** The data centre's cache (`caches.default`); undefined where there is none, and each question goes to the object. */
  readonly cache: Pick<EdgeCache, "match" | "put"> | undefined;
  /** The media host's own address, without a slash at its end: entries of staging must not be used for production. */
  readonly mediaUrl: string;
  readonly clock: MillisecondClock;
  /** Told how many entries of viewers a full log has left out. */
  readonly onSkipped?: (count: number) => void;
}

/** How long a data centre answers by itself, in milliseconds. */
const keptFor = 1_000;

/**
 * The revocation log in one Durable Object, with the data centre's cache in front: its isolates together ask the object once
 * a second or so, and never get an answer that is older than a second. All ages are by the data centre's own clock: an answer
 * counts from when it was asked for, whatever the object's clock says, which may be a minute off. Each method rejects where the
 * object does not answer, or with something else; a cache that fails costs a question and nothing more.
 */
export function revocationLog<Id>(parts: RevocationLogParts<Id>): RevocationLog {
  const { objects, cache, mediaUrl, clock, onSkipped } = parts;
  // A stub that has failed once may go on failing.
  const object = () => objects.get(objects.idFromName("log"));
  const urlOf = (cursor: number) => `${mediaUrl}/.revocations/${cursor}`;

  const kept = async (cursor: number): Promise<RevocationDelta | undefined> => {
    try {
      const response = await cache?.match(new Request(urlOf(cursor)));
      if (response === undefined) return undefined;
      const text = await response.text();
      const end = text.indexOf("\n");
      const asOf = readDecimal(text.slice(0, end));
      if (asOf === undefined) return undefined;
      // A cache counts in whole seconds, and may keep for longer than it was told.
      const age = clock() - asOf;
      return age >= 0 && age < keptFor ? deltaOf(text.slice(end + 1), unixMilliseconds(asOf)) : undefined;
    } catch {
      return undefined;
    }
  };

  /** The first line says as of when, the rest is the page as it came. */
  const keep = async (cursor: number, page: string, asOf: UnixMilliseconds): Promise<void> => {
    const headers = { "Content-Type": "text/plain", "Cache-Control": `public, max-age=${keptFor / 1_000}` };
    try {
      await cache?.put(urlOf(cursor), new Response(`${asOf}\n${page}`, { headers }));
    } catch {
      // The next one asks the object.
    }
  };

  return {
    append: async (entries, by) => {
      const skipped = z.int().parse(await object().append(entries, by));
      if (skipped > 0) onSkipped?.(skipped);
      return skipped;
    },
    shorten: async (kind, value, until) => {
      await object().shorten(kind, value, until);
    },
    lift: async (kind, value) => z.boolean().parse(await object().lift(kind, value)),
    since: async (cursor) => {
      const found = await kept(cursor);
      if (found !== undefined) return found;
      const asOf = clock();
      const page = z.string().parse(await object().since(cursor));
      const delta = deltaOf(page, asOf);
      if (delta === undefined) throw new TypeError("the revocation log answered with what is no page of it");
      await keep(cursor, page, asOf);
      return delta;
    },
  };
}

function deltaOf(text: string, asOf: UnixMilliseconds): RevocationDelta | undefined {
  const page = readPage(text);
  return page === undefined ? undefined : { ...page, asOf };
}
