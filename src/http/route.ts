import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { SessionContext, SessionRequest } from "../flows/session/context.ts";

/** What a route does with a request. */
export type Flow = (request: SessionRequest, context: SessionContext) => Promise<Result<object | undefined, Refusal>>;

/** A route of the API. */
export interface Route {
  readonly flow: Flow;
  /** The status where nothing is refused. */
  readonly status: 200 | 201 | 204;
  /** How many bytes of a body are read; `longestBody` of the sessions' routes where it is left out. */
  readonly longestBody?: number;
}

/** Routes by their path, and their method in upper case. */
export type Routes = Readonly<Record<string, Readonly<Record<string, Route>>>>;
