import type { OperatorScope } from "../credential/operator.ts";
import { longestQuestion } from "../flows/operator/bodies.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { listAssets } from "../flows/operator/list-assets.ts";
import { longestAsset, putAsset } from "../flows/operator/put-asset.ts";
import { removeAsset } from "../flows/operator/remove-asset.ts";
import { type AssetAct, behindScope, type OperatorFlow } from "./behind-scope.ts";
import { askExplanation, askKeys, askRefusals, askSessions, askSimulation } from "./operator-questions.ts";
import type { Route, Routes } from "./route.ts";

interface OperatorRoute extends Omit<Route, "flow"> {
  readonly scope: OperatorScope;
  readonly run: OperatorFlow;
  /** What it does to the asset that its path names, for the log. */
  readonly act?: AssetAct;
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
      act: "put",
      status: 200,
      longestBody: longestAsset,
      run: ({ id, body, query }, context) => putAsset({ id, body, replace: query.get("replace") !== "false" }, context),
    },
    DELETE: {
      scope: "operator:assets",
      act: "remove",
      status: 204,
      run: ({ id }, context) => removeAsset(id, context),
    },
  },
};

/** The same as routes of the API. */
export function operatorRoutes(context: OperatorContext): Routes {
  const behind = ({ scope, run, act, ...rest }: OperatorRoute): Route => ({
    ...rest,
    flow: behindScope(scope, run, context, act),
  });
  return Object.fromEntries(
    Object.entries(routes).map(([path, byMethod]) => [
      path,
      Object.fromEntries(Object.entries(byMethod).map(([method, route]) => [method, behind(route)])),
    ]),
  );
}
