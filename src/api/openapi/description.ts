import type { OperatorScope } from "../../auth/operator-token.ts";
import type { RefusalCode } from "../../base/result.ts";
import type { AnswerName, BodyName } from "./answer-schemas.ts";

/** The groups of routes, in the order in which they are shown. */
export const tags = {
  Streams: "A viewer's playback sessions, from start to end.",
  Operators: "What those who run the service look at and change. No issuer of viewers gives out their credentials.",
  Service: "At the root of the API's host, whatever the base path: how the service is, and what it answers.",
} as const;

/** A parameter of the path or the query. */
export interface DescribedParameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly description: string;
  readonly schema: object;
}

/** What comes back where nothing is refused: JSON of a schema, another type of content, or nothing. */
export interface DescribedAnswer {
  readonly status: 200 | 201 | 204 | 503;
  readonly description: string;
  readonly schema?: AnswerName;
  /** The media type of what is no JSON. */
  readonly type?: string;
}

/** A route as the API's description tells of it. */
export interface DescribedRoute {
  /** Its name in programs that are made from the description. */
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  readonly tag: keyof typeof tags;
  /**
   * Who may ask: anybody, a viewer, a viewer with the grant of the session in the path, or an operator with one of these
   * scopes.
   */
  readonly asks: "anybody" | "viewer" | "session" | readonly OperatorScope[];
  readonly parameters?: readonly DescribedParameter[];
  readonly body?: { readonly schema: BodyName; readonly example: unknown };
  /** How many bytes of a body are read, where that is not `longestBody` of the sessions' routes. */
  readonly longestBody?: number;
  readonly answer: DescribedAnswer;
  /** What else it answers that is no problem document. */
  readonly otherwise?: DescribedAnswer;
  /** Every code that it refuses with, but for those that any request may meet ({@link always}). */
  readonly refusals: readonly RefusalCode[];
}

/** Routes by their path, as the router writes it (`/stream/:id`), and their method in upper case. */
export type DescribedRoutes = Readonly<Record<string, Readonly<Record<string, DescribedRoute>>>>;

/** What any request may be refused with. */
export const always = ["https_required", "configuration_invalid", "internal_error"] as const satisfies RefusalCode[];

type Codes = readonly RefusalCode[];

/**
 * A viewer's credential is read, and whoever vouches for it is asked (`auth/request-credential.ts`). The body is read
 * first, on every method: one that breaks off, is too long or is not UTF-8 is refused (`base/body-text.ts`).
 */
const credential: Codes = [
  ...([
    "body_invalid",
    "request_invalid",
    "token_missing",
    "token_invalid",
    "token_expired",
    "dpop_proof_invalid",
  ] as const),
  ...(["sign_in_required", "origin_untrusted", "store_unavailable"] as const),
];

/** The asset is decided about, with all that it asks for beside a credential (`sessions/start-stream.ts`). */
const decision: Codes = [
  ...(["scope_insufficient", "asset_forbidden", "asset_unknown"] as const),
  ...(["asset_not_yet_available", "asset_no_longer_available", "country_forbidden", "origin_forbidden"] as const),
  ...(["token_revoked", "asset_revoked", "entitlement_refused"] as const),
  ...(["address_unknown", "stream_limit", "start_rate_exceeded"] as const),
];

/** Why a session that was begun is over. */
const ended: Codes = ["session_revoked", "session_shared", "stream_taken"];

/** A viewer's own session (`sessions/own-session.ts`). */
export const ownSession: Codes = [
  ...credential,
  ...([
    "session_unknown",
    "session_forbidden",
    "grant_invalid",
    "grant_expired",
    "key_unknown",
    "rate_limited",
  ] as const),
];

export const started: Codes = ["rate_limited", ...credential, ...decision];
export const renewed: Codes = [...ownSession, ...decision, ...ended];

/** An operator's credential (`sessions/authorize-operator.ts`). A cookie makes none, but a faulty one is refused. */
export const operator: Codes = [
  ...(["body_invalid", "request_invalid", "token_missing", "token_invalid", "token_expired", "token_revoked"] as const),
  ...(["dpop_proof_invalid", "sign_in_required", "scope_insufficient", "store_unavailable"] as const),
];
