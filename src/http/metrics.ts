import { ok } from "../base/result.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { metricsNow } from "../flows/operator/metrics-now.ts";
import { prometheusType } from "../telemetry/prometheus-text.ts";
import { behindScope, type OperatorFlow } from "./behind-scope.ts";
import type { Routes } from "./route.ts";
import { TextAnswer } from "./text-answer.ts";

/** `GET /metrics` for operators with the scope operator:read: a scraper sends his credential as a bearer token. */
export function metricsRoutes(context: OperatorContext): Routes {
  return { "/metrics": { GET: { flow: behindScope("operator:read", askMetrics, context), status: 200 } } };
}

const askMetrics: OperatorFlow = async (_, context) => {
  const text = await metricsNow(context);
  return text.ok ? ok(new TextAnswer(text.value, prometheusType)) : text;
};
