import type { RefusalCode } from "../base/refusal.ts";
import { type Face, mediaFaces } from "./media-faces.ts";

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
