import type * as z from "zod";
import type { OperatorScope } from "../auth/operator-token.ts";
import type { Refusal, RefusalCode, Result } from "../base/result.ts";
import type { Asked } from "../metrics/gathered.ts";
import type { SessionRequest } from "../sessions/session-context.ts";

/** A schema and its name in OpenAPI's components. */
export interface NamedSchema {
  readonly name: string;
  readonly schema: z.ZodType;
}

/** The groups of routes, in the order of the OpenAPI document. */
export const tags = {
  Streams: "A viewer's playback sessions.",
  Operators:
    "For the people who run the service. Operator credentials are issued by `npx stagedoor operator new` only.",
  Service: "Health, metrics and this description, at the root of the API's host.",
} as const;

export interface RouteParameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  /** JSON Schema. */
  readonly schema: object;
}

/** A response that is not a problem: JSON of a schema, another content type, or no body. */
export interface RouteResponse {
  readonly status: 200 | 201 | 204 | 503;
  readonly description: string;
  readonly body?: NamedSchema;
  /** The content type of a body that is not JSON. */
  readonly contentType?: string;
}

/** A route as OpenAPI describes it. */
export interface RouteDescription {
  /** `operationId`: the name of the function in generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description: string;
  readonly tag: keyof typeof tags;
  /**
   * `viewer`: a viewer, or a backend that names one. `session`: a viewer with the grant of the session in the path, or the
   * backend that started it. A list: an operator with one of these scopes.
   */
  readonly access: "public" | "viewer" | "session" | readonly OperatorScope[];
  readonly parameters?: readonly RouteParameter[];
  readonly body?: NamedSchema & {
    readonly example: unknown;
    /** True by default. */
    readonly required?: boolean;
  };
  /** Maximum size of a request body in bytes, if it is not `longestBody` of the session routes. */
  readonly maxBody?: number;
  readonly response: RouteResponse;
  /** What a viewer asks for with it, if the share of accepted requests is watched. */
  readonly asked?: Asked;
  /** A second response that is not a problem. */
  readonly otherResponse?: RouteResponse;
  /** Every code that the route refuses with, except {@link commonRefusals}: see {@link route}. */
  readonly refusals: readonly RefusalCode[];
}

/**
 * The handler of a route. Its value is sent as JSON, unless it is a response of its own. `Code` are its codes in
 * addition to those that every route with a handler shares.
 */
export type Handler<Context, Code extends RefusalCode = RefusalCode> = (
  request: SessionRequest,
  context: Context,
) => Promise<Result<object | undefined, Refusal<Code | CommonCode | RequestCode>>>;

/** A route as the API mounts it. */
export interface Route<Context> extends RouteDescription {
  readonly handler: Handler<Context>;
}

/** Routes by path in the router's syntax (`/stream/:id`) and method. */
export type RouteTable<Entry> = Readonly<Record<string, Readonly<Record<string, Entry>>>>;

/** The refusals that every route shares. */
export const commonRefusals = [
  "https_required",
  "configuration_invalid",
  "internal_error",
] as const satisfies RefusalCode[];
type CommonCode = (typeof commonRefusals)[number];

/**
 * The refusals that every route with a handler shares: those of a body that is incomplete, too long or not UTF-8
 * (`base/body-text.ts`), and of a credential that cannot be read (`auth/read-credential.ts`).
 */
export const requestRefusals = [
  "body_invalid",
  "request_invalid",
  "token_missing",
  "token_invalid",
  "dpop_proof_invalid",
  "sign_in_required",
] as const satisfies RefusalCode[];
export type RequestCode = (typeof requestRefusals)[number];

/** A handler that refuses with the codes `Answered`, all of which are in `Code` or shared. */
export type CheckedHandler<Context, Answered extends RefusalCode, Code extends RefusalCode> = Handler<Context, Code> &
  ((request: SessionRequest, context: Context) => Promise<Result<object | undefined, { readonly code: Answered }>>);

/**
 * A route with the codes of its handler. The compiler rejects a handler that refuses with another code than the listed
 * ones, and a listed code that the handler never refuses with. The codes that every route shares are added.
 *
 * @example route({ id: "removeAsset", refusals: ["asset_unknown"], handler: removeAsset, … })
 */
export function route<Context, Answered extends RefusalCode, const Code extends Answered>(
  entry: Omit<RouteDescription, "refusals"> & {
    readonly refusals: readonly Code[];
    readonly handler: CheckedHandler<Context, Answered, NoInfer<Code>>;
  },
): Route<Context> {
  return { ...entry, refusals: [...requestRefusals, ...entry.refusals] };
}
