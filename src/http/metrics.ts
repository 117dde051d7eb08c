import { ok } from "../base/result.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { metricsNow } from "../flows/operator/metrics-now.ts";
import { authorizeOperator } from "../flows/session/authorize-operator.ts";
import { prometheusType } from "../telemetry/prometheus-text.ts";
import type { Route } from "./api.ts";
import { TextAnswer } from "./operator-routes.ts";

/** `GET /metrics` for operators with the scope operator:read: a scraper sends his credential as a bearer token. */
export function metricsRoutes(context: OperatorContext): Readonly<Record<string, Readonly<Record<string, Route>>>> {
  const flow: Route["flow"] = async (request) => {
    const operator = await authorizeOperator(request, "operator:read", context);
    if (!operator.ok) return operator;
    const text = await metricsNow(context);
    return text.ok ? ok(new TextAnswer(text.value, prometheusType)) : text;
  };
  return { "/metrics": { GET: { flow, status: 200 } } };
}
