import type { RefusalCode } from "../base/result.ts";

/** What the outside learns of a refusal. */
interface Face {
  readonly status: number;
  readonly title: string;
  /** What to do about it. The same for everybody, so it can quote nothing. */
  readonly detail: string;
}

/** What the media host refuses: the check, admission, playlists and origins. */
const mediaFaces = {
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

/** What the outside learns of each refusal: everything it may know stands here and there. The reason goes to the log alone. */
const faces: Readonly<Record<RefusalCode, Face>> = {
  body_invalid: {
    status: 400,
    title: "The body is not understood",
    detail:
      'Send JSON with the members of the route, and no others; a start has {"asset": "<id>"} and perhaps "takeover". ' +
      "`faults` names what is wrong.",
  },
  request_invalid: {
    status: 400,
    title: "The request is malformed",
    detail:
      "Send one credential, in a header: `Authorization: Bearer <token>`, or one session cookie and no Authorization. " +
      "Take any token out of the query and the body, where logs would keep it.",
  },
  https_required: {
    status: 403,
    title: "Plain HTTP is not taken",
    detail: "Use https. A credential that was sent over plain HTTP may have been read on the way: get a new one.",
  },
  token_missing: {
    status: 401,
    title: "No credential came",
    detail: "Send a token, as the header `Authorization: Bearer <token>`, or sign in.",
  },
  token_invalid: {
    status: 401,
    title: "The token is not accepted",
    detail: "Get a token from the issuer that this service trusts, made for its audience, and send it unchanged.",
  },
  token_expired: { status: 401, title: "The token has ended", detail: "Get a new token and send the request again." },
  token_revoked: {
    status: 401,
    title: "The token was revoked",
    detail: "Sign in again: the viewer's sessions were ended, or this token was.",
  },
  dpop_proof_invalid: {
    status: 401,
    title: "The DPoP proof is not accepted",
    detail:
      "Send `Authorization: DPoP <token>` with a fresh proof in the header DPoP, made for this method and address.",
  },
  sign_in_required: {
    status: 401,
    title: "The session of sign-in has ended",
    detail: "Sign in again.",
  },
  origin_untrusted: {
    status: 403,
    title: "A cookie does not do from this origin",
    detail: "Send the request from the site itself or from an origin in STAGEDOOR_ORIGINS, or send a bearer token.",
  },
  scope_insufficient: {
    status: 403,
    title: "The token's scope does not reach",
    detail: "Ask the issuer for a token with the scope that WWW-Authenticate names.",
  },
  asset_forbidden: {
    status: 403,
    title: "The token does not open this asset",
    detail: "Ask for an asset that the token names, or get a token that names this one.",
  },
  asset_not_yet_available: {
    status: 403,
    title: "The asset is not available yet",
    detail: "Ask again once its availability window has begun.",
  },
  asset_no_longer_available: {
    status: 403,
    title: "The asset is not available any more",
    detail: "Choose another one: its availability window has ended.",
  },
  country_forbidden: {
    status: 403,
    title: "The asset is not available in this country",
    detail: "Choose an asset that is available where the viewer is.",
  },
  origin_forbidden: {
    status: 403,
    title: "The asset does not play on this site",
    detail: "Play it on a site that the asset's `origins` name.",
  },
  entitlement_refused: {
    status: 403,
    title: "The viewer may not play this now",
    detail: "The service that decides who may play what has refused it: what was bought or booked does not cover it.",
  },
  asset_revoked: {
    status: 403,
    title: "The asset was withdrawn",
    detail: "Choose another one: an operator has ended every stream of this asset.",
  },
  asset_unknown: { status: 404, title: "There is no such asset", detail: "Check the asset id against the catalog." },
  address_unknown: {
    status: 400,
    title: "The client's address is not known",
    detail:
      "This asset is bound to the viewer's network: send the request through Cloudflare, which names his address.",
  },
  stream_limit: {
    status: 429,
    title: "Too many streams at once",
    detail: "End one of the streams under `running`, or start again with takeover: true, which ends the oldest.",
  },
  start_rate_exceeded: {
    status: 429,
    title: "Too many starts in a short time",
    detail: "Start again after the seconds that Retry-After names.",
  },
  rate_limited: {
    status: 429,
    title: "Too many requests",
    detail: "Send the request again after the seconds that Retry-After names.",
  },
  session_unknown: {
    status: 404,
    title: "There is no such session",
    detail: "Send the grant that the session's start answered with, and its own id in the path.",
  },
  session_forbidden: {
    status: 403,
    title: "The session is another viewer's",
    detail: "Send a bearer token of the issuer and the subject that started the session.",
  },
  revocation_invalid: {
    status: 400,
    title: "The body names nothing to revoke",
    detail:
      'Send JSON with one of {"session": "<22 characters>"}, {"subject": {"issuer", "subject"}}, {"asset": "<id>"}, ' +
      '{"token": {"issuer", "jti"}}, {"login": {"issuer", "sid"}}, {"key": "<kid>"}; "until" is Unix seconds.',
  },
  revocation_unknown: {
    status: 404,
    title: "Nothing of that name is revoked",
    detail:
      "Check the name. A session that its viewer ended, or that was taken over or shared, comes back by a new start alone.",
  },
  asset_invalid: {
    status: 400,
    title: "The asset is not one",
    detail: "Mend what stands under `faults`, and send it again: nothing was changed.",
  },
  ...mediaFaces,
  route_unknown: {
    status: 404,
    title: "There is nothing at this address",
    detail: "Check the address against the documentation.",
  },
  method_unknown: { status: 405, title: "The method is not allowed here", detail: "Use the method that Allow names." },
  configuration_invalid: {
    status: 500,
    title: "The service is configured wrongly",
    detail: "An operator finds every fault named in the worker's log.",
  },
  store_unavailable: {
    status: 503,
    title: "Something this service depends on is down",
    detail: "Try again after the seconds that Retry-After names; the credential is not at fault.",
  },
  internal_error: {
    status: 500,
    title: "Something broke",
    detail: "Try again. If it lasts, tell the operator the time of the request.",
  },
};

/** What the outside learns of a refusal with this code. */
export function faceOf(code: RefusalCode): Face {
  return faces[code];
}

/** Every code that there is. */
export const refusalCodes: readonly RefusalCode[] = Object.keys(faces).filter(isRefusalCode);

/** Whether a text is one of them. */
export function isRefusalCode(text: string): text is RefusalCode {
  return Object.hasOwn(faces, text);
}
