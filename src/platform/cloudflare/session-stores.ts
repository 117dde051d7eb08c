import * as z from "zod";
import { readDecimal } from "../../base/encoding.ts";
import {
  type MillisecondClock,
  systemMillisecondClock,
  type UnixMilliseconds,
  unixMilliseconds,
} from "../../base/time.ts";
import type { Configuration } from "../../config/configuration.ts";
import { countSkipped, type HostPorts, type SessionStores, watchedStores } from "../../service/host-ports.ts";
import type { StreamsOf } from "../../sessions/lease.ts";
import { type LeaseRouter, streamsFrom } from "../../sessions/lease-router.ts";
import type { RevocationDelta, RevocationLog } from "../../sessions/revocation.ts";
import { readPage } from "../../sessions/revocation-store.ts";
import type { EdgeCache } from "./edge-cache.ts";

/** The Durable Objects that store sessions. */
export interface SessionBindings<Id> {
  readonly REVOCATION_LOG: RevocationLogNamespace<Id>;
  readonly SUBJECT_LEASES: SubjectLeasesNamespace<Id>;
}

/** A worker's session stores, wired once per isolate. */
export function sessionStores<Id>(
  bindings: SessionBindings<Id>,
  cache: EdgeCache,
  settings: Pick<Configuration, "mediaUrl" | "revocationMaxAge" | "storeFailure">,
  ports: Pick<HostPorts, "onRefusal" | "telemetry">,
): SessionStores {
  const log = revocationLog({
    objects: bindings.REVOCATION_LOG,
    cache,
    mediaUrl: settings.mediaUrl,
    clock: systemMillisecondClock,
    onSkipped: countSkipped(ports.telemetry),
  });
  return watchedStores({ log, streams: streamsOf(bindings.SUBJECT_LEASES) }, settings, ports);
}

/** The part of a `DurableObjectNamespace<RevocationLog>` that is used here. */
export interface RevocationLogNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): RevocationStub;
}

interface RevocationStub {
  append(entries: unknown, by: string): Promise<unknown>;
  shorten(kind: string, value: string, until: number): Promise<unknown>;
  lift(kind: string, value: string): Promise<unknown>;
  since(cursor: number, detail?: string): Promise<unknown>;
}

export interface RevocationLogParts<Id> {
  readonly objects: RevocationLogNamespace<Id>;
  /** The data centre's cache (`caches.default`); without it each request goes to the object. */
  readonly cache: Pick<EdgeCache, "match" | "put"> | undefined;
  /** The media host's URL, without a trailing slash: it keeps the cache entries of staging out of production. */
  readonly mediaUrl: string;
  readonly clock: MillisecondClock;
  /** Called with the number of viewers' entries that a full log skipped. */
  readonly onSkipped?: (count: number) => void;
}

/** How long a data centre's cache answers, in milliseconds. */
const keptFor = 1_000;

/**
 * The revocation log in one Durable Object, with the data centre's cache in front: its isolates together ask the object
 * about once per second, and never use a cached answer older than a second. Ages are measured by the data centre's
 * clock, from the time of the request: the object's clock may be a minute off. Each method rejects if the object does
 * not answer or its answer is invalid; if the cache fails, the object is asked.
 */
export function revocationLog<Id>(parts: RevocationLogParts<Id>): RevocationLog {
  const { objects, cache, mediaUrl, clock, onSkipped } = parts;
  // A new stub each time, since a failed one may keep failing.
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
      // The cache counts in whole seconds, and may keep an entry for too long.
      const age = clock() - asOf;
      return age >= 0 && age < keptFor ? deltaOf(text.slice(end + 1), unixMilliseconds(asOf)) : undefined;
    } catch {
      return undefined;
    }
  };

  /** Caches a page: the first line is `asOf`, the rest is the page. */
  const keep = async (cursor: number, page: string, asOf: UnixMilliseconds): Promise<void> => {
    const headers = { "Content-Type": "text/plain", "Cache-Control": `public, max-age=${keptFor / 1_000}` };
    try {
      await cache?.put(urlOf(cursor), new Response(`${asOf}\n${page}`, { headers }));
    } catch {
      // The next request asks the object.
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
    since: async (cursor, detail = "plain") => {
      // The isolates share plain pages only.
      const isPlain = detail === "plain";
      const cached = isPlain ? await kept(cursor) : undefined;
      if (cached !== undefined) return cached;
      const asOf = clock();
      const page = z.string().parse(await (isPlain ? object().since(cursor) : object().since(cursor, detail)));
      const delta = deltaOf(page, asOf);
      if (delta === undefined) throw new TypeError("the revocation log's answer is not a page");
      if (isPlain) await keep(cursor, page, asOf);
      return delta;
    },
  };
}

function deltaOf(text: string, asOf: UnixMilliseconds): RevocationDelta | undefined {
  const page = readPage(text);
  return page === undefined ? undefined : { ...page, asOf };
}

/** The part of a DurableObjectNamespace of SubjectLeases that is used here. */
export interface SubjectLeasesNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): LeaseRouter;
}

/** The streams of all subjects: one SubjectLeases per name. */
export function streamsOf<Id>(namespace: SubjectLeasesNamespace<Id>): StreamsOf {
  return streamsFrom((name) => namespace.get(namespace.idFromName(name)));
}
