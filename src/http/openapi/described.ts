import type { RefusalCode } from "../../base/refusal.ts";
import type { OperatorScope } from "../../credential/operator.ts";
import type { AnswerName, BodyName } from "./schemas.ts";

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
