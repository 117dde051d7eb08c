import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import type { ConsoleSession } from "./session-cookie.ts";

/** A request of an operator who is signed in. */
export interface Visit {
  readonly session: ConsoleSession;
  /** His name. */
  readonly operator: string;
  readonly request: SessionRequest;
  /** What of the path is a parameter: a session's id, or a code. */
  readonly name: string;
  /** A form's fields; empty for a page that is looked at. */
  readonly form: URLSearchParams;
}

/** A page for who is signed in, or why there is none. */
export type Shown = (visit: Visit, context: OperatorContext) => Promise<Result<Response, Refusal>>;
