import { startDeadline } from "../base/deadline.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { seconds, type Timer } from "../base/seconds.ts";
import { type Origin, type OriginRequest, timeoutOf } from "../catalog/origin.ts";
import { readPlaylistText } from "./read-playlist-text.ts";

export interface FetchContext {
  readonly origin: Origin;
  readonly timer: Timer;
}

export interface FetchedPlaylist {
  /** Undefined where the origin still has the version that `ifNoneMatch` named. */
  readonly text: string | undefined;
  readonly etag: string | undefined;
  /** Where a redirect led, as path and query below the asset's prefix: its URIs resolve against it (RFC 3986 §5.1.3). */
  readonly location: string | undefined;
}

/**
 * The playlist as the origin has it now. One deadline,
 * the origin's `timeout` and as long as it may hold its answer, covers the answer and its body, since a playlist is read whole before a viewer gets a byte.
 * `origin_slow` after that; what else the origin and {@link readPlaylistText} refuse.
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
      return refusal("origin_slow", `${request.asset.id}: the origin did not answer within ${timeout} s`);
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

/** An answer that comes after its deadline is wanted by nobody, but holds a connection. */
function dropBody(answer: Result<Response, Refusal>): void {
  if (answer.ok) answer.value.body?.cancel().catch(() => undefined);
}
