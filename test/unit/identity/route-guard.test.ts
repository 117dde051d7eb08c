import { describe, expect, it } from "vitest";
import { guardRoute } from "../../../src/identity/route-guard.ts";

const formType = "application/x-www-form-urlencoded";
const post = (path: string, body: string | null, headers: Record<string, string> = { "Content-Type": formType }) =>
  guardRoute(new Request(`https://api.example.com/api/auth${path}`, { method: "POST", body, headers }));
const statusOf = (result: Request | Response) => (result instanceof Response ? result.status : 200);

describe("a form for /oauth2/token", () => {
  it("is forwarded in one normalized spelling", async () => {
    const request = await post(
      "/oauth2/token",
      "client_id=ap%70&grant_type=refresh_token&refresh_token=abc&scope=a+b%20c",
      {
        "Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        DPoP: "x",
      },
    );
    if (request instanceof Response) throw new Error("refused");
    expect(await request.text()).toBe("client_id=app&grant_type=refresh_token&refresh_token=abc&scope=a+b+c");
    expect(request.headers.get("Content-Type")).toBe(formType);
    expect(request.headers.get("DPoP")).toBe("x");
  });

  it.each([
    "refresh_token ",
    " refresh_token",
    "refresh_token\t",
    "refresh_token\u00a0",
    "\ufeffrefresh_token",
    "Refresh_Token",
    "",
  ])("is refused with another spelling of grant_type: %j", async (grant_type) => {
    const form = new URLSearchParams({ client_id: "app", refresh_token: "abc", grant_type });
    const refused = await post("/oauth2/token", `${form}`);
    expect(refused instanceof Response && [refused.status, Object(await refused.json()).error]).toEqual([
      400,
      "unsupported_grant_type",
    ]);
  });

  it("is not quoted in the refusal", async () => {
    const refused = await post("/oauth2/token", "client_id=app&grant_type=refresh_token&refresh_token=secret%20");
    expect(refused instanceof Response && (await refused.text())).not.toContain("secret");
  });
});

describe("a request body", () => {
  it("is optional for a sign-out and required for a token request", async () => {
    expect(statusOf(await post("/sign-out", null, {}))).toBe(200);
    expect(statusOf(await post("/sign-out", null, { "Content-Type": "text/plain" }))).toBe(200);
    expect(statusOf(await post("/oauth2/token", null, {}))).toBe(415);
  });

  it.each([
    ["is interrupted", new ReadableStream({ start: (controller) => controller.error(new Error("reset")) })],
    ["is not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["is too long", new Uint8Array(65_537).fill(0x20)],
  ])("is refused with 400 if it %s", async (_, body) => {
    const [first, second] = body instanceof ReadableStream ? body.tee() : [body, body];
    const init = { method: "POST", duplex: "half" as const };
    const json = { ...init, body: first, headers: { "Content-Type": "application/json" } };
    const form = { ...init, body: second, headers: { "Content-Type": formType } };
    const responses = [
      await guardRoute(new Request("https://api.example.com/api/auth/update-user", json)),
      await guardRoute(new Request("https://api.example.com/api/auth/oauth2/token", form)),
    ];
    const problems = await Promise.all(responses.map(async (each) => each instanceof Response && (await each.json())));
    expect(responses.map(statusOf)).toEqual([400, 400]);
    expect(problems).toMatchObject([{ code: "BODY_INVALID" }, { error: "invalid_request" }]);
  });

  it("is forwarded unchanged, and an empty one is removed", async () => {
    const request = await post("/update-user", '{"name":"é"}', { "Content-Type": "application/json", Cookie: "a=b" });
    if (request instanceof Response) throw new Error("refused");
    expect([await request.text(), request.headers.get("Cookie")]).toEqual(['{"name":"é"}', "a=b"]);
    const empty = await post("/sign-out", "", { "Content-Type": "application/json" });
    expect(empty instanceof Request && empty.body).toBe(null);
  });

  it("must be JSON or a form in UTF-8", async () => {
    for (const type of ["application/json", "application/json;charset=utf-8"])
      expect(statusOf(await post("/sign-in/email", "{}", { "Content-Type": type })), type).toBe(200);
    expect(statusOf(await post("/sign-in/email", "email=a"))).toBe(200);
    for (const type of ["text/plain", "application/json; charset=x", `${formType}; charset=x`, `x${formType}`])
      expect(statusOf(await post("/sign-in/email", "{}", { "Content-Type": type })), type).toBe(415);
  });
});

it("a path outside /api/auth, or one that is not listed, gets 404", async () => {
  for (const url of ["/jwks", "/api/authx/jwks", "/api/auth", "/api/auth/", "/api/auth/oauth2/introspect"])
    expect(statusOf(await guardRoute(new Request(`https://api.example.com${url}`))), url).toBe(404);
  expect(statusOf(await guardRoute(new Request("https://api.example.com/api/auth/jwks")))).toBe(200);
});

describe("the members of a request body", () => {
  const bodies: readonly [path: string, members: Readonly<Record<string, unknown>>][] = [
    ["/sign-up/email", { name: "", email: "", password: "", image: "", callbackURL: "", rememberMe: true }],
    ["/sign-in/email", { email: "", password: "", callbackURL: "", rememberMe: true }],
    ["/sign-out", { callbackURL: "", disableRedirect: true, state: "" }],
    ["/revoke-session", { token: "" }],
    ["/revoke-sessions", {}],
    ["/revoke-other-sessions", {}],
    ["/update-user", { name: "", image: null }],
    ["/change-password", { currentPassword: "", newPassword: "", revokeOtherSessions: true }],
    ["/verify-password", { password: "" }],
  ];
  const json = { "Content-Type": "application/json" };
  const refusedFor = async (result: Request | Response) =>
    result instanceof Response ? [result.status, await result.json()] : [200];

  it.each(bodies)("of %s are limited to a list: %o", async (path, members) => {
    const text = JSON.stringify({ ...members, oauth_query: "client_id=app" });
    const accepted = await post(path, text, json);
    expect(accepted instanceof Request && (await accepted.text())).toBe(text);
    const more = (name: string) => JSON.stringify({ ...members, [name]: 1 });
    const unknown = (name: string) => [400, { code: "MEMBER_UNKNOWN", message: `${name}: no such member` }];
    for (const name of ["takeOver", "assets", "constructor", "Email", "revokeOtherSession"])
      expect(await refusedFor(await post(path, more(name), json))).toEqual(unknown(name));
    expect(await refusedFor(await post(path, '{"__proto__":{}}', json))).toEqual(unknown("__proto__"));
    for (const name of ["a secret", "", "x".repeat(60_000)])
      expect(await refusedFor(await post(path, more(name), json))).toEqual(unknown("a member with another name"));
    expect(await refusedFor(await post(path, "takeOver=1"))).toEqual(unknown("takeOver"));
  });

  it("are not checked if the body is not an object, because the library refuses it", async () => {
    for (const text of ["[1]", "null", '"text"', "{", ""])
      expect(statusOf(await post("/sign-in/email", text, json))).toBe(200);
  });

  it("can be unknown in an OAuth form (RFC 6749 §3.2)", async () => {
    const form = "client_id=app&grant_type=refresh_token&refresh_token=abc&more=1";
    expect(statusOf(await post("/oauth2/token", form))).toBe(200);
  });
});
