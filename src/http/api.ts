import { Hono } from "hono";
import { refusal } from "../base/refusal.ts";
import { longestBody, type StartContext, startStream } from "../flows/start-stream.ts";
import { readText } from "./body.ts";
import { preflight, withCors } from "./cors.ts";
import { type Log, logError, logRefusal } from "./log.ts";
import { problemResponse } from "./problem.ts";

export interface ApiOptions {
  /** What stands before `/stream/start`: `/`, or `/api/v1` and the like. */
  readonly basePath: string;
  readonly log: Log;
  /** The demo page, in development: it answers whatever the API does not know. */
  readonly page?: (request: Request) => Promise<Response>;
}

/** The API as a Hono app: `POST <basePath>/stream/start`. */
export function apiApp(context: StartContext, options: ApiOptions): Hono {
  const app = new Hono();
  const path = `${options.basePath === "/" ? "" : options.basePath}/stream/start`;
  app.post(path, async ({ req }) => {
    const body = await readText(req.raw, longestBody);
    const started = await startStream({ authorization: req.header("Authorization"), body }, context);
    if (!started.ok) {
      logRefusal(options.log, "api", started.refusal);
      return withCors(problemResponse(started.refusal));
    }
    return withCors(Response.json(started.value, { status: 201, headers: { "Cache-Control": "no-store" } }));
  });
  app.options(path, () => preflight("POST, OPTIONS", "Authorization, Content-Type"));
  app.all(path, () => withCors(problemResponse(refusal("method_unknown", "not POST").refusal)));
  const { page } = options;
  if (page !== undefined) app.get("*", ({ req }) => page(req.raw));
  app.notFound(() => withCors(problemResponse(refusal("route_unknown", "no such route").refusal)));
  app.onError((error) => {
    logError(options.log, "api", error);
    return withCors(problemResponse(refusal("internal_error", "an exception").refusal));
  });
  return app;
}
