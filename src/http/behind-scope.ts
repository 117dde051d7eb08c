import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { OperatorScope } from "../credential/operator.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { authorizeOperator } from "../flows/session/authorize-operator.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import type { OperatorAct } from "../flows/session/operator-act.ts";
import type { Flow } from "./route.ts";

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
