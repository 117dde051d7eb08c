import { type Context, Hono } from "hono";
import { credentialOf } from "../auth/request-credential.ts";
import { requestText } from "../base/body-text.ts";
import { identityPath } from "../base/constants.ts";
import type { TextHash } from "../base/crypto.ts";
import { type Refusal, type Refused, refusal, refuse } from "../base/result.ts";
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
import { setRateLimitFields, withRateLimitFields } from "../http/problem-response.ts";
import { errorResponse, type Reporting, refusedResponse, reportIdentityResponse } from "../http/refused-response.ts";
import { clientOf, countryOf } from "../http/request.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { metricsRoutes, operatorRoutes } from "../operator/operator-routes.ts";
import { type Route, type Routes, TextAnswer } from "../operator/route-scope.ts";
import { endSession, renewSession, showSession } from "../sessions/own-session.ts";
import { revoke } from "../sessions/revoke.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../sessions/session-context.ts";
import { startStream } from "../sessions/start-stream.ts";
import { everyRequest, type Learning, learning } from "./every-request.ts";
import { askIdentity, type Identity, identityPreflight } from "./identity-proxy.ts";
import { type DescribedSite, openApiDocument, openApiPath } from "./openapi/document.ts";
import { beforeIdentity } from "./sign-in-limits.ts";

export interface ApiOptions {
  /** What stands before `/stream/start`: `/`, or `/api/v1` and the like. */
  readonly basePath: string;
  readonly reporting: Reporting;
  readonly sha256: TextHash;
  readonly development: boolean;
  /** The identity worker, where one is bound: it answers what stands below `/api/auth`, whatever the base path. */
  readonly identity?: Identity;
  /** What operators' routes work with; without it there are none but the one that revokes. */
  readonly operators?: OperatorContext;
  /** What `/ready` checks in addition to the session stores and the identity worker. */
  readonly readinessChecks?: Readonly<Record<string, ReadinessCheck>>;
  /** The demo page, in development: it answers whatever the API does not know. */
  readonly page?: (request: Request) => Promise<Response>;
}

/** Every route below the base path, by its methods. */
const routes: Routes = {
  "/stream/start": { POST: { flow: startStream, status: 201 } },
  "/stream/:id": { GET: { flow: showSession, status: 200 }, DELETE: { flow: endSession, status: 204 } },
  "/stream/:id/renew": { POST: { flow: renewSession, status: 200 } },
  "/operator/revocations": { POST: { flow: revoke, status: 201 } },
};

const requestHeaders = "Authorization, Content-Type, CTA-Common-Access-Token, DPoP";

/** The API as a Hono app: a viewer's sessions from start to end, and operators' revocations. */
export function apiApp(context: SessionContext, options: ApiOptions): Hono {
  const app = new Hono();
  const base = options.basePath === "/" ? "" : options.basePath;
  const refused = (why: Refusal, { headers }: Request, subject?: string) =>
    refusedResponse(why, { headers, subject }, options.reporting);
  const dpopRequired = context.issuers.some(({ settings }) => settings.dpop === "required");
  app.use(
    everyRequest({ site: context.site, dpopRequired, refused: (why, request) => withCors(refused(why, request)) }),
  );
  const { mediaUrl } = context.settings;
  mountOpenApi(app, { apiUrl: context.site.apiUrl, basePath: options.basePath, mediaUrl });
  if (options.identity !== undefined) mountIdentity(app, options.identity, context, options);
  mountHealth(app, context, options);
  const { operators } = options;
  const below = { ...routes, ...(operators === undefined ? {} : operatorRoutes(operators)) };
  const all: Routes = {
    ...Object.fromEntries(Object.entries(below).map(([path, byMethod]) => [base + path, byMethod])),
    ...(operators === undefined ? {} : metricsRoutes(operators)),
  };
  for (const [path, byMethod] of Object.entries(all)) {
    const allow = [...Object.keys(byMethod), "OPTIONS"].join(", ");
    for (const [method, { flow, status, longestBody: most = longestBody }] of Object.entries(byMethod)) {
      app.on(method, path, async (asked) => {
        const { raw } = asked.req;
        const learns = learning(context);
        const answered = async () => {
          try {
            const body = await requestText(raw, most);
            const request = requestOf(asked, body.ok ? body.value : "", context, options, learns);
            const done = await (body.ok ? flow(request, context) : unreadable(body.refusal, request));
            return done.ok ? answer(done.value, status) : refused(done.refusal, raw, learns.learnt().subject);
          } catch (error) {
            return errorResponse(error, raw, options.reporting);
          }
        };
        const response = await answered();
        setRateLimitFields(response.headers, learns.learnt().standings);
        setCors(response.headers);
        return response;
      });
    }
    refuseOthers(path, allow);
  }
  for (const path of [healthPath, readyPath, openApiPath]) refuseOthers(path, "GET, OPTIONS");
  const { page } = options;
  if (page !== undefined) app.get("*", ({ req }) => page(req.raw));
  app.notFound(({ req }) => withCors(refused(refusal("route_unknown", "no such route").refusal, req.raw)));
  app.onError((error, { req }) => withCors(errorResponse(error, req.raw, options.reporting)));
  return app;

  /** Behind the methods that a path has. */
  function refuseOthers(path: string, allow: string): void {
    app.options(path, () => preflight(allow, requestHeaders));
    const why = refuse({ code: "method_unknown", reason: `not one of ${allow}`, allow } as const);
    app.all(path, ({ req }) => withCors(refused(why.refusal, req.raw)));
  }
}

/** At the root, whatever the base path. */
function mountHealth(app: Hono, context: SessionContext, { identity, readinessChecks }: ApiOptions): void {
  const { clock, timer, site } = context;
  const jwks = `${site.apiUrl}${identityPath}/jwks`;
  const checks = {
    ...storeChecks(context),
    ...readinessChecks,
    ...(identity === undefined ? {} : { identity: async () => (await identity(new Request(jwks))).ok }),
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
    const { learnt, onStanding } = learning(context);
    const client = clientOf(raw, options.sha256, options.development);
    const answered = await askIdentity(raw, identity, (request, path) =>
      beforeIdentity(request, path, { client, onStanding }, context),
    );
    const { headers } = raw;
    const path = new URL(raw.url).pathname.slice(identityPath.length);
    const told = answered.ok
      ? await reportIdentityResponse(answered.value, path, { headers }, options.reporting)
      : withCors(refusedResponse(answered.refusal, { headers }, options.reporting));
    return withRateLimitFields(told, learnt().standings);
  });
}

/** A caller without a credential hears `token_missing`, whatever the body. No store is asked about a credential. */
async function unreadable(why: Refusal, { credential }: SessionRequest): Promise<Refused<Refusal>> {
  const presented = credential.read();
  return presented.ok ? refuse(why) : presented;
}

function requestOf(
  { req, executionCtx }: Context,
  body: string,
  context: SessionContext,
  options: ApiOptions,
  { following, onStanding }: Learning,
): SessionRequest {
  const { raw } = req;
  return {
    credential: following(credentialOf({ method: raw.method, url: raw.url, headers: raw.headers, body }, context)),
    grant: req.header("CTA-Common-Access-Token"),
    id: req.param("id") ?? "",
    query: new URL(raw.url).searchParams,
    body,
    origin: req.header("Origin"),
    country: countryOf(raw, options.development),
    onStanding,
    client: clientOf(raw, options.sha256, options.development),
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

function answer(value: object | undefined, status: Route["status"]): Response {
  const headers = { "Cache-Control": "no-store" };
  if (value instanceof TextAnswer)
    return new Response(value.text, { status, headers: { ...headers, "Content-Type": value.contentType } });
  return value === undefined ? new Response(null, { status, headers }) : Response.json(value, { status, headers });
}
