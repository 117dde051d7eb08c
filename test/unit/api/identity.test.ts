import { beforeEach, describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { apiUrl } from "../auth/sources.ts";
import { type Api, api } from "./start.ts";

const trusted = "https://www.example.com";
const site = { apiUrl, origins: [trusted] };

let requests: { readonly request: Request; readonly body: string }[] = [];
let respond: () => Promise<Response>;
let shared: Api;
beforeEach(async () => {
  requests = [];
  respond = async () => Response.json({ user: "u" });
  shared = await api({ site }, "/api/v1", {
    identity: async (request) => {
      requests.push({ request, body: await request.text() });
      return respond();
    },
  });
});

const signIn = (init: RequestInit = {}, path = "/api/auth/sign-in/email") =>
  shared.send(path, {
    method: "POST",
    body: '{"email":"a@example.com","password":"MARKED"}',
    ...init,
    headers: { "Content-Type": "application/json", ...Object(init.headers) },
  });

describe("the routes below /api/auth", () => {
  it("are forwarded unchanged, from the root whatever the base path is", async () => {
    const headers = { Cookie: "a=b", Origin: apiUrl, "CF-Connecting-IP": "192.0.2.1" };
    expect((await signIn({ headers }, "/api/auth/sign-in/email?a=1")).status).toBe(200);
    const [{ request, body } = { request: undefined, body: "" }] = requests;
    expect(request?.url).toBe("http://localhost/api/auth/sign-in/email?a=1");
    expect([request?.method, request?.redirect]).toEqual(["POST", "manual"]);
    expect(body).toBe('{"email":"a@example.com","password":"MARKED"}');
    for (const [name, value] of Object.entries(headers)) expect(request?.headers.get(name)).toBe(value);
    expect((await signIn({}, "/api/v1/api/auth/sign-in/email")).status).toBe(404);
    expect(requests).toHaveLength(1);
  });

  it("return the worker's response with each of its cookies, not cacheable", async () => {
    respond = async () => {
      const headers = new Headers({ Location: "/next", "Cache-Control": "public", "set-auth-token": "t" });
      headers.append("Set-Cookie", "a=1; Path=/");
      headers.append("Set-Cookie", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT");
      return new Response(null, { status: 302, headers });
    };
    const response = await signIn({ headers: { Origin: trusted } });
    expect([response.status, response.headers.get("Location")]).toEqual([302, "/next"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT"]);
    expect([response.headers.get("Cache-Control"), response.headers.get("set-auth-token")]).toEqual(["no-store", "t"]);
  });

  it("are forwarded without body and Content-Type if there is none, as for a sign-out", async () => {
    await shared.send("/api/auth/sign-out", { method: "POST" });
    const [{ request, body } = { request: undefined, body: undefined }] = requests;
    expect([body, request?.headers.get("Content-Type")]).toEqual(["", null]);
  });

  it.each([
    "/api/auth/%73ign-in/email",
    "/api/auth//sign-in/email",
    "/api/auth/sign-in/email/",
    "/api/auth/sign-in%2Femail",
    "/api/auth/",
    "/api/auth/a;b",
  ])("have one spelling: %s is 404", async (path) => {
    expect((await signIn({}, path)).status).toBe(404);
    expect(requests).toEqual([]);
  });

  it("accept GET, HEAD and POST", async () => {
    for (const method of ["GET", "HEAD"])
      expect((await signIn({ method, body: null }, "/api/auth/jwks")).status).toBe(200);
    for (const method of ["PUT", "PATCH", "DELETE"]) {
      const refused = await signIn({ method });
      expect([refused.status, refused.headers.get("Allow")]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
    }
    expect(requests).toHaveLength(2);
  });

  it("limit bodies to 64 KiB, and those of a sign-in to 4 KiB", async () => {
    const of = (length: number) => JSON.stringify("a".repeat(length - 2));
    expect((await signIn({ body: of(65_536) }, "/api/auth/update-user")).status).toBe(200);
    expect((await signIn({ body: of(65_537) }, "/api/auth/update-user")).status).toBe(400);
    expect((await signIn({ body: of(4097) })).status).toBe(400);
    expect(requests).toHaveLength(1);
  });

  it("answer 503 if the worker does not respond", async () => {
    respond = () => Promise.reject(new Error("MARKED"));
    const response = await signIn();
    expect([response.status, response.headers.has("Retry-After")]).toEqual([503, true]);
    expect(await response.json()).toMatchObject({ code: "store_unavailable" });
    expect(shared.log.join()).not.toContain("MARKED");
  });

  it("do not exist without an identity worker", async () => {
    const { send } = await api({ site });
    expect((await send("/api/auth/sign-in/email", { method: "POST" })).status).toBe(404);
  });

  it("drop a byte order mark for the rate limits and the worker alike", async () => {
    const { settings } = shared.context;
    const signInRate = { name: "sign-in-account", quota: 1, window: seconds(3600) };
    const identity = async (request: Request) => {
      requests.push({ request, body: await request.text() });
      return respond();
    };
    shared = await api({ site, settings: { ...settings, signInRate } }, "/", { identity });
    const body = '{"email":"a@example.com"}';
    const statuses = [(await signIn({ body: `\ufeff${body}` })).status, (await signIn({ body })).status];
    expect([statuses, requests.map((one) => one.body)]).toEqual([[200, 429], [body]]);
  });

  it("count a sign-in before the worker sees the password", async () => {
    const { settings } = shared.context;
    const signInRate = { name: "sign-in-account", quota: 2, window: seconds(3600) };
    shared = await api({ site, settings: { ...settings, signInRate } }, "/", {
      identity: async (request) => {
        requests.push({ request, body: await request.text() });
        return respond();
      },
    });
    const statuses = [(await signIn()).status, (await signIn()).status];
    const refused = await signIn();
    expect([...statuses, refused.status, requests.length]).toEqual([200, 200, 429, 2]);
    expect(refused.headers.get("RateLimit")).toMatch(/^"sign-in-account";r=0;t=\d+$/);
  });
});

describe("pages that may sign in", () => {
  const preflight = (Origin: string) => signIn({ method: "OPTIONS", body: null, headers: { Origin } });

  it("are those of trusted sites, with credentials", async () => {
    for (const response of [await preflight(trusted), await signIn({ headers: { Origin: trusted } })]) {
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe(trusted);
      expect(response.headers.get("Access-Control-Allow-Credentials")).toBe("true");
      expect(response.headers.get("Vary")).toBe("Origin");
    }
    const response = await preflight(trusted);
    expect([response.status, response.headers.get("Access-Control-Allow-Methods")]).toEqual([
      204,
      "GET, HEAD, POST, OPTIONS",
    ]);
    expect(response.headers.get("Access-Control-Allow-Headers")).toContain("Content-Type");
  });

  it("may read the rate limit fields and the worker's own headers", async () => {
    respond = async () =>
      new Response("{}", { headers: { "set-auth-token": "t", "Access-Control-Expose-Headers": "set-auth-token" } });
    const { headers } = await signIn({ headers: { Origin: trusted } });
    const exposed = headers.get("Access-Control-Expose-Headers")?.split(", ") ?? [];
    expect(exposed).toEqual(expect.arrayContaining(["RateLimit", "RateLimit-Policy", "Retry-After", "set-auth-token"]));
    expect(new Set(exposed).size).toBe(exposed.length);
  });

  it.each([apiUrl, "null", "https://evil.example"])("do not include those of %s", async (origin) => {
    for (const response of [await preflight(origin), await signIn({ headers: { Origin: origin } })]) {
      expect(response.headers.has("Access-Control-Allow-Origin")).toBe(false);
      expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
    }
  });
});
