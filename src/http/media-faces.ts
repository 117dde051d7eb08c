import type { RefusalCode } from "../base/refusal.ts";

/** What the outside learns of a refusal. */
export interface Face {
  readonly status: number;
  readonly title: string;
  /** What to do about it. The same for everybody, so it can quote nothing. */
  readonly detail: string;
}

/** What the media host refuses: the check, admission, playlists and origins. */
export const mediaFaces = {
  path_invalid: {
    status: 400,
    title: "The path is not in its canonical form",
    detail:
      "Request the URL exactly as the playlist gives it: without dot segments, encoded slashes, backslashes or semicolons.",
  },
  signature_missing: {
    status: 403,
    title: "The URL is not signed",
    detail: "Start the stream and use the URLs of its playlists as they stand, with their whole query.",
  },
  signature_invalid: {
    status: 403,
    title: "The signature does not hold",
    detail: "The URL was changed after it was signed. Use it exactly as the playlist gives it.",
  },
  signature_expired: {
    status: 403,
    title: "The URL has ended",
    detail: "Load the playlist again for a fresh URL, or start the stream again for a fresh manifest URL.",
  },
  signature_not_yet_valid: {
    status: 403,
    title: "The URL's time has not begun",
    detail: "Try again later, and check that the signer's clock is right.",
  },
  grant_invalid: {
    status: 403,
    title: "The grant is not accepted",
    detail: "Start the stream again: the first part of the URL's path is no grant of this service.",
  },
  grant_expired: {
    status: 403,
    title: "The playback session has ended",
    detail: "Start the stream again with a bearer token.",
  },
  path_not_covered: {
    status: 403,
    title: "The grant is for something else",
    detail: "Start the stream for this asset: a grant opens one asset's files alone.",
  },
  method_not_covered: {
    status: 405,
    title: "The method is not allowed here",
    detail: "The media host answers GET, HEAD and OPTIONS.",
  },
  address_not_covered: {
    status: 403,
    title: "The URL is for another address",
    detail: "Start the stream from the network that plays it.",
  },
  binding_mismatch: {
    status: 403,
    title: "The session is bound to another network or browser",
    detail: "Start the stream again from where it is played.",
  },
  session_revoked: {
    status: 403,
    title: "The session was ended",
    detail: "Start the stream again, if the viewer may still watch it.",
  },
  session_shared: {
    status: 403,
    title: "The session is played in too many networks at once",
    detail:
      "Start the stream again where it is watched: the URL was used in more networks at once than one viewer uses.",
  },
  stream_taken: {
    status: 403,
    title: "Another device took this stream's place",
    detail: "Start the stream again to take it back.",
  },
  key_unknown: {
    status: 403,
    title: "The URL was signed with a key that is not in use",
    detail:
      "Start the stream again. An operator who rotates keys leaves the old one verifying until its sessions have ended.",
  },
  playlist_invalid: {
    status: 422,
    title: "The origin's playlist cannot be protected",
    detail: "Mend the playlist at the origin: the log names the line and what is wrong with it.",
  },
  playlist_too_large: {
    status: 413,
    title: "The origin's playlist is too large",
    detail: "Keep a playlist below 4 MiB.",
  },
  uri_foreign: {
    status: 422,
    title: "The playlist leads to a place that the asset does not allow",
    detail:
      "Keep URIs below the asset's prefix, or list the host under the asset's allowedHosts or the scheme under allowedSchemes.",
  },
  object_unknown: {
    status: 404,
    title: "The origin has no such file",
    detail: "Check that the file was uploaded below the asset's origin prefix.",
  },
  range_not_satisfiable: {
    status: 416,
    title: "The range lies outside the file",
    detail: "Ask for a range within the length that Content-Range names.",
  },
  origin_failed: {
    status: 502,
    title: "The origin failed",
    detail: "Try again. The log says what the origin answered.",
  },
  origin_slow: { status: 504, title: "The origin did not answer in time", detail: "Try again." },
} as const satisfies Partial<Record<RefusalCode, Face>>;
