import { type Context, Hono } from "hono";
import { credentialOf } from "../auth/request-credential.ts";
import { requestText } from "../base/body-text.ts";
import { identityPath } from "../base/constants.ts";
import type { TextHash } from "../base/crypto.ts";
import { type Refusal, type Refused, type Result, refusal, refuse } from "../base/result.ts";
import { preflight, setCors, withCors } from "../http/cors.ts";
import {
  healthPath,
  healthResponse,
  type ReadinessCheck,
  readiness,
  readyPath,
  readyResponse,
  storeChecks,
} from "../http/health.ts";
import {
  errorResponse,
  type RefusedRequest,
  type Reporting,
  refusedResponse,
  reportIdentityResponse,
  setRateLimitFields,
  withRateLimitFields,
} from "../http/problem-response.ts";
import { clientOf, sourceOf } from "../http/request.ts";
import { traitsOf } from "../http/request-traits.ts";
import type { RequestCode, Route, RouteTable } from "../http/route.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { metricsRoutes, operatorRoutes } from "../operator/operator-routes.ts";
import { revocationRoutes } from "../operator/revocation-routes.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../sessions/session-context.ts";
import { apiMiddleware, type RequestObserver, requestObserver } from "./api-middleware.ts";
import { viewerRoutes } from "./api-routes.ts";
import { type Identity, identityPreflight, proxyToIdentity } from "./identity-proxy.ts";
import { type DescribedSite, openApiDocument, openApiPath } from "./openapi/document.ts";
import { limitIdentityRequest } from "./sign-in-limits.ts";

export interface ApiOptions {
  /** The prefix of `/stream/start`: `/`, or `/api/v1` and the like. */
  readonly basePath: string;
  readonly reporting: Reporting;
  readonly sha256: TextHash;
  readonly development: boolean;
  /** The identity worker, if one is bound. It is mounted at `/api/auth`, whatever the base path. */
  readonly identity?: Identity;
  /** The dependencies of operators' routes. */
  readonly operators: OperatorContext;
  /** What `/ready` checks in addition to the session stores and the identity worker. */
  readonly readinessChecks?: Readonly<Record<string, ReadinessCheck>>;
  /** The demo page, in development: it gets every GET request that no route matches. */
  readonly page?: (request: Request) => Promise<Response>;
}

const requestHeaders = "Authorization, Content-Type, CTA-Common-Access-Token, DPoP";

/** The API as a Hono app: viewers' sessions, operators' routes, and the proxy to the identity worker. */
export function apiApp(context: SessionContext, options: ApiOptions): Hono {
  const app = new Hono();
  const base = options.basePath === "/" ? "" : options.basePath;
  const refused = (reason: Refusal, { headers }: Request, more?: Omit<RefusedRequest, "headers">) =>
    refusedResponse(reason, { headers, ...more }, options.reporting);
  const dpopRequired = context.issuers.some(({ settings }) => settings.dpop === "required");
  app.use(
    apiMiddleware({
      site: context.site,
      dpopRequired,
      refused: (reason, request) => withCors(refused(reason, request)),
    }),
  );
  const { mediaUrl } = context.settings;
  mountOpenApi(app, { apiUrl: context.site.apiUrl, basePath: options.basePath, mediaUrl });
  if (options.identity !== undefined) mountIdentity(app, options.identity, context, options);
  mountHealth(app, context, options);
  const { operators } = options;
  const belowBase = {
    ...viewerRoutes,
    ...revocationRoutes,
    ...operatorRoutes(operators),
  };
  const all: RouteTable<Route<SessionContext>> = {
    ...Object.fromEntries(Object.entries(belowBase).map(([path, byMethod]) => [base + path, byMethod])),
    ...metricsRoutes(operators),
  };
  for (const [path, byMethod] of Object.entries(all)) {
    const allow = [...Object.keys(byMethod), "OPTIONS"].join(", ");
    for (const [method, route] of Object.entries(byMethod))
      app.on(method, path, async (honoContext) => {
        const observer = requestObserver(context);
        const response = await runRoute(route, honoContext, observer);
        setRateLimitFields(response.headers, observer.observed().standings);
        setCors(response.headers);
        return response;
      });
    refuseOtherMethods(path, allow);
  }
  for (const path of [healthPath, readyPath, openApiPath]) refuseOtherMethods(path, "GET, OPTIONS");
  const { page } = options;
  if (page !== undefined) app.get("*", ({ req }) => page(req.raw));
  app.notFound(({ req }) => withCors(refused(refusal("route_unknown", "no such route").refusal, req.raw)));
  app.onError((error, { req }) => withCors(errorResponse(error, req.raw, options.reporting)));
  return app;

  async function runRoute(
    { handler, response, asked, maxBody = longestBody }: Route<SessionContext>,
    honoContext: Context,
    observer: RequestObserver,
  ): Promise<Response> {
    const { raw } = honoContext.req;
    try {
      const body = await requestText(raw, maxBody);
      const request = requestOf(honoContext, body.ok ? body.value : "", context, options, observer);
      const result = await (body.ok ? handler(request, context) : refusedBody(body.refusal, request));
      if (result.ok) return successResponse(result.value, response.status);
      const asset = asked === "start" ? await assetIn(body, context) : undefined;
      const { subject } = observer.observed();
      return refused(result.refusal, raw, { subject, asked, traits: { ...traitsOf(raw, options), asset } });
    } catch (error) {
      return errorResponse(error, { headers: raw.headers, asked }, options.reporting);
    }
  }

  /** Mounted after the path's own methods. */
  function refuseOtherMethods(path: string, allow: string): void {
    app.options(path, () => preflight(allow, requestHeaders));
    const notAllowed = refuse({ code: "method_unknown", reason: `not one of ${allow}`, allow } as const);
    app.all(path, ({ req }) => withCors(refused(notAllowed.refusal, req.raw)));
  }
}

/** The asset that a start names, if the catalog has it, for the list of refusals. */
async function assetIn(
  body: Result<string, Refusal>,
  { catalog }: Pick<SessionContext, "catalog">,
): Promise<string | undefined> {
  const named = body.ok ? memberOf(body.value, "asset") : undefined;
  const current = named === undefined ? undefined : await catalog().catch(() => undefined);
  return current?.ok === true && named !== undefined ? current.value.asset(named)?.id : undefined;
}

/** A member of a JSON object that is text. */
function memberOf(text: string, name: string): string | undefined {
  try {
    const value: unknown = Reflect.get(Object(JSON.parse(text)), name);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

/** At the root, whatever the base path. */
function mountHealth(app: Hono, context: SessionContext, { identity, readinessChecks }: ApiOptions): void {
  const { clock, timer, site } = context;
  const jwks = `${site.apiUrl}${identityPath}/jwks`;
  const checks = {
    ...storeChecks(context),
    ...readinessChecks,
    ...(identity !== undefined && { identity: async () => (await identity(new Request(jwks))).ok }),
  };
  const ready = readiness({ checks, clock, timer });
  app.get(healthPath, ({ req }) => withCors(healthResponse(req.method)));
  app.get(readyPath, async ({ req, executionCtx }) =>
    withCors(await readyResponse(req.method, ready, (work) => executionCtx.waitUntil(work))),
  );
}

/** At the root, whatever the base path. The document changes only with a deployment, so an isolate writes it once. */
function mountOpenApi(app: Hono, site: DescribedSite): void {
  let document: string | undefined;
  app.get(openApiPath, () => {
    document ??= JSON.stringify(openApiDocument(site));
    const headers = {
      "Content-Type": "application/json",
      "Cache-Control": "public, max-age=300",
      "X-Content-Type-Options": "nosniff",
    };
    return withCors(new Response(document, { headers }));
  });
}

function mountIdentity(app: Hono, identity: Identity, context: SessionContext, options: ApiOptions): void {
  app.options(`${identityPath}/*`, identityPreflight);
  app.all(`${identityPath}/*`, async ({ req: { raw } }) => {
    const { observed, onQuotaStatus } = requestObserver(context);
    const client = clientOf(raw, options.sha256, options.development);
    const result = await proxyToIdentity(raw, identity, (request, path) =>
      limitIdentityRequest(request, path, { client, onQuotaStatus }, context),
    );
    const { headers } = raw;
    const path = new URL(raw.url).pathname.slice(identityPath.length);
    const response = result.ok
      ? await reportIdentityResponse(result.value, path, { headers }, options.reporting)
      : withCors(refusedResponse(result.refusal, { headers }, options.reporting));
    return withRateLimitFields(response, observed().standings);
  });
}

/**
 * Without a credential the refusal is `token_missing`, whatever is wrong with the body. No store is asked about a
 * credential.
 */
async function refusedBody(
  ofBody: Refusal<"body_invalid">,
  { credential }: SessionRequest,
): Promise<Refused<Refusal<RequestCode>>> {
  const presented = credential.read();
  return presented.ok ? refuse(ofBody) : presented;
}

function requestOf(
  { req, executionCtx }: Context,
  body: string,
  context: SessionContext,
  options: ApiOptions,
  { observe, onQuotaStatus, onViewer }: RequestObserver,
): SessionRequest {
  const { raw } = req;
  return {
    credential: observe(credentialOf({ method: raw.method, url: raw.url, headers: raw.headers, body }, context)),
    grant: req.header("CTA-Common-Access-Token"),
    subject: req.header("Stagedoor-Subject"),
    id: req.param("id") ?? "",
    query: new URL(raw.url).searchParams,
    body,
    ...sourceOf(raw, options.development),
    onQuotaStatus,
    onViewer,
    client: clientOf(raw, options.sha256, options.development),
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

function successResponse(value: object | undefined, status: Route<SessionContext>["response"]["status"]): Response {
  const headers = { "Cache-Control": "no-store" };
  if (value instanceof Response) return value;
  return value === undefined ? new Response(null, { status, headers }) : Response.json(value, { status, headers });
}
