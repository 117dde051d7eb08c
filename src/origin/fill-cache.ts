import { readDecimal } from "../base/encoding.ts";
import { after, type Clock, seconds, type UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { statedFreshness, variesOnEverything } from "./freshness.ts";
import { type Origin, type OriginRequest, originHeaders } from "./origin.ts";
import { parseContentRange } from "./ranges.ts";

/** The largest file that is kept: a request for ten bytes of it makes us read it whole, once. */
export const largestKept = 32 * 1024 * 1024;

/** The same for a file whose length the origin does not say. */
export const largestUnmeasured = 8 * 1024 * 1024;

/** How much the fills in progress hold in memory at most: an isolate has 128 MB for everything. */
const fillMemory = 48 * 1024 * 1024;

/**
 * How long an entry lives at most, in seconds, and if the origin says nothing. A file that is replaced at its origin is
 * served as it was until then. One without an entity tag lives shorter: parts of two versions of it could not be told apart.
 */
const entryLife = { most: 3600, tagged: 3600, untagged: 60 };

/**
 * The same for a file without a length, whatever the origin or the asset says. If an HTTP/1.0 server breaks off in the
 * middle, that looks like the end (RFC 9112 §8), and there is nothing to count against.
 */
const unmeasuredLife = 60;

/** How long after a whole file was read for a range it is not read for another range in this isolate. */
const fillPause = seconds(30);
const mostRemembered = 1000;

/** When a fill counts as over that never said so: the runtime drops what a request left behind. */
const longestFill = seconds(60);

/** Keeps work going after the answer has left. */
export type WaitUntil = (work: Promise<unknown>) => void;

export interface FillPorts {
  readonly origin: Origin;
  readonly cache: MediaCache;
  readonly clock: Clock;
  readonly waitUntil: WaitUntil;
  /** One for all requests of an isolate. */
  readonly fills: Fills;
}

/** The fills of an isolate: which began lately, which are in progress, and what memory those hold. */
export class Fills {
  readonly #clock: Clock;
  readonly #begun = new Map<string, UnixSeconds>();
  readonly #running = new Map<string, { readonly bytes: number; readonly until: UnixSeconds }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether a file may be read whole because of a range. Asking counts as reading it: otherwise a thousand viewers, who all
   * ask for the first range of a new film, would have it read a thousand times.
   */
  mayReadWhole(key: string): boolean {
    const now = this.#clock();
    const last = this.#begun.get(key);
    if (last !== undefined && now < after(last, fillPause)) return false;
    if (this.#begun.size >= mostRemembered) this.#begun.clear();
    this.#begun.set(key, now);
    return true;
  }

  /** Memory for a fill, and how to give it back; undefined where there is none, or the file is being filled already. */
  reserve(key: string, bytes: number): (() => void) | undefined {
    const now = this.#clock();
    let held = 0;
    for (const [other, fill] of this.#running) {
      if (fill.until <= now) this.#running.delete(other);
      else held += fill.bytes;
    }
    if (this.#running.has(key) || held + bytes > fillMemory) return undefined;
    const fill = { bytes, until: after(now, longestFill) };
    this.#running.set(key, fill);
    return () => {
      if (this.#running.get(key) === fill) this.#running.delete(key);
    };
  }
}

/**
 * Takes an origin's answer, gives it back to be sent on, and sees to it that the cache has the file afterwards. A whole
 * file goes to the viewer and into the cache at once. A range goes to the viewer at once, and the whole file is read for
 * the cache after it: a cache keeps no ranges, and the file's other ranges are about to be requested.
 *
 * The cache is given a file only after it has arrived whole, byte for byte as long as the origin said. A cache that is
 * given the stream keeps what there was of it when the origin breaks off: workerd's even reports success.
 */
export function fillCache(key: string, request: OriginRequest, answer: Response, ports: FillPorts): Response {
  if (lifeOf(request.asset, answer, ports.clock()) === 0) return answer;
  if (answer.status === 206) {
    const size = parseContentRange(answer.headers.get("Content-Range"))?.size;
    const release = size !== undefined && size <= largestKept ? ports.fills.reserve(key, size) : undefined;
    if (release === undefined) return answer;
    const tag = answer.headers.get("ETag");
    if (ports.fills.mayReadWhole(key)) ports.waitUntil(quietly(readWhole(key, request, tag, ports)).finally(release));
    else release();
    return answer;
  }
  // HEAD and 304 have no body.
  const memory = memoryFor(answer);
  if (answer.body === null || memory === undefined) return answer;
  const release = ports.fills.reserve(key, memory);
  if (release === undefined) return answer;
  const { status, headers } = answer;
  const [forViewer, forCache] = answer.body.tee();
  const file = new Response(forCache, { status, headers });
  ports.waitUntil(quietly(keep(key, request.asset, file, ports)).finally(release));
  return new Response(forViewer, { status, headers });
}

/** `tag` is the entity tag of the range. A file that has another one by now is about to change, and is not kept. */
async function readWhole(key: string, request: OriginRequest, tag: string | null, ports: FillPorts): Promise<void> {
  const { asset, path, query } = request;
  const whole = await ports.origin({ asset, path, query, method: "GET" });
  if (!whole.ok) return;
  const fits = memoryFor(whole.value) !== undefined && whole.value.headers.get("ETag") === tag;
  if (fits) await keep(key, asset, whole.value, ports);
  else await whole.value.body?.cancel();
}

/** How many bytes of memory the file may take; undefined for one that is too large. */
function memoryFor(answer: Response): number | undefined {
  const length = lengthOf(answer);
  if (length === undefined) return largestUnmeasured;
  return length <= largestKept ? length : undefined;
}

function lengthOf({ headers }: Response): number | undefined {
  return readDecimal(headers.get("Content-Length") ?? "");
}

/**
 * How long the file may be kept, in seconds: as the asset says, else as the origin says, for an hour at most. Credentials in
 * our requests change nothing about it (RFC 9111 §3.5 is about those of a viewer): they are ours, and the same for all.
 */
function lifeOf({ cacheLifetime }: Asset, answer: Response, now: UnixSeconds): number {
  const { headers } = answer;
  if (variesOnEverything(headers)) return 0;
  const usual = headers.has("ETag") ? entryLife.tagged : entryLife.untagged;
  const life = cacheLifetime ?? Math.min(statedFreshness(headers, now) ?? usual, entryLife.most);
  return answer.status === 200 && lengthOf(answer) === undefined ? Math.min(life, unmeasuredLife) : life;
}

/** Puts the file into the cache where it arrives whole; a shorter or longer one, or one that breaks off, is dropped. */
async function keep(key: string, asset: Asset, answer: Response, { cache, clock }: FillPorts): Promise<void> {
  const length = lengthOf(answer);
  const life = lifeOf(asset, answer, clock());
  if (life === 0) return await answer.body?.cancel();
  const body = answer.body === null ? new Uint8Array(0) : await readBody(answer.body, length ?? largestUnmeasured);
  if (body === undefined || (length !== undefined && body.length !== length)) return;
  const headers = new Headers();
  for (const name of originHeaders) {
    const value = answer.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  headers.set("Content-Length", String(body.length));
  headers.set("Cache-Control", `public, max-age=${life}`);
  await cache.put(key, { headers, body });
}

/** A body of at most `most` bytes; undefined for a longer one. Rejects where it breaks off. */
async function readBody(body: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    length += chunk.value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(chunk.value);
  }
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.length;
  }
  return whole;
}

/** A cache that cannot be filled costs speed and nothing else: the viewer has their response. */
function quietly(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

/** A file that arrived whole, as the cache keeps it: status 200. */
export interface WholeFile {
  /** With the Content-Length of the body, and the Cache-Control that says how long the entry lives. */
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The port to a cache of whole files. A key says which file of which origin it is, and nothing of a viewer. An entry lives
 * as long as the `max-age` it was put with.
 */
export interface MediaCache {
  /** Answers Range (206, 416) and If-None-Match (304) from the whole file; undefined where it has no entry. */
  readonly match: (key: string, headers: Readonly<Record<string, string>>) => Promise<Response | undefined>;
  /** Takes bytes and no stream, so that no entry can be shorter than its file. Rejects where the entry was not kept. */
  readonly put: (key: string, file: WholeFile) => Promise<void>;
}
