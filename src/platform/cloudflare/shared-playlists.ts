import { makeRoom } from "../../base/bounded-map.ts";
import { SingleFlight } from "../../base/concurrency.ts";
import { bytesText, textBody } from "../../base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import { inTime, type MillisecondClock, seconds, type Timer, unixMilliseconds } from "../../base/time.ts";
import {
  holdFor,
  type PlaylistAnswer,
  type PlaylistQuestion,
  type PlaylistSource,
  playlistName,
  type SourceRefusal,
} from "../../manifest/playlist-source.ts";
import { timeoutOf } from "../../origin/origin.ts";
import { directiveQuery } from "../../playlist/delivery-directives.ts";
import type { EdgeCache } from "./edge-cache.ts";

/** The part of a `DurableObjectNamespace<SharedPlaylist>` that is used here. */
export interface SharedPlaylistNamespace<Id> {
  idFromName(name: string): Id;
  get(id: Id): { ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, SourceRefusal>> };
}

export interface SharedPlaylistParts<Id> {
  readonly objects: SharedPlaylistNamespace<Id>;
  /** The data centre's cache (`caches.default`). */
  readonly cache: Pick<EdgeCache, "match" | "put">;
  /** The media host's URL, without a trailing slash: it keeps the cache entries of staging out of production. */
  readonly mediaUrl: string;
  readonly clock: MillisecondClock;
  readonly timer: Timer;
  /** Used if the object does not answer, and to revalidate a playlist that does not change. */
  readonly direct: PlaylistSource;
  /** Keeps work running after the response. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Called if the object did not answer, for the log. */
  readonly onFailure: (refusal: Refusal) => void;
}

/** Headers of a cache entry. Cache-Control has whole seconds only, which is too coarse for the times. */
const header = {
  location: "Stagedoor-Location",
  freshUntil: "Stagedoor-Fresh-Until",
  checkedAt: "Stagedoor-Checked-At",
};

/**
 * Timeout of a request to an object, in addition to a blocking playlist request. Players give up after 10 s; a shorter
 * timeout lets the same player's retry use the direct path.
 */
const objectTimeout = seconds(5);

/** How long an object is not asked again after a timeout, in milliseconds. */
const pauseAfterLate = 10_000;

/** Maximum number of playlists for which an isolate remembers a timeout or a direct request. */
const mostRemembered = 1000;

/** Maximum lifetime of the response to a blocking request, in milliseconds: later requests ask for the next part. */
const longestAwaited = 1_000;

/**
 * Playlists from one Durable Object each, with the data centre's cache in front: its isolates together ask the object
 * once while an answer is fresh. A cache key contains the playlist's origin URL and everything that is sent to the
 * origin, so an entry is the same for all viewers. Failures and responses that do not match their key are never cached.
 *
 * If the object is down, overloaded or hangs, the isolate asks the origin itself, with one request per playlist at a
 * time, so that a thousand viewers do not become a thousand requests. The others get `store_unavailable`, and the
 * caller uses the live version that the isolate has.
 */
export function sharedPlaylists<Id>(parts: SharedPlaylistParts<Id>): PlaylistSource {
  const { clock } = parts;
  /** Per playlist: the end of the pause after a timeout, and the direct request to the origin. */
  const pausedUntil = new Map<string, number>();
  const asking = new Map<string, SingleFlight>();

  const direct = async (name: string, question: PlaylistQuestion): Promise<Result<PlaylistAnswer, SourceRefusal>> => {
    const flight = asking.get(name) ?? new SingleFlight();
    if (flight.isRunning(clock()))
      return refusal(
        "store_unavailable",
        `${question.asset.id}: another request is asking the origin for the playlist`,
      );
    remember(asking, name, flight);
    const until = clock() + 1000 * (timeoutOf(question.asset.origin, holdFor(question)) + 1);
    return flight.run(until, () => parts.direct(question));
  };

  return async (question) => {
    const url = entryUrl(question, parts.mediaUrl);
    const entry = await cached(url, question, parts);
    if (entry !== undefined) return ok(entry);
    // Viewers do not poll a playlist that does not change: revalidate it at the origin, which may be nearer than the
    // object.
    if (question.known?.live === false) return parts.direct(question);
    const name = playlistName(question);
    if ((pausedUntil.get(name) ?? 0) > clock()) return direct(name, question);
    const answer = await askObject(question, parts, () => remember(pausedUntil, name, clock() + pauseAfterLate));
    if (answer === undefined) return direct(name, question);
    if (answer.ok && answer.value.shared) keep(url, question, answer.value, parts);
    return answer;
  };
}

async function askObject<Id>(
  question: PlaylistQuestion,
  { objects, onFailure, timer, waitUntil }: SharedPlaylistParts<Id>,
  onLate: () => void,
): Promise<Result<PlaylistAnswer, SourceRefusal> | undefined> {
  try {
    // A new stub each time, since a failed one may keep failing. Without `known` the answer has the text, for the
    // cache.
    const object = objects.get(objects.idFromName(playlistName(question)));
    const pending = object.ask({ ...question, known: undefined });
    const inTimeOrLate = inTime(pending, seconds(objectTimeout + (holdFor(question) ?? 0)), timer).then((answer) => {
      if (answer === "late") onLate();
      return answer;
    });
    // Continues if the client gives up first: otherwise its retry would wait for the same object again.
    waitUntil(inTimeOrLate.catch(() => undefined));
    const answer = await inTimeOrLate;
    if (answer !== "late") return answer;
  } catch {
    // A failure counts as no answer.
  }
  const why = refusal("store_unavailable", `${question.asset.id}: the playlist's Durable Object did not answer`);
  onFailure(why.refusal);
  return undefined;
}

function remember<Value>(playlists: Map<string, Value>, name: string, value: Value): void {
  playlists.delete(name);
  makeRoom(playlists, mostRemembered);
  playlists.set(name, value);
}

async function cached<Id>(
  url: string,
  { known }: PlaylistQuestion,
  { cache, clock }: SharedPlaylistParts<Id>,
): Promise<PlaylistAnswer | undefined> {
  try {
    const entry = await cache.match(new Request(url));
    if (entry === undefined) return undefined;
    const times = [entry.headers.get(header.freshUntil), entry.headers.get(header.checkedAt)].map(Number);
    const [freshUntil = 0, checkedAt = 0] = times;
    const etag = entry.headers.get("ETag") ?? undefined;
    const location = entry.headers.get(header.location) ?? undefined;
    const old = !(clock() < freshUntil);
    const same = known !== undefined && etag === known.etag;
    // Not awaited: the response does not depend on it.
    if (old || same) entry.body?.cancel().catch(() => undefined);
    if (old) return undefined;
    // Not `text()`, which drops a byte order mark: every path has to return the origin's exact text.
    const text = same ? undefined : bytesText(new Uint8Array(await entry.arrayBuffer()));
    const moments = { checkedAt: unixMilliseconds(checkedAt), freshUntil: unixMilliseconds(freshUntil) };
    return { text, etag, location, ...moments, shared: true };
  } catch {
    // If the cache fails, the object is asked.
    return undefined;
  }
}

function keep<Id>(
  url: string,
  { directives }: PlaylistQuestion,
  { text, etag, location, freshUntil, checkedAt }: PlaylistAnswer,
  { cache, clock, waitUntil }: SharedPlaylistParts<Id>,
): void {
  const now = clock();
  const until = directives.least === undefined ? freshUntil : Math.min(freshUntil, now + longestAwaited);
  if (text === undefined || until <= now) return;
  const headers = new Headers({
    "Content-Type": "application/octet-stream",
    "Cache-Control": `public, max-age=${Math.ceil((until - now) / 1000)}`,
    [header.freshUntil]: String(until),
    [header.checkedAt]: String(checkedAt),
  });
  if (etag !== undefined) headers.set("ETag", etag);
  if (location !== undefined) headers.set(header.location, location);
  waitUntil(cache.put(url, new Response(textBody(text), { headers })).catch(() => undefined));
}

/** A cache key on the media host: no grant begins with `.playlists`, and it contains nothing of a viewer. */
function entryUrl(question: PlaylistQuestion, mediaUrl: string): string {
  const key = `${playlistName(question)}#${directiveQuery(question.directives)}`;
  return `${mediaUrl}/.playlists/${encodeURIComponent(key)}`;
}
