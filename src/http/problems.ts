import type { RefusalCode } from "../base/result.ts";

/** What a client learns about a refusal. The reason goes to the log only. */
interface Problem {
  readonly status: number;
  readonly title: string;
  /** What to do about it. It is the same for every request, so it quotes nothing; a refusal's `faults` say more. */
  readonly detail: string;
}

const credentialProblems = {
  body_invalid: {
    status: 400,
    title: "Invalid request body or parameter",
    detail: "Fix the errors in `faults`. /openapi.json describes the body and the parameters of each route.",
  },
  request_invalid: {
    status: 400,
    title: "Invalid credentials in the request",
    detail:
      "Send exactly one credential: `Authorization: Bearer <token>`, or one session cookie without Authorization. " +
      "`faults` names the error.",
  },
  https_required: {
    status: 403,
    title: "HTTPS required",
    detail: "Use https. A credential that was sent over plain HTTP may have been read in transit: replace it.",
  },
  token_missing: {
    status: 401,
    title: "Missing credentials",
    detail: "Send `Authorization: Bearer <token>`, or sign in.",
  },
  token_invalid: {
    status: 401,
    title: "Invalid token",
    detail: "Get a token for this service's audience from a trusted issuer, and send it unchanged.",
  },
  token_expired: { status: 401, title: "Token expired", detail: "Get a new token and retry." },
  token_revoked: {
    status: 401,
    title: "Token revoked",
    detail: "Sign in again: this token, or every session of its viewer, was revoked.",
  },
  dpop_proof_invalid: {
    status: 401,
    title: "Invalid DPoP proof",
    detail: "Send `Authorization: DPoP <token>` and, in the DPoP header, a fresh proof for this method and URL.",
  },
  sign_in_required: {
    status: 401,
    title: "Your sign-in session has expired",
    detail: "Sign in again.",
  },
  origin_untrusted: {
    status: 403,
    title: "Cookies are not accepted from this origin",
    detail: "Send the request from the site itself or from an origin in STAGEDOOR_ORIGINS, or use a bearer token.",
  },
  scope_insufficient: {
    status: 403,
    title: "Insufficient scope",
    detail: "Get a token with the scope that WWW-Authenticate names.",
  },
} as const satisfies Partial<Record<RefusalCode, Problem>>;

const startProblems = {
  asset_forbidden: {
    status: 403,
    title: "The token does not cover this asset",
    detail: "Request an asset that the token names, or get a token that names this one.",
  },
  asset_not_yet_available: {
    status: 403,
    title: "The asset is not available yet",
    detail: "Retry when its availability window has opened.",
  },
  asset_no_longer_available: {
    status: 403,
    title: "The asset is no longer available",
    detail: "Its availability window has closed. Choose another asset.",
  },
  country_forbidden: {
    status: 403,
    title: "The asset is not available in this country",
    detail: "Choose an asset that is available in the viewer's country.",
  },
  place_forbidden: {
    status: 403,
    title: "The asset is not available in this place",
    detail: "Choose an asset that is available in the viewer's region and network. Turn off a VPN or Tor.",
  },
  origin_forbidden: {
    status: 403,
    title: "The asset may not be played on this site",
    detail: "Play it on a site that is listed in the asset's `origins`.",
  },
  player_refused: {
    status: 403,
    title: "The asset may not be played in this player",
    detail: "Play it in another player, or in a later version of this one.",
  },
  entitlement_refused: {
    status: 403,
    title: "Not entitled",
    detail:
      "The entitlement service denied this start: the viewer's purchase or subscription does not cover the asset.",
  },
  provider_unavailable: {
    status: 503,
    title: "A provider of this service is unavailable",
    detail:
      "Retry after the number of seconds in Retry-After: the identity provider or the entitlement service did not give a valid " +
      "answer. The credential is not the cause.",
  },
  asset_revoked: {
    status: 403,
    title: "The asset was withdrawn",
    detail: "An operator revoked this asset and ended all its sessions. Choose another asset.",
  },
  asset_unknown: { status: 404, title: "Unknown asset", detail: "Compare the asset id with the catalog." },
  quality_unavailable: {
    status: 403,
    title: "No quality that the viewer's plan includes",
    detail: "The asset has no variant within the plan's quality. Choose another asset or plan.",
  },
  file_forbidden: {
    status: 403,
    title: "Not one of the asset's files",
    detail:
      "Request a file that the asset's `files` allow. Playlists, keys and segments are opened by a stream only, whatever their " +
      "names are.",
  },
  address_unknown: {
    status: 400,
    title: "The client's address is unknown",
    detail: "This asset is bound to the viewer's network: send the request through Cloudflare, which adds the address.",
  },
  stream_limit: {
    status: 429,
    title: "Stream limit reached",
    detail: "End one of the sessions in `running`, or start with takeover: true to end the oldest.",
  },
  start_rate_exceeded: {
    status: 429,
    title: "Too many starts in a short time",
    detail: "Retry after the number of seconds in Retry-After.",
  },
  rate_limited: {
    status: 429,
    title: "Too many requests",
    detail: "Retry after the number of seconds in Retry-After.",
  },
} as const satisfies Partial<Record<RefusalCode, Problem>>;

const sessionProblems = {
  session_unknown: {
    status: 404,
    title: "Unknown session",
    detail: "Send the grant from the session's start, with the id of the same session in the path.",
  },
  session_forbidden: {
    status: 403,
    title: "The session belongs to another viewer",
    detail: "Send a token with the issuer and subject that started the session.",
  },
  session_revoked: {
    status: 403,
    title: "The session was ended",
    detail: "Start the stream again, if the viewer may still watch it.",
  },
  session_shared: {
    status: 403,
    title: "The session is used in too many networks",
    detail:
      "Start the stream again on the device that plays it. This URL was used in more networks than allowed at once.",
  },
  place_not_allowed: {
    status: 451,
    title: "The asset is blacked out in this place",
    detail: "An operator has blacked this asset out where the request comes from. Choose another asset.",
  },
  stream_taken: {
    status: 403,
    title: "Playback moved to another device",
    detail: "Start the stream again to move it back.",
  },
} as const satisfies Partial<Record<RefusalCode, Problem>>;

const urlProblems = {
  path_invalid: {
    status: 400,
    title: "The path is not canonical",
    detail:
      "Request the URL exactly as the playlist has it: no dot segments, encoded slashes, backslashes or semicolons.",
  },
  signature_missing: {
    status: 403,
    title: "Missing signature",
    detail: "Start the stream and request the URLs of its playlists with their complete query.",
  },
  signature_invalid: {
    status: 403,
    title: "Invalid signature",
    detail: "The URL was changed after it was signed. Request it exactly as the playlist has it.",
  },
  signature_expired: {
    status: 403,
    title: "URL expired",
    detail: "Reload the playlist for a fresh URL, or start the stream again for a fresh manifest URL.",
  },
  signature_not_yet_valid: {
    status: 403,
    title: "The URL is not valid yet",
    detail: "Retry later, and check the signer's clock.",
  },
  grant_invalid: {
    status: 403,
    title: "Invalid grant",
    detail:
      "Start the stream again, and send its grant unchanged: it is the first segment of a media URL's path, and the header " +
      "CTA-Common-Access-Token of the session's routes.",
  },
  grant_expired: {
    status: 403,
    title: "Playback session expired",
    detail: "Start the stream again with a bearer token.",
  },
  key_unknown: {
    status: 403,
    title: "Unknown signing key",
    detail: "Start the stream again. Operators keep a rotated key verifying until the sessions it signed have expired.",
  },
  path_not_covered: {
    status: 403,
    title: "The grant does not cover this path",
    detail:
      "Start a stream of this asset: a grant opens one asset only. A stream's grant opens what its playlists name, and a " +
      "grant of POST /files opens the URLs of its response.",
  },
  method_not_covered: {
    status: 405,
    title: "Method not allowed",
    detail: "The media host accepts GET, HEAD and OPTIONS.",
  },
  address_not_covered: {
    status: 403,
    title: "The URL is bound to another address",
    detail: "Start the stream from the network that plays it.",
  },
  binding_mismatch: {
    status: 403,
    title: "The session is bound to another network or browser",
    detail: "Start the stream again on the device that plays it.",
  },
} as const satisfies Partial<Record<RefusalCode, Problem>>;

const originProblems = {
  playlist_invalid: {
    status: 422,
    title: "The origin's playlist cannot be protected",
    detail: "Fix the playlist at the origin. The log names the line and the error.",
  },
  playlist_too_large: {
    status: 413,
    title: "The origin's playlist is too large",
    detail: "Keep playlists below 4 MiB.",
  },
  uri_foreign: {
    status: 422,
    title: "The playlist contains a URI outside the asset",
    detail: "Keep URIs below the asset's prefix, or add the host to allowedHosts or the scheme to allowedSchemes.",
  },
  object_unknown: {
    status: 404,
    title: "The origin does not have this file",
    detail: "Check that the file was uploaded below the prefix of the asset's origin.",
  },
  range_not_satisfiable: {
    status: 416,
    title: "Range not satisfiable",
    detail: "Request a range within the length in Content-Range.",
  },
  origin_failed: {
    status: 502,
    title: "The origin failed",
    detail: "Retry. The log has the origin's response.",
  },
  origin_slow: { status: 504, title: "The origin did not respond in time", detail: "Retry." },
} as const satisfies Partial<Record<RefusalCode, Problem>>;

const problems: Readonly<Record<RefusalCode, Problem>> = {
  ...credentialProblems,
  ...startProblems,
  ...sessionProblems,
  ...urlProblems,
  ...originProblems,
  revocation_invalid: {
    status: 400,
    title: "Invalid revocation",
    detail:
      'Send JSON with one of {"session": "<22 characters>"}, {"subject": {"issuer", "subject"}}, {"asset": "<id>"}, ' +
      '{"token": {"issuer", "jti"}}, {"login": {"issuer", "sid"}}, {"key": "<kid>"}; "until" is Unix seconds.',
  },
  revocation_unknown: {
    status: 404,
    title: "Unknown revocation",
    detail: "Check the name. A session that its viewer ended, or that was taken over or shared, cannot be restored.",
  },
  asset_invalid: {
    status: 400,
    title: "Invalid asset definition",
    detail: "Fix the errors in `faults` and retry. Nothing was changed.",
  },
  route_unknown: {
    status: 404,
    title: "Not found",
    detail: "Compare the URL with the documentation.",
  },
  method_unknown: {
    status: 405,
    title: "Method not allowed",
    detail: "Use one of the methods in the Allow header.",
  },
  configuration_invalid: {
    status: 500,
    title: "Invalid service configuration",
    detail: "The worker's log lists every configuration error.",
  },
  store_unavailable: {
    status: 503,
    title: "A dependency of this service is unavailable",
    detail: "Retry after the number of seconds in Retry-After. The credential is not the cause.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    detail: "Retry. If the error persists, send the operator the Request-Id of this response.",
  },
};

/** The problem that a client sees for a refusal with this code. */
export function problemFor(code: RefusalCode): Problem {
  return problems[code];
}

/** Every refusal code. */
export const refusalCodes: readonly RefusalCode[] = Object.keys(problems).filter(isRefusalCode);

export function isRefusalCode(text: string): text is RefusalCode {
  return Object.hasOwn(problems, text);
}
