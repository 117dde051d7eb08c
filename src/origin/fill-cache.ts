import { readBytes } from "../base/body-text.ts";
import { readDecimal } from "../base/encoding.ts";
import { after, type Clock, seconds, type UnixSeconds, type WaitUntil } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import { statedFreshness, variesOnEverything } from "./freshness.ts";
import { type Origin, type OriginRequest, pickHeaders } from "./origin.ts";
import { parseContentRange } from "./ranges.ts";

/** The largest file in bytes that is cached: a request for ten bytes makes the worker read all of it, once. */
export const largestKept = 32 * 1024 * 1024;

/** The same for a file whose length the origin does not state. */
export const largestUnmeasured = 8 * 1024 * 1024;

/** The most memory of all fills in progress; an isolate has 128 MB for everything. */
const fillMemory = 48 * 1024 * 1024;

/** Whether a file has the size of a key, in bytes: AES-128 and SAMPLE-AES have 16, AES-256 has 32 (RFC 8216bis §5). */
export function isKeySize(bytes: number): boolean {
  return bytes === 16 || bytes === 32;
}

/**
 * How long an entry lives, in seconds: at most, and if the origin says nothing. A file replaced at its origin is served
 * in its old version until then. Without an entity tag it lives shorter, because parts of two versions could not be
 * told apart.
 */
const entryLife = { most: 3600, tagged: 3600, untagged: 60 };

/**
 * The same for a file without a length, whatever the origin or the asset says. When an HTTP/1.0 server breaks the
 * connection, that looks like the end of the file (RFC 9112 §8).
 */
const unmeasuredLife = 60;

/** After a range made the worker read a whole file, how long no other range does so in this isolate. */
const fillPause = seconds(30);
const mostRemembered = 1000;

/** When a fill counts as over that never reported its end: the runtime drops the work of an aborted request. */
const longestFill = seconds(60);

export interface FillPorts {
  readonly origin: Origin;
  readonly cache: MediaCache;
  readonly clock: Clock;
  readonly waitUntil: WaitUntil;
  /** Shared by all requests of an isolate. */
  readonly fills: Fills;
}

/** The fills of an isolate: recently started ones, and those in progress with their memory. */
export class Fills {
  readonly #clock: Clock;
  readonly #begun = new Map<string, UnixSeconds>();
  readonly #running = new Map<string, { readonly bytes: number; readonly until: UnixSeconds }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Whether a range may make the worker read the whole file. Each call counts as a read: otherwise a thousand viewers
   * who ask for the first range of a new film would have it read a thousand times.
   */
  mayReadWhole(key: string): boolean {
    const now = this.#clock();
    const last = this.#begun.get(key);
    if (last !== undefined && now < after(last, fillPause)) return false;
    if (this.#begun.size >= mostRemembered) this.#begun.clear();
    this.#begun.set(key, now);
    return true;
  }

  /**
   * Reserves memory for a fill and returns how to release it; undefined if there is none, or the file is being filled.
   */
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
 * Returns an origin's response for the viewer and stores the file in the cache. A whole file goes to the viewer and the
 * cache at once. A range goes to the viewer at once, and the whole file is read for the cache afterwards: a cache
 * stores no ranges, and the file's other ranges will be requested next.
 *
 * The cache only gets a file that has arrived whole, with exactly the bytes that the origin announced. Given the
 * stream, a cache would keep a truncated file when the origin breaks off; workerd's even reports success.
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

/** `tag` is the range's entity tag. If the file's is different by now, the file is changing and is not stored. */
async function readWhole(key: string, request: OriginRequest, tag: string | null, ports: FillPorts): Promise<void> {
  const { asset, path, query } = request;
  const whole = await ports.origin({ asset, path, query, method: "GET" });
  if (!whole.ok) return;
  const fits = memoryFor(whole.value) !== undefined && whole.value.headers.get("ETag") === tag;
  if (fits) await keep(key, asset, whole.value, ports);
  else await whole.value.body?.cancel();
}

/** The memory in bytes that the file may need; undefined if it is too large. */
function memoryFor(answer: Response): number | undefined {
  const length = lengthOf(answer);
  if (length === undefined) return largestUnmeasured;
  return length <= largestKept ? length : undefined;
}

function lengthOf({ headers }: Response): number | undefined {
  return readDecimal(headers.get("Content-Length") ?? "");
}

/**
 * How long the file may be cached, in seconds: the asset's setting, else the origin's, at most an hour. Our credentials
 * do not matter (RFC 9111 §3.5 is about the viewer's): they are the same for all.
 */
function lifeOf({ cacheLifetime }: Asset, answer: Response, now: UnixSeconds): number {
  const { headers } = answer;
  if (variesOnEverything(headers)) return 0;
  const usual = headers.has("ETag") ? entryLife.tagged : entryLife.untagged;
  const life = cacheLifetime ?? Math.min(statedFreshness(headers, now) ?? usual, entryLife.most);
  return answer.status === 200 && lengthOf(answer) === undefined ? Math.min(life, unmeasuredLife) : life;
}

/** Stores the file if it arrives whole. A shorter, longer or aborted one is dropped. */
async function keep(key: string, asset: Asset, answer: Response, { cache, clock }: FillPorts): Promise<void> {
  const length = lengthOf(answer);
  const life = lifeOf(asset, answer, clock());
  if (life === 0) return await answer.body?.cancel();
  const reader = answer.body?.getReader();
  const body = reader === undefined ? new Uint8Array(0) : await readBytes(reader, length ?? largestUnmeasured);
  if (typeof body === "string" || (length !== undefined && body.length !== length)) return;
  // A key is never cached, whatever URL asked for it: a `file` URL of one is refused after the file arrived.
  if (isKeySize(body.length)) return;
  const headers = pickHeaders(answer.headers);
  headers.set("Content-Length", String(body.length));
  headers.set("Cache-Control", `public, max-age=${life}`);
  await cache.put(key, { headers, body });
}

/** A cache that cannot be filled costs speed and nothing else: the viewer has their response. */
function quietly(work: Promise<void>): Promise<void> {
  return work.catch(() => undefined);
}

/** A complete file for the cache: status 200. */
export interface WholeFile {
  /** With the Content-Length of the body, and a Cache-Control with the entry's lifetime. */
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * Port: a cache of whole files. A key identifies a file of an origin and nothing of a viewer. An entry lives for its
 * `max-age`.
 */
export interface MediaCache {
  /** Answers Range (206, 416) and If-None-Match (304) from the whole file; undefined if there is no entry. */
  readonly match: (key: string, headers: Readonly<Record<string, string>>) => Promise<Response | undefined>;
  /** Accepts bytes and no stream, so no entry can be truncated. Rejects if the entry was not stored. */
  readonly put: (key: string, file: WholeFile) => Promise<void>;
}
