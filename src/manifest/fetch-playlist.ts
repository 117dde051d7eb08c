import { readBytes } from "../base/body-text.ts";
import { readDecimal } from "../base/encoding.ts";
import { bytesText } from "../base/lossless-text.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { type Deadline, startDeadline, type Timer } from "../base/time.ts";
import { type Origin, type OriginRefusal, type OriginRequest, timeoutOf } from "../origin/origin.ts";

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

/** `origin_failed`: also a body that breaks off or has another length than the origin said. */
export type FetchRefusal = Refusal<OriginRefusal["code"] | "playlist_too_large">;

/**
 * Fetches a playlist from its origin. One deadline, the origin's `timeout` plus `hold`, covers the response and its
 * body, because a playlist is read whole before a viewer gets a byte.
 */
export async function fetchPlaylist(
  request: OriginRequest,
  { origin, timer }: FetchContext,
): Promise<Result<FetchedPlaylist, FetchRefusal>> {
  const timeout = timeoutOf(request.asset.origin, request.hold);
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
function dropBody(answer: Result<Response, OriginRefusal>): void {
  if (answer.ok) answer.value.body?.cancel().catch(() => undefined);
}

type BodyRefusal = Refusal<"playlist_too_large" | "origin_failed" | "origin_slow">;

const largest = 4 * 1024 * 1024;

/**
 * Reads a playlist's body of at most 4 MiB before the deadline. It is UTF-8 (RFC 8216bis §4); other bytes, such as a
 * Latin-1 name, are kept as in {@link bytesText}. When it is refused, the rest is not read.
 */
async function readPlaylistText(response: Response, deadline: Deadline): Promise<Result<string, BodyRefusal>> {
  if (response.body === null) return ok("");
  const announced = readDecimal(response.headers.get("Content-Length") ?? "");
  if (announced !== undefined && announced > largest) {
    response.body.cancel().catch(() => undefined);
    return tooLarge;
  }
  let bytes: Awaited<ReturnType<typeof readBytes>>;
  try {
    bytes = await readBytes(response.body.getReader(), largest, deadline);
  } catch {
    return refusal("origin_failed", "the playlist was cut off");
  }
  if (bytes === "too_large") return tooLarge;
  if (bytes === "late") return refusal("origin_slow", "the playlist did not end in time");
  if (announced !== undefined && bytes.length !== announced)
    return refusal("origin_failed", `the playlist was cut off: ${bytes.length} of ${announced} bytes came`);
  return ok(bytesText(bytes));
}

const tooLarge = refusal("playlist_too_large", `the playlist is larger than ${largest} bytes`);
