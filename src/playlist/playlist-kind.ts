export type PlaylistKind = "multivariant" | "media";

/** What a tag implies about the kind of its playlist. The first in this order decides. */
type Sign = "variant" | "segment" | "part" | "rendition" | "media" | "session";

const signs: ReadonlyMap<string, Sign> = new Map([
  ["#EXT-X-STREAM-INF", "variant"],
  ["#EXTINF", "segment"],
  ["#EXT-X-PART", "part"],
  ["#EXT-X-MEDIA", "rendition"],
  ["#EXT-X-I-FRAME-STREAM-INF", "rendition"],
  ["#EXT-X-IMAGE-STREAM-INF", "rendition"],
  ["#EXT-X-TARGETDURATION", "media"],
  ["#EXT-X-MEDIA-SEQUENCE", "media"],
  ["#EXT-X-ENDLIST", "media"],
  ["#EXT-X-PLAYLIST-TYPE", "media"],
  ["#EXT-X-I-FRAMES-ONLY", "media"],
  ["#EXT-X-PART-INF", "media"],
  ["#EXT-X-SERVER-CONTROL", "media"],
  ["#EXT-X-MAP", "media"],
  ["#EXT-X-KEY", "media"],
  ["#EXT-X-BYTERANGE", "media"],
  ["#EXT-X-SKIP", "media"],
  ["#EXT-X-PRELOAD-HINT", "media"],
  ["#EXT-X-RENDITION-REPORT", "media"],
  ["#EXT-X-SESSION-DATA", "session"],
  ["#EXT-X-SESSION-KEY", "session"],
  ["#EXT-X-CONTENT-STEERING", "session"],
]);

/**
 * Determines the kind of a playlist by its tags (RFC 8216bis §4.1). Packagers leave tags of one kind in playlists of
 * the other, such as an EXT-X-ENDLIST after variants. Players go by the URI lines: variants or segments.
 */
export class KindSigns {
  readonly #seen = new Set<Sign>();

  see(tag: string): void {
    const sign = signs.get(tag);
    if (sign !== undefined) this.#seen.add(sign);
  }

  /** "both": URI lines are variants as well as segments, and no player plays that. */
  get kind(): PlaylistKind | "both" {
    const seen = this.#seen;
    if (seen.has("variant")) return seen.has("segment") ? "both" : "multivariant";
    if (seen.has("segment") || seen.has("part")) return "media";
    if (seen.has("rendition")) return "multivariant";
    return seen.has("session") && !seen.has("media") ? "multivariant" : "media";
  }
}
