import { seconds } from "../base/seconds.ts";
import type { SharedPlaylist } from "./render.ts";
import { relativeReference } from "./segments.ts";
import type { PlaylistTemplate } from "./template.ts";

/** BANDWIDTH is required. Where nothing tells it: a common rate for 720p, so that no player thinks it out of reach. */
const unknownBandwidth = 2_000_000;

/**
 * The multivariant playlist (RFC 8216bis §4.4.6) around an entry that is itself a media playlist: one variant, whose URL
 * lives with the session where the entry's lives for minutes. It is asked for under the entry's own path, so the variant
 * is that path's last name; `entry` holds its canonical plain path and origin query.
 *
 * EXT-X-VERSION and EXT-X-INDEPENDENT-SEGMENTS are those of the media playlist: in a multivariant one they speak for all
 * of its renditions, and here there is one.
 */
export function wrapMediaPlaylist(
  media: PlaylistTemplate,
  entry: { readonly path: string; readonly query: string },
): SharedPlaylist {
  const { version, independentSegments, bandwidth } = media.traits;
  const head = [
    "#EXTM3U",
    ...(version === undefined ? [] : [`#EXT-X-VERSION:${version}`]),
    ...(independentSegments ? ["#EXT-X-INDEPENDENT-SEGMENTS"] : []),
    `#EXT-X-STREAM-INF:BANDWIDTH=${bandwidth ?? unknownBandwidth}`,
    "",
  ];
  const { path, query } = entry;
  const none = seconds(0);
  return {
    texts: [head.join("\n"), "\n"],
    open: [{ target: 0, reference: relativeReference(path, path) }],
    targets: [{ purpose: "playlist", path, query, lifetime: none, carried: false, minimum: none, grid: none }],
  };
}
