import { type Context, Hono } from "hono";
import type { TextHash } from "../base/hash.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { type Result, refuse } from "../base/result.ts";
import { credentialOf } from "../credential/request-credential.ts";
import { longestBody, type SessionContext, type SessionRequest } from "../flows/session/context.ts";
import { endSession } from "../flows/session/end-session.ts";
import { renewSession } from "../flows/session/renew-session.ts";
import { revoke } from "../flows/session/revoke.ts";
import { showSession } from "../flows/session/show-session.ts";
import { startStream } from "../flows/session/start-stream.ts";
import { readText } from "./body.ts";
import { clientOf } from "./client.ts";
import { preflight, withCors } from "./cors.ts";
import { type Log, logError, logRefusal } from "./log.ts";
import { problemResponse } from "./problem.ts";

export interface ApiOptions {
  /** What stands before `/stream/start`: `/`, or `/api/v1` and the like. */
  readonly basePath: string;
  readonly log: Log;
  readonly sha256: TextHash;
  readonly development: boolean;
  /** The demo page, in development: it answers whatever the API does not know. */
  readonly page?: (request: Request) => Promise<Response>;
}

type Flow = (request: SessionRequest, context: SessionContext) => Promise<Result<object | undefined, Refusal>>;

interface Route {
  readonly flow: Flow;
  /** The status where nothing is refused. */
  readonly status: 200 | 201 | 204;
}

/** Every route below the base path, by its methods. */
const routes: Readonly<Record<string, Readonly<Record<string, Route>>>> = {
  "/stream/start": { POST: { flow: startStream, status: 201 } },
  "/stream/:id": { GET: { flow: showSession, status: 200 }, DELETE: { flow: endSession, status: 204 } },
  "/stream/:id/renew": { POST: { flow: renewSession, status: 200 } },
  "/revocations": { POST: { flow: revoke, status: 201 } },
};

const requestHeaders = "Authorization, Content-Type, CTA-Common-Access-Token";

/** The API as a Hono app: a viewer's sessions from start to end, and operators' revocations. */
export function apiApp(context: SessionContext, options: ApiOptions): Hono {
  const app = new Hono();
  const base = options.basePath === "/" ? "" : options.basePath;
  const refused = (why: Refusal) => {
    logRefusal(options.log, "api", why);
    return withCors(problemResponse(why));
  };
  for (const [path, byMethod] of Object.entries(routes)) {
    const allow = [...Object.keys(byMethod), "OPTIONS"].join(", ");
    for (const [method, { flow, status }] of Object.entries(byMethod)) {
      app.on(method, base + path, async (asked) => {
        const done = await flow(await requestOf(asked, context, options), context);
        return done.ok ? withCors(answer(done.value, status)) : refused(done.refusal);
      });
    }
    app.options(base + path, () => preflight(allow, requestHeaders));
    const code = "method_unknown";
    app.all(base + path, () =>
      withCors(problemResponse(refuse({ code, reason: `not one of ${allow}`, allow } as const).refusal)),
    );
  }
  const { page } = options;
  if (page !== undefined) app.get("*", ({ req }) => page(req.raw));
  app.notFound(() => withCors(problemResponse(refusal("route_unknown", "no such route").refusal)));
  app.onError((error) => {
    logError(options.log, "api", error);
    return withCors(problemResponse(refusal("internal_error", "an exception").refusal));
  });
  return app;
}

async function requestOf(
  { req, executionCtx }: Context,
  context: SessionContext,
  options: ApiOptions,
): Promise<SessionRequest> {
  const { raw } = req;
  const body = await readText(raw, longestBody);
  return {
    credential: credentialOf({ method: raw.method, url: raw.url, headers: raw.headers, body }, context),
    grant: req.header("CTA-Common-Access-Token"),
    sessionId: req.param("id") ?? "",
    body,
    origin: req.header("Origin"),
    country: req.header("CF-IPCountry"),
    onStanding: () => undefined,
    client: clientOf(raw, options.sha256, options.development),
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

function answer(value: object | undefined, status: Route["status"]): Response {
  const headers = { "Cache-Control": "no-store" };
  return value === undefined ? new Response(null, { status, headers }) : Response.json(value, { status, headers });
}
