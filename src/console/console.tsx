import { type Context, Hono, type HonoRequest } from "hono";
import { ok, type Refusal, refusal } from "../base/result.ts";
import { httpsRequired, isPlainHttp } from "../http/cors.ts";
import { problemFor } from "../http/problems.ts";
import { errorResponse, type Reporting, refusedResponse } from "../http/refused-response.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { explain, liftSession, revokeSession, simulateStart } from "./actions.tsx";
import { type Around, formOf, fromOwnPage, requestOf, type Shown } from "./console-request.ts";
import { noCookie, signIn, signOut, whoIsSignedIn } from "./console-sign-in.ts";
import { onTo, page, refusedPage, secured } from "./page-response.tsx";
import { showCode, showExplain, showOverview, showSimulate } from "./pages.tsx";
import { ownPage, pageAskedFor, RefusedPage, SignInPage, toTheDoor } from "./sign-in-page.tsx";
import { fileAt } from "./static-files.ts";

export interface ConsoleOptions extends Around {
  readonly reporting: Reporting;
}

/** The operators' console as a Hono app, for the paths that `isConsolePath` knows. */
export function consoleApp(context: OperatorContext, options: ConsoleOptions): Hono {
  const app = new Hono();
  const { reporting, sha256 } = options;
  const refused = (why: Refusal, { raw }: HonoRequest, operator?: string) =>
    refusedPage(why, refusedResponse(why, raw, reporting), (told) => <RefusedPage told={told} operator={operator} />);
  const atTheDoor = (why: Refusal, { raw }: HonoRequest, to = pageAskedFor(raw)) =>
    refusedPage(why, refusedResponse(why, raw, reporting), (told) => <SignInPage told={told} to={to} />);
  const visitorOf = (asked: Context) =>
    whoIsSignedIn(asked.req.header("Cookie") ?? null, requestOf(asked, undefined, context, options), context);
  const behindTheDoor = (show: Shown) => async (asked: Context) => {
    const { req } = asked;
    const visitor = await visitorOf(asked);
    if (!visitor.ok)
      return problemFor(visitor.refusal.code).status < 500
        ? atTheDoor(visitor.refusal, req)
        : refused(visitor.refusal, req);
    if (visitor.value === undefined) return toTheDoor(req.raw);
    const session = visitor.value;
    const operator = session.operator.credential.subject;
    const form = req.method === "POST" ? await formOf(req.raw) : undefined;
    if (form?.ok === false) return refused(form.refusal, req, operator);
    const request = requestOf(asked, undefined, context, options);
    const visit = { session, operator, request, name: req.param("name") ?? "", form: form?.value ?? noFields };
    const shown = await show(visit, context);
    return shown.ok ? shown.value : refused(shown.refusal, req, operator);
  };

  app.use(async (asked, next) => {
    const { req } = asked;
    const own = req.method === "GET" || req.method === "HEAD" ? ok(undefined) : fromOwnPage(req.raw);
    if (isPlainHttp(req.url)) return secured(refused(httpsRequired, req), req.url);
    if (!own.ok) return secured(refused(own.refusal, req), req.url);
    await next();
    asked.res = secured(asked.res, req.url);
    return;
  });
  app.get("/console", behindTheDoor(showOverview));
  app.get("/console/", () => onTo("/console"));
  app.get("/console/codes/:name", behindTheDoor(showCode));
  app.get("/console/explain", behindTheDoor(showExplain));
  app.post("/console/explain", behindTheDoor(explain));
  app.get("/console/simulate", behindTheDoor(showSimulate));
  app.post("/console/simulate", behindTheDoor(simulateStart));
  app.post("/console/sessions/:name/revoke", behindTheDoor(revokeSession));
  app.post("/console/sessions/:name/lift", behindTheDoor(liftSession));
  app.get("/console/sign-in", ({ req }) => page(<SignInPage to={ownPage(req.query("to"), req.url)} />));
  app.post("/console/sign-in", async (asked) => {
    const form = await formOf(asked.req.raw);
    if (!form.ok) return atTheDoor(form.refusal, asked.req);
    const request = requestOf(asked, form.value.get("credential") ?? "", context, options);
    const cookie = await signIn(request, context);
    const to = ownPage(form.value.get("to") ?? undefined, asked.req.url);
    return cookie.ok ? onTo(to || "/console", cookie.value.field) : atTheDoor(cookie.refusal, asked.req, to);
  });
  app.post("/console/sign-out", async ({ req }) => {
    const ended = await signOut(req.header("Cookie") ?? null, context);
    const answered = ended.ok ? onTo("/console/sign-in") : atTheDoor(ended.refusal, req, "");
    answered.headers.set("Set-Cookie", noCookie);
    return answered;
  });
  app.notFound(async (asked) => {
    const { req } = asked;
    const reads = req.method === "GET" || req.method === "HEAD";
    const file = reads ? fileAt(req.path, req.header("If-None-Match") ?? null, sha256) : undefined;
    if (file !== undefined) return file;
    const visitor = await visitorOf(asked);
    const operator = visitor.ok ? visitor.value?.operator.credential.subject : undefined;
    return refused(refusal("route_unknown", "the console has no such page").refusal, req, operator);
  });
  app.onError((error, { req }) =>
    refusedPage(broken, errorResponse(error, req.raw, reporting), (told) => <RefusedPage told={told} />),
  );
  return app;
}

const noFields = new URLSearchParams();
const broken = refusal("internal_error", "an exception, which is in the log").refusal;
