import type { Progress } from "../playlist/progress.ts";
import { isAhead } from "./delivery-directives.ts";

/** A version of a playlist: its text, and how far that has come. */
export interface SeenVersion {
  readonly text: string;
  readonly progress: Progress;
}

/**
 * Why a version of a live playlist looks as if it were only the beginning of one, or undefined. An origin that reads the
 * file while the packager writes it sends such a text with the right length, so its bytes do not tell; the version before
 * it does:
 *
 * - Its last line has no end, and before it had one: `…\nseg-1042.t`. Both are legal, but no packager does now this, now that.
 * - It stops behind an EXTINF, or has no segments at all.
 * - It lost segments or parts at its end, which no playlist may (RFC 8216bis §6.2.1), without beginning again before its
 *   former beginning, as it does when an encoder restarts.
 *
 * A playlist with EXT-X-ENDLIST is whole: that is its last line. Since a packager may restart in ways that look like this,
 * callers believe it only for as long as the version before can stand in.
 */
export function cutFault({ text, progress }: SeenVersion, before: SeenVersion): string | undefined {
  if (progress.ended || !before.progress.live) return undefined;
  if (before.text.endsWith("\n") && !text.endsWith("\n")) return "it stops in the middle of a line";
  if (progress.unfinished && !before.progress.unfinished) return "its last segment has no URI";
  if (isEmpty(progress) && !isEmpty(before.progress)) return "it has no segments";
  const restarted = progress.firstSegment < before.progress.firstSegment;
  return !restarted && isAhead(before.progress, progress) ? "it ends before the end of the last version" : undefined;
}

function isEmpty({ firstSegment, nextSegment, nextPart }: Progress): boolean {
  return nextSegment === firstSegment && nextPart === 0;
}
