import type { OperatorScope } from "../auth/operator-token.ts";
import type { Refusal, Result } from "../base/result.ts";
import { authorizeOperator } from "../sessions/authorize-operator.ts";
import type { OperatorAct, SessionContext, SessionRequest } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";

/** What a route does with a request. */
type Flow = (request: SessionRequest, context: SessionContext) => Promise<Result<object | undefined, Refusal>>;

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

/** What an operator's route does once it is known who asks. */
export type OperatorFlow = (
  request: SessionRequest,
  context: OperatorContext,
) => Promise<Result<object | undefined, Refusal>>;

/** What a route does to the asset that its path names. */
export type AssetAct = Extract<OperatorAct["act"], "put" | "remove">;

/** No asset's id is longer. */
const longestId = 64;

/** A route's flow that looks first whether an operator with the scope asks. `context.onAct` is told of an act. */
export function behindScope(scope: OperatorScope, run: OperatorFlow, context: OperatorContext, act?: AssetAct): Flow {
  return async (request) => {
    const operator = await authorizeOperator(request, scope, context);
    if (!operator.ok) return operator;
    const done = await run(request, context);
    if (act !== undefined) {
      const about = { kind: "asset", id: request.id.slice(0, longestId) } as const;
      const outcome = done.ok ? "done" : done.refusal.code;
      context.onAct?.({ operator: operator.value.subject, through: "route", act, ...about, outcome });
    }
    return done;
  };
}

/** An answer that is no JSON. */
export class TextAnswer {
  readonly text: string;
  readonly contentType: string;

  constructor(text: string, contentType: string) {
    this.text = text;
    this.contentType = contentType;
  }
}
