import type { OperatorScope } from "../auth/operator-token.ts";
import { readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { prometheusType } from "../metrics/prometheus-text.ts";
import { readBody } from "../sessions/request-body.ts";
import type { SessionRequest } from "../sessions/session-context.ts";
import { explainText } from "./explain/explain-text.ts";
import { keysNow, metricsNow } from "./keys-now.ts";
import { listSessions, mostListed, refusalsOfHour, usuallyListed } from "./list-sessions.ts";
import { listAssets, longestAsset, putAsset, removeAsset } from "./manage-assets.ts";
import type { OperatorContext } from "./operator-context.ts";
import {
  explainBodySchema,
  explanationJson,
  keysJson,
  longestQuestion,
  refusalsJson,
  sessionsJson,
  simulateBodySchema,
} from "./operator-json.ts";
import { type AssetAct, behindScope, type OperatorFlow, type Route, type Routes, TextAnswer } from "./route-scope.ts";
import { simulate } from "./simulate.ts";

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

type Answer = Promise<Result<object, Refusal>>;

/** `GET /operator/sessions?asset=&session=&subject=&limit=`. `body_invalid` for a limit that is none. */
async function askSessions({ query }: SessionRequest, context: OperatorContext): Answer {
  const limit = limitOf(query);
  if (!limit.ok) return limit;
  const named = { asset: given(query, "asset"), session: given(query, "session"), subject: given(query, "subject") };
  const listed = await listSessions({ ...named, limit: limit.value }, context);
  return listed.ok ? ok(sessionsJson(listed.value)) : listed;
}

/** `GET /operator/refusals?request=`, or `subject=`. */
async function askRefusals({ query }: SessionRequest, context: OperatorContext): Answer {
  const refusals = await refusalsOfHour(context, given(query, "request") ?? given(query, "subject"));
  return refusals.ok ? ok(refusalsJson(refusals.value)) : refusals;
}

/** `GET /operator/keys`. */
async function askKeys(_: SessionRequest, context: OperatorContext): Answer {
  const keys = await keysNow(context);
  return keys.ok ? ok(keysJson(keys.value, context.clock())) : keys;
}

/** `POST /operator/explain`. */
async function askExplanation({ body }: SessionRequest, context: OperatorContext): Answer {
  const asked = readBody(explainBodySchema, body);
  if (!asked.ok) return asked;
  const explained = await explainText(asked.value, context);
  return explained.ok ? ok(explanationJson(explained.value, context.clock())) : explained;
}

/** `POST /operator/simulate`. */
async function askSimulation(request: SessionRequest, context: OperatorContext): Answer {
  const asked = readBody(simulateBodySchema, request.body);
  if (!asked.ok) return asked;
  const simulated = await simulate(asked.value, request, context);
  return simulated.ok ? ok(explanationJson(simulated.value, context.clock())) : simulated;
}

function given(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

function limitOf(query: URLSearchParams): Result<number, Refusal> {
  const text = given(query, "limit");
  const limit = text === undefined ? usuallyListed : readDecimal(text);
  return limit === undefined || limit < 1 || limit > mostListed
    ? refusal("body_invalid", `limit is a whole number from 1 to ${mostListed}`)
    : ok(limit);
}

/** `GET /metrics` for operators with the scope operator:read: a scraper sends his credential as a bearer token. */
export function metricsRoutes(context: OperatorContext): Routes {
  return { "/metrics": { GET: { flow: behindScope("operator:read", askMetrics, context), status: 200 } } };
}

const askMetrics: OperatorFlow = async (_, context) => {
  const text = await metricsNow(context);
  return text.ok ? ok(new TextAnswer(text.value, prometheusType)) : text;
};
