import type { Deadline } from "../base/deadline.ts";
import { readDecimal } from "../base/decimal.ts";
import { bytesText } from "../base/lossless-text.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

const largest = 4 * 1024 * 1024;

/**
 * The text of a playlist's body of at most 4 MiB, read before the deadline. It is UTF-8 (RFC 8216bis §4); other bytes, such as a
 * name in Latin-1, are kept as {@link bytesText} does. Where it is refused the rest is not read and the body is cancelled:
 * `playlist_too_large`, `origin_failed` where the body breaks off or is not as long as the origin said,
 * `origin_slow` where it does not end in time.
 */
export async function readPlaylistText(response: Response, deadline: Deadline): Promise<Result<string, Refusal>> {
  if (response.body === null) return ok("");
  const reader = response.body.getReader();
  const announced = readDecimal(response.headers.get("Content-Length") ?? "");
  const text = announced !== undefined && announced > largest ? tooLarge : await readAll(reader, announced, deadline);
  // It is not waited for: a body that has stalled may never say that it was cancelled.
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
      return refusal("origin_failed", `the playlist broke off: ${length} of ${announced} bytes came`);
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
    return refusal("origin_failed", "the playlist broke off");
  }
}
