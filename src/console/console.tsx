import { type Context, Hono, type HonoRequest } from "hono";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok } from "../base/result.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { faceOf } from "../http/faces.ts";
import { httpsRequired, isPlainHttp } from "../http/https.ts";
import { brokenResponse, type Reporting, refusedResponse } from "../http/refused.ts";
import { explain, revokeSession, simulateStart } from "./acts.tsx";
import { onTo, page, refusedPage, secured } from "./answers.tsx";
import { type Around, formOf, requestOf } from "./asked.ts";
import { fileAt } from "./assets.ts";
import { showCode, showExplain, showOverview, showSimulate } from "./looks.tsx";
import { DoorPage, RefusedPage, SignInPage } from "./plain-pages.tsx";
import { fromOwnPage } from "./same-origin.ts";
import { noCookie } from "./session-cookie.ts";
import { signIn, whoIsSignedIn } from "./signed-in.ts";
import type { Shown } from "./visit.ts";

export interface ConsoleOptions extends Around {
  readonly reporting: Reporting;
}

/** Whether a path is the console's. */
export function isConsolePath(path: string): boolean {
  return path === "/console" || path.startsWith("/console/");
}

/** The operators' console as a Hono app, for the paths that {@link isConsolePath} knows. */
export function consoleApp(context: OperatorContext, options: ConsoleOptions): Hono {
  const app = new Hono();
  const { reporting, sha256 } = options;
  const refused = (why: Refusal, { raw }: HonoRequest, operator?: string) =>
    refusedPage(why, refusedResponse(why, raw, reporting), (told) => <RefusedPage told={told} operator={operator} />);
  const atTheDoor = (why: Refusal, { raw }: HonoRequest) =>
    refusedPage(why, refusedResponse(why, raw, reporting), (told) => <SignInPage told={told} />);
  const behindTheDoor = (show: Shown) => async (asked: Context) => {
    const { req } = asked;
    const request = requestOf(asked, undefined, context, options);
    const visitor = await whoIsSignedIn(req.header("Cookie") ?? null, request, context);
    if (!visitor.ok)
      return faceOf(visitor.refusal.code).status < 500
        ? atTheDoor(visitor.refusal, req)
        : refused(visitor.refusal, req);
    if (visitor.value === undefined) return toTheDoor(req.raw);
    const session = visitor.value;
    const operator = session.operator.credential.subject;
    const form = req.method === "POST" ? await formOf(req.raw) : undefined;
    if (form?.ok === false) return refused(form.refusal, req, operator);
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
  app.get("/console/codes/:name", behindTheDoor(showCode));
  app.get("/console/explain", behindTheDoor(showExplain));
  app.post("/console/explain", behindTheDoor(explain));
  app.get("/console/simulate", behindTheDoor(showSimulate));
  app.post("/console/simulate", behindTheDoor(simulateStart));
  app.post("/console/sessions/:name/revoke", behindTheDoor(revokeSession));
  app.get("/console/sign-in", () => page(<SignInPage />));
  app.post("/console/sign-in", async (asked) => {
    const form = await formOf(asked.req.raw);
    if (!form.ok) return atTheDoor(form.refusal, asked.req);
    const request = requestOf(asked, form.value.get("credential") ?? "", context, options);
    const cookie = await signIn(request, context);
    return cookie.ok ? onTo("/console", cookie.value.field) : atTheDoor(cookie.refusal, asked.req);
  });
  app.post("/console/sign-out", () => onTo("/console/sign-in", noCookie));
  app.notFound(({ req }) => {
    const reads = req.method === "GET" || req.method === "HEAD";
    const file = reads ? fileAt(req.path, req.header("If-None-Match") ?? null, sha256) : undefined;
    return file ?? refused(refusal("route_unknown", "the console has no such page").refusal, req);
  });
  app.onError((error, { req }) =>
    refusedPage(broken, brokenResponse(error, req.raw, reporting), (told) => <RefusedPage told={told} />),
  );
  return app;
}

const noFields = new URLSearchParams();
const broken = refusal("internal_error", "an exception, which is in the log").refusal;

/**
 * Where nobody is signed in. A link of another site, such as an alert's, comes without the cookie (`SameSite=Strict`), though its
 * operator may be signed in: then the page goes on to itself once, and that comes with it.
 */
function toTheDoor({ url, headers }: Request): Response {
  const { pathname, searchParams } = new URL(url);
  const site = headers.get("Sec-Fetch-Site");
  if ((site !== "cross-site" && site !== "same-site") || searchParams.has("again")) return onTo("/console/sign-in");
  searchParams.set("again", "");
  return page(<DoorPage onTo={`${pathname}?${searchParams}`} />);
}
