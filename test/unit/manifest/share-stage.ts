import { ok, type Refusal, type Result } from "../../../src/base/result.ts";
import { seconds, type Timer, unixMilliseconds } from "../../../src/base/time.ts";
import type { PlaylistAnswer, PlaylistQuestion } from "../../../src/manifest/playlist-source.ts";
import { sharePlaylist } from "../../../src/manifest/share-playlist.ts";
import type { OriginRefusal, OriginRequest } from "../../../src/origin/origin.ts";
import type { DeliveryDirectives } from "../../../src/playlist/delivery-directives.ts";
import { sampleAsset } from "../catalog/sample.ts";

const start = 1_795_000_020_000;

/** A shared playlist with a clock that the test moves. */
export function shareStage(answerOf: (request: OriginRequest, at: number) => Promise<Result<Response, OriginRefusal>>) {
  let now = start;
  const timers = new Map<() => void, number>();
  const requests: { readonly request: OriginRequest; readonly at: number }[] = [];
  const timer: Timer = (length, ring) => {
    timers.set(ring, now + 1000 * length);
    return () => timers.delete(ring);
  };
  const wait = (length: number) => new Promise<void>((resolve) => timer(seconds(length / 1000), resolve));
  const source = sharePlaylist({
    clock: () => unixMilliseconds(now),
    timer,
    origin: (request) => {
      requests.push({ request, at: now - start });
      return answerOf(request, now - start);
    },
  });
  const load = (directives: DeliveryDirectives = {}, fields: Partial<PlaylistQuestion> = {}) =>
    source({ asset: sampleAsset(), path: "index.m3u8", query: "", directives, hold: seconds(12), ...fields });

  /** Lets this many milliseconds pass, and runs everything that is due. */
  const pass = async (length: number) => {
    const end = now + length;
    await settle();
    for (;;) {
      const [next] = [...timers].filter(([, at]) => at <= end).toSorted(([, a], [, b]) => a - b);
      if (next === undefined) break;
      now = Math.max(now, next[1]);
      timers.delete(next[0]);
      next[0]();
      await settle();
    }
    now = end;
    await settle();
  };
  return {
    load,
    pass,
    wait,
    requests,
    timers,
    now: () => now - start,
    queries: () => requests.map(({ request }) => request.query),
  };
}

/** Runs everything that does not wait for time. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export function unwrap(result: Result<PlaylistAnswer, Refusal>): PlaylistAnswer {
  if (!result.ok) throw new Error(`refused: ${result.refusal.code}`);
  return result.value;
}

export const text = async (body: string, etag?: string) =>
  ok(new Response(body, { headers: etag === undefined ? {} : { ETag: etag } }));

/** A live playlist up to segment `last`, with the first parts of the next one. */
export function live(last: number, { parts = 0, target = 4, more = "" } = {}): string {
  return [
    "#EXTM3U",
    `#EXT-X-TARGETDURATION:${target}`,
    "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24",
    ...(more === "" ? [] : [more]),
    `#EXT-X-MEDIA-SEQUENCE:${last}`,
    `#EXTINF:${target},`,
    `${last}.m4s`,
    ...Array.from({ length: parts }, (_, i) => `#EXT-X-PART:DURATION=1,URI="${last + 1}.${i}.m4s"`),
    "",
  ].join("\n");
}
