import { describe, expect, it } from "vitest";
import { guardRoute } from "../../../src/identity/route-guard.ts";

const formType = "application/x-www-form-urlencoded";
const post = (path: string, body: string | null, headers: Record<string, string> = { "Content-Type": formType }) =>
  guardRoute(new Request(`https://api.example.com/api/auth${path}`, { method: "POST", body, headers }));
const statusOf = (asked: Request | Response) => (asked instanceof Response ? asked.status : 200);

describe("a form of /oauth2/token", () => {
  it("is handed on as it was read, in one plain spelling", async () => {
    const asked = await post(
      "/oauth2/token",
      "client_id=ap%70&grant_type=refresh_token&refresh_token=abc&scope=a+b%20c",
      {
        "Content-Type": "Application/X-WWW-Form-Urlencoded; charset=UTF-8",
        DPoP: "x",
      },
    );
    if (asked instanceof Response) throw new Error("refused");
    expect(await asked.text()).toBe("client_id=app&grant_type=refresh_token&refresh_token=abc&scope=a+b+c");
    expect(asked.headers.get("Content-Type")).toBe(formType);
    expect(asked.headers.get("DPoP")).toBe("x");
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

  it("quotes nothing of what it refuses", async () => {
    const refused = await post("/oauth2/token", "client_id=app&grant_type=refresh_token&refresh_token=secret%20");
    expect(refused instanceof Response && (await refused.text())).not.toContain("secret");
  });
});

describe("a body", () => {
  it("is not asked for where there is none, as at a sign-out", async () => {
    expect(statusOf(await post("/sign-out", null, {}))).toBe(200);
    expect(statusOf(await post("/sign-out", null, { "Content-Type": "text/plain" }))).toBe(200);
    expect(statusOf(await post("/oauth2/token", null, {}))).toBe(415);
  });

  it.each([
    ["breaks off", new ReadableStream({ start: (one) => one.error(new Error("reset")) })],
    ["is not UTF-8", new Uint8Array([0x7b, 0xff, 0x7d])],
    ["is too long", new Uint8Array(65_537).fill(0x20)],
  ])("is refused with 400 if it %s, and the library does not read it", async (_, body) => {
    const [one, other] = body instanceof ReadableStream ? body.tee() : [body, body];
    const init = { method: "POST", duplex: "half" as const };
    const json = { ...init, body: one, headers: { "Content-Type": "application/json" } };
    const form = { ...init, body: other, headers: { "Content-Type": formType } };
    const answers = [
      await guardRoute(new Request("https://api.example.com/api/auth/update-user", json)),
      await guardRoute(new Request("https://api.example.com/api/auth/oauth2/token", form)),
    ];
    const problems = await Promise.all(answers.map(async (one) => one instanceof Response && (await one.json())));
    expect(answers.map(statusOf)).toEqual([400, 400]);
    expect(problems).toMatchObject([{ code: "BODY_INVALID" }, { error: "invalid_request" }]);
  });

  it("is handed on as it came, without a body where it is empty", async () => {
    const asked = await post("/update-user", '{"name":"é"}', { "Content-Type": "application/json", Cookie: "a=b" });
    if (asked instanceof Response) throw new Error("refused");
    expect([await asked.text(), asked.headers.get("Cookie")]).toEqual(['{"name":"é"}', "a=b"]);
    const empty = await post("/sign-out", "", { "Content-Type": "application/json" });
    expect(empty instanceof Request && empty.body).toBe(null);
  });

  it("is JSON or a form in UTF-8", async () => {
    for (const type of ["application/json", "application/json;charset=utf-8"])
      expect(statusOf(await post("/sign-in/email", "{}", { "Content-Type": type })), type).toBe(200);
    expect(statusOf(await post("/sign-in/email", "email=a"))).toBe(200);
    for (const type of ["text/plain", "application/json; charset=x", `${formType}; charset=x`, `x${formType}`])
      expect(statusOf(await post("/sign-in/email", "{}", { "Content-Type": type })), type).toBe(415);
  });
});

it("what stands outside /api/auth, and what is not listed, is no route", async () => {
  for (const url of ["/jwks", "/api/authx/jwks", "/api/auth", "/api/auth/", "/api/auth/oauth2/introspect"])
    expect(statusOf(await guardRoute(new Request(`https://api.example.com${url}`))), url).toBe(404);
  expect(statusOf(await guardRoute(new Request("https://api.example.com/api/auth/jwks")))).toBe(200);
});

describe("the members of a body", () => {
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
  const refusedFor = async (asked: Request | Response) =>
    asked instanceof Response ? [asked.status, await asked.json()] : [200];

  it.each(bodies)("of %s are known, and no others: %o", async (path, members) => {
    const text = JSON.stringify({ ...members, oauth_query: "client_id=app" });
    const passed = await post(path, text, json);
    expect(passed instanceof Request && (await passed.text())).toBe(text);
    const more = (name: string) => JSON.stringify({ ...members, [name]: 1 });
    const unknown = (name: string) => [400, { code: "MEMBER_UNKNOWN", message: `${name}: no such member` }];
    for (const name of ["takeOver", "assets", "constructor", "Email", "revokeOtherSession"])
      expect(await refusedFor(await post(path, more(name), json))).toEqual(unknown(name));
    expect(await refusedFor(await post(path, '{"__proto__":{}}', json))).toEqual(unknown("__proto__"));
    for (const name of ["a secret", "", "x".repeat(60_000)])
      expect(await refusedFor(await post(path, more(name), json))).toEqual(unknown("a member with another name"));
    expect(await refusedFor(await post(path, "takeOver=1"))).toEqual(unknown("takeOver"));
  });

  it("are not looked for in what is no object, which the library refuses", async () => {
    for (const text of ["[1]", "null", '"text"', "{", ""])
      expect(statusOf(await post("/sign-in/email", text, json))).toBe(200);
  });

  it("may be more in a form of OAuth (RFC 6749 §3.2)", async () => {
    const form = "client_id=app&grant_type=refresh_token&refresh_token=abc&more=1";
    expect(statusOf(await post("/oauth2/token", form))).toBe(200);
  });
});
