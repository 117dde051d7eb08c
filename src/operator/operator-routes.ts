import { readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { assetSchema } from "../catalog/asset.ts";
import type { Route, RouteDescription, RouteParameter, RouteTable } from "../http/route.ts";
import { prometheusType } from "../metrics/prometheus-text.ts";
import { readBody } from "../sessions/request-body.ts";
import type { SessionContext, SessionRequest } from "../sessions/session-context.ts";
import { explainText } from "./explain/explain-text.ts";
import { historyRoutes } from "./history.ts";
import { eventRoutes } from "./list-events.ts";
import { groupRoutes } from "./list-groups.ts";
import { listKeys } from "./list-keys.ts";
import { revokedRoutes } from "./list-revoked.ts";
import {
  defaultListed,
  listRefusals,
  listSessions,
  maxListed,
  readListLimit,
  readSkip,
  skipParameter,
} from "./list-sessions.ts";
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
import { type ActingContext, bound, type OperatorRoute, operatorRoute } from "./operator-route.ts";
import { revocationRoutes } from "./revocation-routes.ts";
import { enforcementRoutes } from "./set-enforcement.ts";
import { simulate, simulateFor } from "./simulate.ts";
import { overviewNow, statusJson, statusSchema } from "./status.ts";
import { findViewer, lookUpViewer, viewerBodySchema, viewerJson, viewerReportSchema } from "./viewer.ts";

const assetId: RouteParameter = { name: "id", in: "path", description: "The asset's id.", schema: { type: "string" } };

function filter(name: string, description: string): RouteParameter {
  return { name, in: "query", description, schema: { type: "string" } };
}

const traitFilters = [
  filter("asset", "An asset's id."),
  filter("country", "A country of ISO 3166-1, such as DE."),
  filter("asn", "The number of a network, such as 64500."),
  filter("player", "A player's family, such as Chrome or AVPlayer."),
];

/** The routes below the base path. */
const table: RouteTable<OperatorRoute> = {
  ...revokedRoutes,
  ...historyRoutes,
  ...enforcementRoutes,
  ...eventRoutes,
  ...groupRoutes,
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
        ...traitFilters.slice(1),
        skipParameter,
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
        filter("code", "The code of a refusal."),
        ...traitFilters,
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
  "/operator/status": {
    GET: operatorRoute({
      id: "status",
      tag: "Operators",
      summary: "Whether viewers can start and watch",
      description:
        "The headline of the console: the starts and media requests of the last five minutes, by what came of them and whose " +
        "fault the refused ones were.",
      access: ["operator:read"],
      response: {
        status: 200,
        description: "The headline and its figures, also if a store is down.",
        body: { name: "Status", schema: statusSchema },
      },
      refusals: [],
      run: async (_, context) => ok(statusJson(await overviewNow(context))),
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
  "/operator/viewer": {
    POST: operatorRoute({
      id: "lookUpViewer",
      tag: "Operators",
      summary: "Look a viewer up",
      description:
        "A viewer's sessions (running, and of the last hour), refusals and revocation, and what a start would answer. The " +
        "viewer is named in the body, because URLs are logged in many places.",
      access: ["operator:read"],
      body: {
        name: "ViewerQuestion",
        schema: viewerBodySchema,
        example: { viewer: { issuer: "https://id.example.com", subject: "alice" }, start: { asset: "film-42" } },
      },
      response: {
        status: 200,
        description: "What is known of the viewer; empty lists if nothing is.",
        body: { name: "Viewer", schema: viewerReportSchema },
      },
      refusals: [],
      run: showViewer,
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

async function showSessions({ query }: SessionRequest, context: OperatorContext) {
  const limit = readListLimit(parameter(query, "limit"));
  if (!limit.ok) return limit;
  const skip = readSkip(parameter(query, "skip"));
  if (!skip.ok) return skip;
  const [asset, session, subject] = ["asset", "session", "subject"].map((name) => parameter(query, name));
  const [country, player, network] = ["country", "player", "asn"].map((name) => parameter(query, name));
  const asn = readAsn(network);
  if (!asn.ok) return asn;
  const page = { skip: skip.value, limit: limit.value };
  const sessions = await listSessions({ asset, session, subject, country, player, asn: asn.value, ...page }, context);
  return sessions.ok ? ok(sessionsJson(sessions.value)) : sessions;
}

/** The parameter `asn`: a number, also with `AS` before it. */
function readAsn(text: string | undefined): Result<number | undefined, Refusal<"body_invalid">> {
  const asn = text === undefined ? undefined : readDecimal(text.replace(/^AS/i, ""));
  if (text === undefined || asn !== undefined) return ok(asn);
  return refusal("body_invalid", "asn is no number", "asn: Use the number of a network, such as 64500.");
}

async function showRefusals({ query }: SessionRequest, context: OperatorContext) {
  const asn = readAsn(parameter(query, "asn"));
  if (!asn.ok) return asn;
  const names = ["request", "subject", "code", "asset", "country", "player"] as const;
  const asked = Object.fromEntries(names.map((name) => [name, parameter(query, name)]));
  const refusals = await listRefusals(context, { ...asked, ...(asn.value !== undefined && { asn: `AS${asn.value}` }) });
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

async function showViewer(request: SessionRequest, context: ActingContext) {
  const asked = readBody(viewerBodySchema, request.body, "body_invalid");
  if (!asked.ok) return asked;
  const viewer = await findViewer(asked.value, context.acting, context);
  if (!viewer.ok) return viewer;
  const report = await lookUpViewer(viewer.value, context);
  if (!report.ok) return report;
  const { start } = asked.value;
  const simulated = start && (await simulateFor({ ...viewer.value, ...start }, request, context));
  return ok(viewerJson(viewer.value, report.value, context.clock(), simulated));
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
