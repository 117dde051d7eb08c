import { type MillisecondClock, unixMilliseconds } from "../../base/milliseconds.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { directiveQuery } from "../../flows/delivery-directives.ts";
import {
  type PlaylistAnswer,
  type PlaylistQuestion,
  type PlaylistSource,
  playlistName,
} from "../../flows/playlist-source.ts";
import type { EdgeCache } from "./media-cache.ts";

/** The part of a `DurableObjectNamespace<PlaylistObject>` that is used here. */
export interface PlaylistObjects<Id> {
  idFromName(name: string): Id;
  get(id: Id): { ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, Refusal>> };
}

export interface SharedPlaylistParts<Id> {
  readonly objects: PlaylistObjects<Id>;
  /** The data centre's cache (`caches.default`). */
  readonly cache: Pick<EdgeCache, "match" | "put">;
  /** The media host's own address, without a slash at its end: entries of staging must not stand for those of production. */
  readonly mediaUrl: string;
  readonly clock: MillisecondClock;
  /** Asked where the object does not answer, and for new word of a playlist that will not change. */
  readonly direct: PlaylistSource;
  /** Keeps work going after the answer has left. */
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Told that the object did not answer: for the log. */
  readonly onFailure: (refusal: Refusal) => void;
}

/** What an entry of the cache says beside its text. A cache counts in whole seconds, which is too coarse. */
const header = { freshUntil: "Stagedoor-Fresh-Until", checkedAt: "Stagedoor-Checked-At" };

const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** How long an entry may live that was waited for, in milliseconds: who asks for it later asks for the next one. */
const longestAwaited = 1_000;

/**
 * Playlists from one Durable Object each, with the data centre's cache in front: its isolates together ask the object once
 * while an answer is fresh. An entry stands under the playlist's place at its origin and all that the origin is told, so it
 * is the same for all viewers and holds what its own name asks for; what does not, and what failed, is never kept. Where
 * the object is down or overloaded the isolate asks the origin itself.
 */
export function sharedPlaylists<Id>(parts: SharedPlaylistParts<Id>): PlaylistSource {
  return async (question) => {
    const url = entryUrl(question, parts.mediaUrl);
    const found = await cached(url, question, parts);
    if (found !== undefined) return ok(found);
    // Nobody polls what will not change: an isolate that has it asks the origin, which may be nearer than the object.
    if (question.known?.live === false) return parts.direct(question);
    const answered = await askObject(question, parts);
    if (answered === undefined) return parts.direct(question);
    if (answered.ok && answered.value.shared) keep(url, question, answered.value, parts);
    return answered;
  };
}

async function askObject<Id>(
  question: PlaylistQuestion,
  { objects, onFailure }: SharedPlaylistParts<Id>,
): Promise<Result<PlaylistAnswer, Refusal> | undefined> {
  try {
    // A stub that has failed once may go on failing. The whole text is wanted, for the cache.
    const object = objects.get(objects.idFromName(playlistName(question)));
    return await object.ask({ ...question, known: undefined });
  } catch {
    const why = refusal("store_unavailable", `${question.asset.id}: the playlist's Durable Object did not answer`);
    onFailure(why.refusal);
    return undefined;
  }
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
    const old = !(clock() < freshUntil);
    const same = known !== undefined && etag === known.etag;
    // It is not waited for: nobody needs to know when the rest of it has been let go.
    if (old || same) entry.body?.cancel().catch(() => undefined);
    if (old) return undefined;
    // Not `text()`, which drops a byte order mark: whoever reads the playlist reads what the origin sent.
    const text = same ? undefined : decoder.decode(await entry.arrayBuffer());
    const moments = { checkedAt: unixMilliseconds(checkedAt), freshUntil: unixMilliseconds(freshUntil) };
    return { text, etag, ...moments, shared: true };
  } catch {
    // A cache that fails costs a question to the object, and nothing more.
    return undefined;
  }
}

function keep<Id>(
  url: string,
  { directives }: PlaylistQuestion,
  { text, etag, freshUntil, checkedAt }: PlaylistAnswer,
  { cache, clock, waitUntil }: SharedPlaylistParts<Id>,
): void {
  const now = clock();
  const until = directives.least === undefined ? freshUntil : Math.min(freshUntil, now + longestAwaited);
  if (text === undefined || until <= now) return;
  const headers = new Headers({
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": `public, max-age=${Math.ceil((until - now) / 1000)}`,
    [header.freshUntil]: String(until),
    [header.checkedAt]: String(checkedAt),
  });
  if (etag !== undefined) headers.set("ETag", etag);
  waitUntil(cache.put(url, new Response(text, { headers })).catch(() => undefined));
}

/** An address of the media host that no grant can begin, and nothing of a viewer in it. */
function entryUrl(question: PlaylistQuestion, mediaUrl: string): string {
  const key = `${playlistName(question)}#${directiveQuery(question.directives)}`;
  return `${mediaUrl}/.playlists/${encodeURIComponent(key)}`;
}
