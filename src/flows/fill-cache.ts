import { after, type Clock, seconds, type UnixSeconds } from "../base/seconds.ts";
import { parseContentRange } from "../catalog/byte-range.ts";
import type { Origin, OriginRequest } from "../catalog/origin.ts";
import type { MediaCache } from "./media-cache.ts";

/** The largest file that is kept: whoever asks for ten bytes of it makes us read it whole, once. */
export const largestKept = 32 * 1024 * 1024;

/**
 * How long an entry lives, in seconds. A file that is replaced at its origin is served as it was until then. One without
 * an entity tag lives shorter: parts of two versions of it could not be told apart.
 */
const entryLife = { tagged: 3600, untagged: 60 };

/** How long after a fill has begun no other is begun for the same file in this isolate. */
const fillPause = seconds(30);
const mostRemembered = 1000;

/** Keeps work going after the answer has left. */
export type WaitUntil = (work: Promise<unknown>) => void;

export interface FillPorts {
  readonly origin: Origin;
  readonly cache: MediaCache;
  readonly waitUntil: WaitUntil;
  /** One for all requests of an isolate: {@link rememberFills}. */
  readonly mayFill: MayFill;
}

/** Whether a fill of this key may begin now. Asking counts as beginning it. */
export type MayFill = (key: string) => boolean;

/** Stops that a thousand viewers, who all ask for the first range of a new film, have it read a thousand times. */
export function rememberFills(clock: Clock): MayFill {
  const begun = new Map<string, UnixSeconds>();
  return (key) => {
    const now = clock();
    const last = begun.get(key);
    if (last !== undefined && now < after(last, fillPause)) return false;
    if (begun.size >= mostRemembered) begun.clear();
    begun.set(key, now);
    return true;
  };
}

/**
 * Takes an origin's answer, gives it back to be sent on, and sees to it that the cache has the file afterwards. A whole
 * file goes to the viewer and into the cache at once. A range goes to the viewer at once, and the whole file is read for
 * the cache behind him: a cache keeps no ranges, and the file's other ranges are about to be asked for.
 */
export function fillCache(key: string, request: OriginRequest, answer: Response, ports: FillPorts): Response {
  if (answer.status === 206) {
    const size = parseContentRange(answer.headers.get("Content-Range"))?.size;
    const fits = size !== undefined && size <= largestKept;
    if (fits && ports.mayFill(key)) ports.waitUntil(quietly(readWhole(key, request, ports)));
    return answer;
  }
  // HEAD and 304 have no body.
  if (answer.body === null || !keepable(answer)) return answer;
  const [forViewer, forCache] = answer.body.tee();
  ports.waitUntil(quietly(ports.cache.put(key, entryOf(answer, forCache))));
  return new Response(forViewer, { status: answer.status, headers: answer.headers });
}

async function readWhole(key: string, request: OriginRequest, { origin, cache }: FillPorts): Promise<void> {
  const { asset, path, query } = request;
  const whole = await origin({ asset, path, query, method: "GET" });
  if (!whole.ok) return;
  if (keepable(whole.value)) await cache.put(key, entryOf(whole.value, whole.value.body));
  else await whole.value.body?.cancel();
}

/** Of a known length (the cache cannot serve ranges of it otherwise) and not too large. */
function keepable({ headers }: Response): boolean {
  const length = headers.get("Content-Length");
  return length !== null && Number(length) <= largestKept;
}

function entryOf({ headers }: Response, body: ReadableStream | null): Response {
  const kept = new Headers(headers);
  const life = headers.has("ETag") ? entryLife.tagged : entryLife.untagged;
  kept.set("Cache-Control", `public, max-age=${life}`);
  return new Response(body, { headers: kept });
}

/** A cache that cannot be filled costs speed and nothing else: the viewer has his answer. */
function quietly(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}
