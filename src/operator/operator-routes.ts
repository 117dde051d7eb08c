import type { Credential } from "../auth/credential.ts";
import type { OperatorScope } from "../auth/operator-token.ts";
import { ok, type Refusal, type RefusalCode, type Result } from "../base/result.ts";
import { assetSchema } from "../catalog/asset.ts";
import {
  type CheckedHandler,
  type Handler,
  type RequestCode,
  type Route,
  type RouteDescription,
  type RouteParameter,
  type RouteTable,
  requestRefusals,
} from "../http/route.ts";
import { prometheusType } from "../metrics/prometheus-text.ts";
import { authorizeOperator, operatorRefusals } from "../sessions/authorize-operator.ts";
import { readBody } from "../sessions/request-body.ts";
import type { OperatorAct, SessionContext, SessionRequest } from "../sessions/session-context.ts";
import { explainText } from "./explain/explain-text.ts";
import { listKeys } from "./list-keys.ts";
import { defaultListed, listRefusals, listSessions, maxListed, readListLimit } from "./list-sessions.ts";
import { listAssets, maxAssetBody, putAsset, removeAsset } from "./manage-assets.ts";
import { metricsText } from "./metrics-text.ts";
import type { OperatorContext } from "./operator-context.ts";
import {
  assetChangeSchema,
  assetListSchema,
  explainBodySchema,
  explanationJson,
  explanationSchema,
  keysJson,
  keysSchema,
  maxExplainBody,
  refusalsJson,
  refusalsSchema,
  sessionsJson,
  sessionsSchema,
  simulateBodySchema,
} from "./operator-json.ts";
import { checkParameters } from "./query-parameters.ts";
import { revocationRoutes } from "./revocation-routes.ts";
import { simulate } from "./simulate.ts";

/** A route for operators: what OpenAPI says about it, the scope that it needs, and its handler. */
interface OperatorRoute extends RouteDescription {
  readonly access: readonly [OperatorScope];
  readonly run: Handler<OperatorContext>;
  /** The change that the route makes to the asset in its path, for the log. */
  readonly assetAct?: Extract<OperatorAct["act"], "put" | "remove">;
}

type OperatorCode = (typeof operatorRefusals)[number];

/** As {@link route}: `refusals` are the codes of `run`. Those of the operator's credential are added. */
function operatorRoute<Answered extends RefusalCode, const Code extends Answered>(
  entry: Omit<OperatorRoute, "refusals" | "run"> & {
    readonly refusals: readonly Code[];
    readonly run: CheckedHandler<OperatorContext, Answered, NoInfer<Code> | OperatorCode>;
  },
): OperatorRoute {
  return { ...entry, refusals: [...requestRefusals, ...operatorRefusals, ...entry.refusals] };
}

const assetId: RouteParameter = { name: "id", in: "path", description: "The asset's id.", schema: { type: "string" } };

function filter(name: string, description: string): RouteParameter {
  return { name, in: "query", description, schema: { type: "string" } };
}

/** The routes below the base path. */
const table: RouteTable<OperatorRoute> = {
  "/operator/sessions": {
    GET: operatorRoute({
      id: "listSessions",
      tag: "Operators",
      summary: "List running sessions",
      description:
        "The sessions that hold a lease, the last seen first. A revocation of a session, an asset or a viewer removes " +
        "sessions from the list within two seconds; one of a token, a login or a key, when their leases expire.",
      access: ["operator:read"],
      parameters: [
        filter("asset", "An asset's id."),
        filter("session", "A session's id."),
        filter("subject", "The keyed hash of a viewer, as in a refusal."),
        {
          name: "limit",
          in: "query",
          description: "Maximum number of sessions in the response.",
          schema: { type: "integer", minimum: 1, maximum: maxListed, default: defaultListed },
        },
      ],
      response: {
        status: 200,
        description: "The sessions and their total number.",
        body: { name: "LiveSessions", schema: sessionsSchema },
      },
      refusals: [],
      run: showSessions,
    }),
  },
  "/operator/refusals": {
    GET: operatorRoute({
      id: "listRefusals",
      tag: "Operators",
      summary: "List recent refusals",
      description: "The refusals of the last hour per minute and code, and the last ones in full.",
      access: ["operator:read"],
      parameters: [
        filter("request", "A Request-Id from a response: returns that refusal."),
        filter("subject", "The keyed hash of a viewer: returns the kept refusals of that viewer."),
      ],
      response: {
        status: 200,
        description: "The counts and the last refusals.",
        body: { name: "Refusals", schema: refusalsSchema },
      },
      refusals: [],
      run: showRefusals,
    }),
  },
  "/operator/keys": {
    GET: operatorRoute({
      id: "listKeys",
      tag: "Operators",
      summary: "List keys",
      description: "The keys in the API's ring with their state and next step, without secrets.",
      access: ["operator:read"],
      response: { status: 200, description: "The keys.", body: { name: "Keys", schema: keysSchema } },
      refusals: [],
      run: showKeys,
    }),
  },
  "/operator/explain": {
    POST: operatorRoute({
      id: "explain",
      tag: "Operators",
      summary: "Explain a URL or a token",
      description:
        "What it grants and where it is refused, step by step: like `npx stagedoor explain`, but with the deployment's own " +
        "keys, catalog, revocations and sessions.",
      access: ["operator:read"],
      body: {
        name: "Explain",
        schema: explainBodySchema,
        example: { text: "https://media.example.com/<grant>/film-42/index.m3u8?list=..." },
      },
      maxBody: maxExplainBody,
      response: {
        status: 200,
        description: "The explanation, also if the text would be refused.",
        body: { name: "Explanation", schema: explanationSchema },
      },
      refusals: [],
      run: showExplanation,
    }),
  },
  "/operator/simulate": {
    POST: operatorRoute({
      id: "simulate",
      tag: "Operators",
      summary: "Simulate a start",
      description:
        "What POST /stream/start would answer to this credential, step by step. It has no side effects: nothing is counted " +
        "against a quota and no session starts.",
      access: ["operator:read"],
      body: {
        name: "Simulate",
        schema: simulateBodySchema,
        example: { credential: "<bearer token>", asset: "film-42", country: "DE" },
      },
      maxBody: maxExplainBody,
      response: {
        status: 200,
        description: "The explanation, also if the start would be refused.",
        body: { name: "Explanation", schema: explanationSchema },
      },
      refusals: [],
      run: showSimulation,
    }),
  },
  "/operator/assets": {
    GET: operatorRoute({
      id: "listAssets",
      tag: "Operators",
      summary: "List assets",
      description:
        "The catalog as stored; the workers may still use an older version. Secrets appear as the names of their variables " +
        "only.",
      access: ["operator:read"],
      response: {
        status: 200,
        description: "The assets and their errors.",
        body: { name: "AssetList", schema: assetListSchema },
      },
      refusals: [],
      run: (_, context) => listAssets(context),
    }),
  },
  "/operator/assets/:id": {
    PUT: operatorRoute({
      id: "putAsset",
      tag: "Operators",
      summary: "Add or replace an asset",
      description:
        "The workers use it within two minutes. A refused request changes nothing. If the catalog already has exactly this " +
        "asset, the response is `unchanged`, also with `replace=false`.",
      access: ["operator:assets"],
      parameters: [
        assetId,
        {
          name: "replace",
          in: "query",
          description: "`false` refuses the request if another asset has this id.",
          schema: { type: "string", enum: ["true", "false"], default: "true" },
        },
      ],
      body: {
        name: "Asset",
        schema: assetSchema,
        example: {
          id: "film-42",
          origin: { type: "r2", binding: "MEDIA", prefix: "film-42/" },
          entry: "index.m3u8",
        },
      },
      maxBody: maxAssetBody,
      response: {
        status: 200,
        description: "The asset, and whether it was added, replaced or unchanged.",
        body: { name: "AssetChange", schema: assetChangeSchema },
      },
      refusals: ["asset_invalid"],
      assetAct: "put",
      run: ({ id, body, query }, context) => putAsset({ id, body, replace: query.get("replace") !== "false" }, context),
    }),
    DELETE: operatorRoute({
      id: "removeAsset",
      tag: "Operators",
      summary: "Remove an asset",
      description:
        "Its sessions are refused when the workers have read the catalog again, within two minutes. To end them at once, " +
        "revoke the asset.",
      access: ["operator:assets"],
      parameters: [assetId],
      response: { status: 204, description: "The asset was removed." },
      refusals: ["asset_unknown", "asset_invalid"],
      assetAct: "remove",
      run: ({ id }, context) => removeAsset(id, context),
    }),
  },
};

const metricsTable: RouteTable<OperatorRoute> = {
  "/metrics": {
    GET: operatorRoute({
      id: "metrics",
      tag: "Service",
      summary: "Metrics for Prometheus",
      description: "The counts of all workers in Prometheus' text format 0.0.4. The scraper sends a bearer token.",
      access: ["operator:read"],
      response: { status: 200, description: "Every series with its value.", contentType: "text/plain" },
      refusals: [],
      run: showMetrics,
    }),
  },
};

/** What OpenAPI describes below the base path, and at the root. */
export const operatorRouteDescriptions: RouteTable<RouteDescription> = { ...table, ...revocationRoutes };
export const metricsRouteDescriptions: RouteTable<RouteDescription> = metricsTable;

/** The routes below the base path, except {@link revocationRoutes}. */
export function operatorRoutes(context: OperatorContext): RouteTable<Route<SessionContext>> {
  return bound(table, context);
}

/** `GET /metrics`, at the root. */
export function metricsRoutes(context: OperatorContext): RouteTable<Route<SessionContext>> {
  return bound(metricsTable, context);
}

function bound(routes: RouteTable<OperatorRoute>, context: OperatorContext): RouteTable<Route<SessionContext>> {
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
  const result = await run(request, context);
  if (assetAct !== undefined)
    context.onAct?.({
      operator: operator.value.subject,
      through: "route",
      act: assetAct,
      kind: "asset",
      id: request.id.slice(0, maxAssetIdLength),
      outcome: result.ok ? "done" : result.refusal.code,
    });
  return result;
}

async function showSessions({ query }: SessionRequest, context: OperatorContext) {
  const limit = readListLimit(parameter(query, "limit"));
  if (!limit.ok) return limit;
  const [asset, session, subject] = ["asset", "session", "subject"].map((name) => parameter(query, name));
  const sessions = await listSessions({ asset, session, subject, limit: limit.value }, context);
  return sessions.ok ? ok(sessionsJson(sessions.value)) : sessions;
}

async function showRefusals({ query }: SessionRequest, context: OperatorContext) {
  const refusals = await listRefusals(context, parameter(query, "request") ?? parameter(query, "subject"));
  return refusals.ok ? ok(refusalsJson(refusals.value)) : refusals;
}

async function showKeys(_: SessionRequest, context: OperatorContext) {
  const keys = await listKeys(context);
  return keys.ok ? ok(keysJson(keys.value, context.clock())) : keys;
}

async function showExplanation({ body }: SessionRequest, context: OperatorContext) {
  const question = readBody(explainBodySchema, body, "body_invalid");
  if (!question.ok) return question;
  const explanation = await explainText(question.value, context);
  return explanation.ok ? ok(explanationJson(explanation.value, context.clock())) : explanation;
}

async function showSimulation(request: SessionRequest, context: OperatorContext) {
  const start = readBody(simulateBodySchema, request.body, "body_invalid");
  if (!start.ok) return start;
  return ok(explanationJson(await simulate(start.value, request, context), context.clock()));
}

async function showMetrics(_: SessionRequest, context: OperatorContext) {
  const text = await metricsText(context);
  return text.ok
    ? ok(new Response(text.value, { headers: { "Content-Type": prometheusType, "Cache-Control": "no-store" } }))
    : text;
}

function parameter(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}
