import { readDecimal } from "../base/encoding.ts";
import { bytesText } from "../base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Deadline, seconds, startDeadline, type Timer } from "../base/time.ts";
import { type Origin, type OriginRequest, timeoutOf } from "../origin/origin.ts";

export interface FetchContext {
  readonly origin: Origin;
  readonly timer: Timer;
}

export interface FetchedPlaylist {
  /** Undefined if the origin still has the version of `ifNoneMatch`. */
  readonly text: string | undefined;
  readonly etag: string | undefined;
  /**
   * The target of a redirect, as path and query below the asset's prefix: the URIs resolve against it (RFC 3986
   * §5.1.3).
   */
  readonly location: string | undefined;
}

/**
 * Fetches a playlist from its origin. One deadline, the origin's `timeout` plus `hold`, covers the response and its
 * body, because a playlist is read whole before a viewer gets a byte. `origin_slow` after that.
 */
export async function fetchPlaylist(
  request: OriginRequest,
  { origin, timer }: FetchContext,
): Promise<Result<FetchedPlaylist, Refusal>> {
  const timeout = seconds(timeoutOf(request.asset.origin) + (request.hold ?? 0));
  const deadline = startDeadline(timeout, timer);
  try {
    const asked = origin(request);
    const answer = await deadline.before(asked);
    if (answer === "late") {
      asked.then(dropBody, () => undefined);
      return refusal("origin_slow", `${request.asset.id}: the origin did not respond within ${timeout} s`);
    }
    if (!answer.ok) return answer;
    const { status, headers } = answer.value;
    const seen = { etag: headers.get("ETag") ?? undefined, location: headers.get("Content-Location") ?? undefined };
    if (status === 304) return ok({ text: undefined, ...seen });
    const text = await readPlaylistText(answer.value, deadline);
    return text.ok ? ok({ text: text.value, ...seen }) : text;
  } finally {
    deadline.end();
  }
}

/** A late response is not used, but its body would hold a connection. */
function dropBody(answer: Result<Response, Refusal>): void {
  if (answer.ok) answer.value.body?.cancel().catch(() => undefined);
}

const largest = 4 * 1024 * 1024;

/**
 * Reads a playlist's body of at most 4 MiB before the deadline. It is UTF-8 (RFC 8216bis §4); other bytes, such as a
 * Latin-1 name, are kept as in {@link bytesText}. When it is refused, the rest is not read. `origin_failed`: the body
 * breaks off, or is not as long as the origin said. `origin_slow`: it does not end in time.
 */
async function readPlaylistText(response: Response, deadline: Deadline): Promise<Result<string, Refusal>> {
  if (response.body === null) return ok("");
  const reader = response.body.getReader();
  const announced = readDecimal(response.headers.get("Content-Length") ?? "");
  const text = announced !== undefined && announced > largest ? tooLarge : await readAll(reader, announced, deadline);
  // Not awaited: a stalled body may never confirm the cancellation.
  if (!text.ok) reader.cancel().catch(() => undefined);
  return text;
}

const tooLarge = refusal("playlist_too_large", `the playlist is larger than ${largest} bytes`);

async function readAll(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  announced: number | undefined,
  deadline: Deadline,
): Promise<Result<string, Refusal>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  while (true) {
    const chunk = await nextChunk(reader, deadline);
    if (!chunk.ok) return chunk;
    length += chunk.value?.length ?? 0;
    if (length > largest) return tooLarge;
    if (chunk.value === undefined && announced !== undefined && length !== announced)
      return refusal("origin_failed", `the playlist was cut off: ${length} of ${announced} bytes came`);
    if (chunk.value === undefined) return ok(bytesText(joined(chunks, length)));
    chunks.push(chunk.value);
  }
}

function joined(chunks: readonly Uint8Array<ArrayBuffer>[], length: number): Uint8Array<ArrayBuffer> {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** Undefined at the end. */
async function nextChunk(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  deadline: Deadline,
): Promise<Result<Uint8Array<ArrayBuffer> | undefined, Refusal>> {
  try {
    const read = await deadline.before(reader.read());
    return read === "late" ? refusal("origin_slow", "the playlist did not end in time") : ok(read.value);
  } catch {
    return refusal("origin_failed", "the playlist was cut off");
  }
}
