import type { Credential } from "../auth/credential.ts";
import type { OperatorScope } from "../auth/operator-token.ts";
import { ok, type Refusal, type RefusalCode, type Result } from "../base/result.ts";
import {
  type CheckedHandler,
  type Handler,
  type RequestCode,
  type Route,
  type RouteDescription,
  type RouteTable,
  requestRefusals,
} from "../http/route.ts";
import { authorizeOperator, operatorRefusals } from "../sessions/authorize-operator.ts";
import type { Acting, OperatorAct, SessionContext, SessionRequest } from "../sessions/session-context.ts";
import type { OperatorContext } from "./operator-context.ts";
import { checkParameters } from "./query-parameters.ts";

/** The dependencies of a request whose operator is known. */
export interface ActingContext extends OperatorContext {
  readonly acting: Acting;
}

/** A route for operators: what OpenAPI says about it, the scope that it needs, and its handler. */
export interface OperatorRoute extends RouteDescription {
  readonly access: readonly [OperatorScope];
  readonly run: Handler<ActingContext>;
  /** The change that the route makes to the asset in its path, for the log. */
  readonly assetAct?: Extract<OperatorAct["act"], "put" | "enforcement" | "remove">;
}

type OperatorCode = (typeof operatorRefusals)[number];

/** As {@link route}: `refusals` are the codes of `run`. Those of the operator's credential are added. */
export function operatorRoute<Answered extends RefusalCode, const Code extends Answered>(
  entry: Omit<OperatorRoute, "refusals" | "run"> & {
    readonly refusals: readonly Code[];
    readonly run: CheckedHandler<ActingContext, Answered, NoInfer<Code> | OperatorCode>;
  },
): OperatorRoute {
  return { ...entry, refusals: [...requestRefusals, ...operatorRefusals, ...entry.refusals] };
}

/** The routes with their operators' credentials checked. */
export function bound(routes: RouteTable<OperatorRoute>, context: OperatorContext): RouteTable<Route<SessionContext>> {
  const bind = (route: OperatorRoute) => ({
    ...route,
    handler: (request: SessionRequest) => runAuthorized(route, request, context),
  });
  return Object.fromEntries(
    Object.entries(routes).map(([path, byMethod]) => [
      path,
      Object.fromEntries(Object.entries(byMethod).map(([method, route]) => [method, bind(route)])),
    ]),
  );
}

const maxAssetIdLength = 64;
type Authorized = Result<Credential, Refusal<OperatorCode | RequestCode>>;

async function runAuthorized(
  { access: [scope], run, assetAct, tag, parameters = [] }: OperatorRoute,
  request: SessionRequest,
  context: OperatorContext,
): ReturnType<Handler<OperatorContext>> {
  const operator: Authorized = await authorizeOperator(request, scope, context);
  if (!operator.ok) return operator;
  // GET /metrics ignores what a scraper adds to its URL.
  const query = tag === "Operators" ? checkParameters(request.query, parameters) : ok(undefined);
  if (!query.ok) return query;
  const acting = { operator: operator.value.subject, through: "route" } as const;
  const result = await run(request, { ...context, acting });
  if (assetAct !== undefined)
    context.onAct?.({
      ...acting,
      act: assetAct,
      kind: "asset",
      id: request.id.slice(0, maxAssetIdLength),
      outcome: result.ok ? "done" : result.refusal.code,
    });
  return result;
}
