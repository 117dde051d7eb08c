import type { Refusal } from "../base/refusal.ts";
import type { Result } from "../base/result.ts";
import type { OperatorScope } from "../credential/operator.ts";
import { longestQuestion } from "../flows/operator/bodies.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { listAssets } from "../flows/operator/list-assets.ts";
import { longestAsset, putAsset } from "../flows/operator/put-asset.ts";
import { removeAsset } from "../flows/operator/remove-asset.ts";
import { authorizeOperator } from "../flows/session/authorize-operator.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import type { Route } from "./api.ts";
import { askExplanation, askKeys, askRefusals, askSessions, askSimulation } from "./operator-questions.ts";

/** An answer that is no JSON. */
export class TextAnswer {
  readonly text: string;
  readonly contentType: string;

  constructor(text: string, contentType: string) {
    this.text = text;
    this.contentType = contentType;
  }
}

interface OperatorRoute {
  readonly scope: OperatorScope;
  readonly status: Route["status"];
  /** How many bytes of a body are read; {@link longestBody} of the sessions' routes where it is left out. */
  readonly longestBody?: number;
  readonly run: (request: SessionRequest, context: OperatorContext) => Promise<Result<object | undefined, Refusal>>;
}

/** Every route for operators below the base path, by its methods. */
const routes: Readonly<Record<string, Readonly<Record<string, OperatorRoute>>>> = {
  "/operator/sessions": { GET: { scope: "operator:read", status: 200, run: askSessions } },
  "/operator/refusals": { GET: { scope: "operator:read", status: 200, run: askRefusals } },
  "/operator/keys": { GET: { scope: "operator:read", status: 200, run: askKeys } },
  "/operator/explain": {
    POST: { scope: "operator:read", status: 200, longestBody: longestQuestion, run: askExplanation },
  },
  "/operator/simulate": {
    POST: { scope: "operator:read", status: 200, longestBody: longestQuestion, run: askSimulation },
  },
  "/operator/assets": {
    GET: { scope: "operator:read", status: 200, run: (_, context) => listAssets(context) },
  },
  "/operator/assets/:id": {
    PUT: {
      scope: "operator:assets",
      status: 200,
      longestBody: longestAsset,
      run: ({ sessionId: id, body, query }, context) =>
        putAsset({ id, body, replace: query.get("replace") !== "false" }, context),
    },
    DELETE: { scope: "operator:assets", status: 204, run: ({ sessionId }, context) => removeAsset(sessionId, context) },
  },
};

/** The same as routes of the API: each looks first whether an operator with its scope asks. */
export function operatorRoutes(context: OperatorContext): Readonly<Record<string, Readonly<Record<string, Route>>>> {
  const behind = ({ scope, status, run, ...rest }: OperatorRoute): Route => ({
    ...rest,
    status,
    flow: async (request) => {
      const operator = await authorizeOperator(request, scope, context);
      return operator.ok ? run(request, context) : operator;
    },
  });
  return Object.fromEntries(
    Object.entries(routes).map(([path, byMethod]) => [
      path,
      Object.fromEntries(Object.entries(byMethod).map(([method, route]) => [method, behind(route)])),
    ]),
  );
}
