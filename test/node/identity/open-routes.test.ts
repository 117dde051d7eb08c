import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type IdentityStage,
  identityStage,
  refresh,
  requestTokens,
  type SignedIn,
  signIn,
  type Tokens,
} from "./stage.ts";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const formType = "application/x-www-form-urlencoded";
const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const send = async (path: string, body: BodyInit, headers: Record<string, string> = { "Content-Type": formType }) => {
  const response = await stage.fetch(path, { method: "POST", body, headers });
  const text = await response.text();
  return { response, status: response.status, text, error: text === "" ? undefined : JSON.parse(text).error };
};

describe("a refresh token that is reused after the grace period", () => {
  let first: Tokens;
  let successor: string;
  beforeEach(async () => {
    first = await requestTokens(stage, ann);
    successor = (await refresh(stage, first.refresh_token)).token;
    later(14);
  });

  const wellFormed = () => `client_id=app&refresh_token=${first.refresh_token}`;
  const cases: [string, () => string, string][] = [
    ["a space after grant_type", () => `${wellFormed()}&grant_type=refresh_token%20`, "unsupported_grant_type"],
    ["a space before grant_type", () => `${wellFormed()}&grant_type=+refresh_token`, "unsupported_grant_type"],
    ["a tab", () => `${wellFormed()}&grant_type=refresh_token%09`, "unsupported_grant_type"],
    ["a line feed", () => `${wellFormed()}&grant_type=refresh_token%0A`, "unsupported_grant_type"],
    ["a no-break space", () => `${wellFormed()}&grant_type=refresh_token%C2%A0`, "unsupported_grant_type"],
    ["a byte order mark", () => `${wellFormed()}&grant_type=%EF%BB%BFrefresh_token`, "unsupported_grant_type"],
    ["upper case", () => `${wellFormed()}&grant_type=REFRESH_TOKEN`, "unsupported_grant_type"],
    ["another grant", () => `${wellFormed()}&grant_type=client_credentials`, "unsupported_grant_type"],
    ["no grant_type", wellFormed, "invalid_request"],
    [
      "two grant_types",
      () => `grant_type=authorization_code&${wellFormed()}&grant_type=refresh_token`,
      "invalid_request",
    ],
    ["two tokens", () => `refresh_token=x&${wellFormed()}&grant_type=refresh_token`, "invalid_request"],
    ["two client_ids", () => `client_id=x&${wellFormed()}&grant_type=refresh_token`, "invalid_request"],
    [
      "a space after the token",
      () => `client_id=app&grant_type=refresh_token&refresh_token=${first.refresh_token}%20`,
      "invalid_grant",
    ],
    [
      "a space after client_id",
      () => `client_id=app%20&grant_type=refresh_token&refresh_token=${first.refresh_token}`,
      "invalid_client",
    ],
    [
      "an array's name",
      () => `client_id=app&grant_type[]=refresh_token&refresh_token=${first.refresh_token}`,
      "invalid_request",
    ],
    ["a secret", () => `${wellFormed()}&grant_type=refresh_token&client_secret=x`, "invalid_client"],
    ["an assertion", () => `${wellFormed()}&grant_type=refresh_token&client_assertion=x`, "invalid_client"],
  ];

  it.each(cases)("gets no tokens with %s", async (_, body, error) => {
    const result = await send("/oauth2/token", body());
    expect(result).toMatchObject({ status: 400, error });
    expect(result.text).not.toContain(successor);
    expect((await refresh(stage, successor)).status).toBe(200);
  });

  it("gets no tokens as JSON or in the query", async () => {
    const form = { grant_type: "refresh_token", client_id: "app", refresh_token: first.refresh_token };
    const json = { "Content-Type": "application/json" };
    expect((await send("/oauth2/token", JSON.stringify(form), json)).status).toBe(415);
    expect((await send("/oauth2/token", JSON.stringify({ ...form, grant_type: ["refresh_token"] }), json)).status).toBe(
      415,
    );
    const query = `?${new URLSearchParams(form)}`;
    expect(await send(`/oauth2/token${query}`, "")).toMatchObject({ status: 400, error: "invalid_request" });
    expect(await send(`/oauth2/token${query}`, `${new URLSearchParams(form)}`)).toMatchObject({ status: 400 });
    expect((await refresh(stage, successor)).status).toBe(200);
  });

  it.each(["Basic YXBwOg==", "Basic YXBwOng=", "Bearer x"])(
    "gets no tokens with `Authorization: %s`, since the clients are public",
    async (authorization) => {
      const headers = { "Content-Type": formType, Authorization: authorization };
      const result = await send("/oauth2/token", `${wellFormed()}&grant_type=refresh_token`, headers);
      expect(result).toMatchObject({ status: 401, error: "invalid_client" });
      expect(result.response.headers.get("WWW-Authenticate")).toBe("Basic");
      expect((await refresh(stage, successor)).status).toBe(200);
    },
  );

  it("ends its family in a well-formed request", async () => {
    const result = await send("/oauth2/token", `${wellFormed()}&grant_type=refresh_token`);
    expect(result).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await refresh(stage, successor)).toMatchObject({ status: 400, error: "invalid_grant" });
  });
});

describe("a request body", () => {
  const spy = () => [vi.spyOn(console, "error"), vi.spyOn(console, "warn"), vi.spyOn(console, "log")];
  const signUp = JSON.stringify({ email: "ann@example.com", password: "correct horse battery" });

  it.each([
    "application/x-www-form-urlencoded; charset=x",
    "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; boundary=a",
    "application/json; charset=x",
    "application/xjson",
    "application/scim+json",
    "multipart/form-data; boundary=a",
    "text/plain",
    "text/plain; application/json",
    "",
  ])("of type %j is refused with 415 on every route, and nothing is printed", async (type) => {
    const consoleSpies = spy();
    for (const path of ["/oauth2/token", "/oauth2/revoke", "/sign-in/email", "/sign-out"])
      expect((await send(path, signUp, { "Content-Type": type })).status, path).toBe(415);
    for (const method of consoleSpies) expect(method).not.toHaveBeenCalled();
  });

  it.each(["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])(
    "of type %j is accepted",
    async (type) => {
      expect((await send("/sign-in/email", signUp, { "Content-Type": type })).status).toBe(200);
    },
  );
});

describe("a failing store", () => {
  it("is logged by the worker only, and the library prints nothing", async () => {
    const consoleSpies = [vi.spyOn(console, "error"), vi.spyOn(console, "warn"), vi.spyOn(console, "log")];
    stage.database.exec("ALTER TABLE user RENAME TO elsewhere");
    const body = { email: "ann@example.com", password: "correct horse battery" };
    expect((await stage.post("/sign-in/email", body)).status).toBe(503);
    expect(stage.lines).toContain("an exception");
    for (const method of consoleSpies) expect(method).not.toHaveBeenCalled();
  });
});

describe("an unused route of the library", () => {
  it.each([
    ["GET", "/oauth2/userinfo"],
    ["POST", "/oauth2/userinfo"],
    ["POST", "/oauth2/introspect"],
    ["POST", "/oauth2/register"],
    ["POST", "/oauth2/consent"],
    ["POST", "/oauth2/continue"],
    ["GET", "/oauth2/end-session"],
    ["POST", "/oauth2/authorize"],
    ["POST", "/oauth2/create-client"],
    ["GET", "/oauth2/get-clients"],
    ["GET", "/oauth2/public-client"],
    ["GET", "/oauth2/get-consents"],
    ["POST", "/admin/oauth2/create-client"],
    ["GET", "/admin/oauth2/resources"],
    ["POST", "/update-session"],
    ["POST", "/delete-user"],
    ["POST", "/change-email"],
    ["POST", "/request-password-reset"],
    ["POST", "/reset-password"],
    ["POST", "/sign-in/social"],
    ["GET", "/list-accounts"],
    ["POST", "/get-session"],
    ["GET", "/ok"],
    ["GET", "/"],
    ["GET", "/jwks/"],
    ["GET", "//jwks"],
    ["GET", "/%6awks"],
  ])("is closed: %s %s", async (method, path) => {
    const headers = { cookie: ann.cookie, "Content-Type": "application/json" };
    const init = method === "POST" ? { method, headers, body: "{}" } : { method, headers };
    expect((await stage.fetch(path, init)).status).toBe(404);
  });

  it("is closed even for a tampered token, so that it causes no server error", async () => {
    const { access_token } = await requestTokens(stage, ann);
    const headers = { Authorization: `Bearer ${access_token.slice(0, -4)}AAAA` };
    expect((await stage.fetch("/oauth2/userinfo", { headers })).status).toBe(404);
    expect(stage.lines).toEqual([]);
  });
});

describe("a used route", () => {
  it.each(["/jwks", "/get-session", "/list-sessions", "/token"])("is open: GET %s", async (path) => {
    expect((await stage.fetch(path, { headers: { cookie: ann.cookie } })).status).toBe(200);
  });

  it.each([
    ["/update-user", { name: "Ann" }],
    ["/verify-password", { password: "correct horse battery" }],
    ["/change-password", { currentPassword: "correct horse battery", newPassword: "another horse battery" }],
    ["/revoke-session", { token: "x" }],
    ["/revoke-other-sessions", {}],
    ["/revoke-sessions", {}],
    ["/sign-out", {}],
  ])("is open: POST %s", async (path, body) => {
    expect((await stage.post(path, body, { cookie: ann.cookie })).status).toBe(200);
  });
});
