import { isPlaylist } from "../base/alias.ts";
import type { MediaPurpose } from "../base/media-purpose.ts";

/** The use of a URI, which decides how long its URL lasts. */
export type UriRole =
  | "playlist"
  | "segment"
  | "part"
  | "part-hint"
  | "map"
  | "map-hint"
  | "key"
  | "session-key"
  /** An interstitial's list of assets (appendix D.2 of draft-pantos-hls-rfc8216bis-16). */
  | "asset-list"
  /** A steering manifest (§7.2). */
  | "steering"
  /** A file that is opened once, or again at any time. */
  | "file"
  /** A file, or a playlist by its extension: a preload DATERANGE can point to either. */
  | "any";

/**
 * The role of each attribute that holds a URI, by tag and by attribute. Sections are those of
 * draft-pantos-hls-rfc8216bis-16.
 */
export const uriAttributes: ReadonlyMap<string, ReadonlyMap<string, UriRole>> = new Map([
  ["#EXT-X-PART", attributes({ URI: "part" })], // §4.4.4.9
  ["#EXT-X-MAP", attributes({ URI: "map" })], // §4.4.4.5
  ["#EXT-X-KEY", attributes({ URI: "key" })], // §4.4.4.4
  ["#EXT-X-PRELOAD-HINT", attributes({ URI: "part-hint" })], // §4.4.5.3
  ["#EXT-X-RENDITION-REPORT", attributes({ URI: "playlist" })], // §4.4.5.4
  ["#EXT-X-DATERANGE", attributes({ "X-ASSET-URI": "playlist", "X-ASSET-LIST": "asset-list", "X-URI": "any" })], // §4.4.5.1, appendix D
  ["#EXT-X-MEDIA", attributes({ URI: "playlist" })], // §4.4.6.1
  ["#EXT-X-I-FRAME-STREAM-INF", attributes({ URI: "playlist" })], // §4.4.6.3
  ["#EXT-X-IMAGE-STREAM-INF", attributes({ URI: "playlist" })], // Roku's image media playlists, not in the draft
  ["#EXT-X-SESSION-DATA", attributes({ URI: "file" })], // §4.4.6.4
  ["#EXT-X-SESSION-KEY", attributes({ URI: "session-key" })], // §4.4.6.5
  ["#EXT-X-CONTENT-STEERING", attributes({ "SERVER-URI": "steering" })], // §4.4.6.6
]);

const purposes: Readonly<Record<Exclude<UriRole, "any">, MediaPurpose>> = {
  playlist: "playlist",
  segment: "segment",
  part: "segment",
  "part-hint": "segment",
  map: "segment",
  "map-hint": "segment",
  key: "key",
  "session-key": "key",
  "asset-list": "playlist",
  steering: "playlist",
  file: "segment",
};

/** The purpose of a URL in this role. */
export function purposeOf(role: UriRole, path: string): MediaPurpose {
  if (role === "any") return isPlaylist(path) ? "playlist" : "segment";
  return purposes[role];
}

/** Whether applications load such a URI themselves, so its scheme may be their own. */
export function isLoadedByApplication(role: UriRole): boolean {
  return role === "key" || role === "session-key" || role === "asset-list";
}

function attributes(roles: Readonly<Record<string, UriRole>>): ReadonlyMap<string, UriRole> {
  return new Map(Object.entries(roles));
}
