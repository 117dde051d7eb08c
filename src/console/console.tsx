import { type Context, Hono, type HonoRequest } from "hono";
import { ok, type Refusal, refusal } from "../base/result.ts";
import { httpsRequired, isPlainHttp } from "../http/cors.ts";
import { errorResponse, type Reporting, refusedResponse } from "../http/problem-response.ts";
import { problemFor } from "../http/problems.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import { explain, liftSession, revokeSession, simulateStart } from "./actions.tsx";
import { showBreakdown } from "./breakdown-page.tsx";
import {
  type ConsoleDeps,
  checkOrigin,
  consolePath,
  formOf,
  type PageHandler,
  requestedPage,
  requestOf,
} from "./console-request.ts";
import { currentSession, expiredCookie, signIn, signOut } from "./console-sign-in.ts";
import { showHistory } from "./history-page.tsx";
import { page, redirect, refusalPage, withSecurityHeaders } from "./page-response.tsx";
import { showCode, showExplain, showOverview, showSimulate } from "./pages.tsx";
import { changeRevocations, showRevocations } from "./revocations-page.tsx";
import { RefusalPage, redirectToSignIn, SignInPage } from "./sign-in-page.tsx";
import { staticFile } from "./static-files.ts";
import { lookUp, showViewerForm } from "./viewer-page.tsx";

export interface ConsoleOptions extends ConsoleDeps {
  readonly reporting: Reporting;
}

/** The operators' console as a Hono app, for the paths that `isConsolePath` accepts. */
export function consoleApp(context: OperatorContext, options: ConsoleOptions): Hono {
  const app = new Hono();
  const { reporting, sha256 } = options;
  const refused = (reason: Refusal, { raw }: HonoRequest, operator?: string) =>
    refusalPage(reason, refusedResponse(reason, raw, reporting), (details) => (
      <RefusalPage details={details} operator={operator} />
    ));
  const signInRefused = (reason: Refusal, { raw }: HonoRequest, to = requestedPage(raw)) =>
    refusalPage(reason, refusedResponse(reason, raw, reporting), (details) => <SignInPage details={details} to={to} />);
  const sessionOf = (honoContext: Context) =>
    currentSession(
      honoContext.req.header("Cookie") ?? null,
      requestOf(honoContext, undefined, context, options),
      context,
    );
  const requireSignIn = (handler: PageHandler) => async (honoContext: Context) => {
    const { req } = honoContext;
    const current = await sessionOf(honoContext);
    if (!current.ok)
      return problemFor(current.refusal.code).status < 500
        ? signInRefused(current.refusal, req)
        : refused(current.refusal, req);
    if (current.value === undefined) return redirectToSignIn(req.raw);
    const session = current.value;
    const operator = session.operator.credential.subject;
    const form = req.method === "POST" ? await formOf(req.raw) : undefined;
    if (form?.ok === false) return refused(form.refusal, req, operator);
    const request = requestOf(honoContext, undefined, context, options);
    const name = req.param("name") ?? "";
    const response = await handler({ session, operator, request, name, form: form?.value ?? emptyForm }, context);
    return response.ok ? response.value : refused(response.refusal, req, operator);
  };

  app.use(async (honoContext, next) => {
    const { req } = honoContext;
    const origin = req.method === "GET" || req.method === "HEAD" ? ok(undefined) : checkOrigin(req.raw);
    if (isPlainHttp(req.url)) return withSecurityHeaders(refused(httpsRequired, req), req.url);
    if (!origin.ok) return withSecurityHeaders(refused(origin.refusal, req), req.url);
    await next();
    honoContext.res = withSecurityHeaders(honoContext.res, req.url);
    return;
  });
  app.get("/console", requireSignIn(showOverview));
  app.get("/console/", () => redirect("/console"));
  app.get("/console/codes/:name", requireSignIn(showCode));
  app.get("/console/viewer", requireSignIn(showViewerForm));
  app.post("/console/viewer", requireSignIn(lookUp));
  app.get("/console/history", requireSignIn(showHistory));
  app.get("/console/breakdown", requireSignIn(showBreakdown));
  app.get("/console/revocations", requireSignIn(showRevocations));
  app.post("/console/revocations", requireSignIn(changeRevocations));
  app.get("/console/explain", requireSignIn(showExplain));
  app.post("/console/explain", requireSignIn(explain));
  app.get("/console/simulate", requireSignIn(showSimulate));
  app.post("/console/simulate", requireSignIn(simulateStart));
  app.post("/console/sessions/:name/revoke", requireSignIn(revokeSession));
  app.post("/console/sessions/:name/lift", requireSignIn(liftSession));
  app.get("/console/sign-in", ({ req }) => page(<SignInPage to={consolePath(req.query("to"), req.url)} />));
  app.post("/console/sign-in", async (honoContext) => {
    const { req } = honoContext;
    const form = await formOf(req.raw);
    if (!form.ok) return signInRefused(form.refusal, req);
    const request = requestOf(honoContext, form.value.get("credential") ?? "", context, options);
    const cookie = await signIn(request, context);
    const to = consolePath(form.value.get("to") ?? undefined, req.url);
    return cookie.ok ? redirect(to || "/console", cookie.value.field) : signInRefused(cookie.refusal, req, to);
  });
  app.post("/console/sign-out", async ({ req }) => {
    const ended = await signOut(req.header("Cookie") ?? null, context);
    const response = ended.ok ? redirect("/console/sign-in") : signInRefused(ended.refusal, req, "");
    response.headers.set("Set-Cookie", expiredCookie);
    return response;
  });
  app.notFound(async (honoContext) => {
    const { req } = honoContext;
    const isRead = req.method === "GET" || req.method === "HEAD";
    const file = isRead ? staticFile(req.path, req.header("If-None-Match") ?? null, sha256) : undefined;
    if (file !== undefined) return file;
    const session = await sessionOf(honoContext);
    const operator = session.ok ? session.value?.operator.credential.subject : undefined;
    return refused(refusal("route_unknown", "the console has no such page").refusal, req, operator);
  });
  app.onError((error, { req }) =>
    refusalPage(exception, errorResponse(error, req.raw, reporting), (details) => <RefusalPage details={details} />),
  );
  return app;
}

const emptyForm = new URLSearchParams();
const exception = refusal("internal_error", "an exception; see the log").refusal;
