import { beforeEach, describe, expect, it } from "vitest";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import { apiUrl, type IdentityStage, identityStage, type SignedIn, signIn } from "./stage.ts";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});

const loggedValues = () => stage.logged.map(({ value }) => value);
const loginOf = ({ sessionId }: SignedIn) => loginDigest(apiUrl, sessionId);
const sessionOf = async (headers: Record<string, string>) =>
  Object(await (await stage.fetch("/get-session", { headers })).json()).session?.id;
const account = { email: "ann@example.com", password: "correct horse battery" };

describe("sign-out without a valid session credential,", () => {
  it.each([
    ["a JWT", 401, async () => ({ Authorization: `Bearer ${await jwtOf(ann)}` })],
    ["a session token without its signature", 401, () => ({ Authorization: `Bearer ${ann.bearer.split(".")[0]}` })],
    ["an unknown token", 401, () => ({ Authorization: `Bearer ${"x".repeat(32)}` })],
    ["another scheme", 401, () => ({ Authorization: "Basic YW5uOnB3" })],
    ["another scheme together with the cookie", 400, () => ({ Authorization: "Basic YW5uOnB3", cookie: ann.cookie })],
    ["a bad token together with the cookie", 401, () => ({ Authorization: "Bearer nobody", cookie: ann.cookie })],
    ["a cookie with another signature", 401, () => ({ cookie: ann.cookie.replace(/=\w{6}/, "=aaaaaa") })],
  ] as const)("with %s, is refused with %i, clears no cookie and ends nothing", async (_, status, headers) => {
    const response = await stage.post("/sign-out", {}, await headers());
    expect(response.status).toBe(status);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(stage.logged).toEqual([]);
    expect(await sessionOf({ cookie: ann.cookie })).toBe(ann.sessionId);
  });

  it("with no credential at all, succeeds", async () => {
    expect((await stage.post("/sign-out", {})).status).toBe(200);
    expect((await stage.post("/sign-out", {}, { cookie: "theme=dark" })).status).toBe(200);
  });
});

describe("a sign-in over a live session", () => {
  it.each(["/sign-in/email", "/sign-up/email"])(
    "ends that session at %s, since no browser could use it any more",
    async (path) => {
      const body = path === "/sign-up/email" ? { ...account, email: "bob@example.com", name: "B" } : account;
      const response = await stage.post(path, body, { cookie: ann.cookie });
      expect(response.status).toBe(200);
      expect(loggedValues()).toEqual([await loginOf(ann)]);
      expect(await sessionOf({ cookie: ann.cookie })).toBe(undefined);
    },
  );

  it("ends that session also if its credential is a bearer token", async () => {
    await stage.post("/sign-in/email", account, { Authorization: `Bearer ${ann.bearer}` });
    expect(loggedValues()).toEqual([await loginOf(ann)]);
  });

  it("fails and ends nothing while the log is down", async () => {
    stage.faults.logIsDown = true;
    expect((await stage.post("/sign-in/email", account, { cookie: ann.cookie })).status).toBe(503);
    expect(await sessionOf({ cookie: ann.cookie })).toBe(ann.sessionId);
  });

  it("ends nothing if the password is wrong", async () => {
    await stage.post("/sign-in/email", { ...account, password: "the wrong password" }, { cookie: ann.cookie });
    expect(stage.logged).toEqual([]);
  });
});

describe("a session cookie set by another site of the domain", () => {
  const cookieHeaders = (cookie: string) => [
    `\u00a0${cookie}; ${ann.cookie}`,
    `${ann.cookie}; \u00a0${cookie}`,
    `\u00a0${cookie}`,
  ];

  it("does not count as the `__Host-` cookie if its name begins with white space", async () => {
    const eve = await signIn(stage, "eve@example.com");
    const [first = "", second = "", alone = ""] = cookieHeaders(eve.cookie);
    for (const cookie of [first, second]) expect(await sessionOf({ cookie })).toBe(ann.sessionId);
    expect(await sessionOf({ cookie: alone })).toBe(undefined);
    expect((await stage.post("/sign-out", {}, { cookie: first })).status).toBe(200);
    expect(loggedValues()).toEqual([await loginOf(ann)]);
  });

  it("with the same name is refused with 400, and neither session is used", async () => {
    const eve = await signIn(stage, "eve@example.com");
    const response = await stage.post("/sign-out", {}, { cookie: `${eve.cookie}; ${ann.cookie}` });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: "REQUEST_INVALID" });
    expect(stage.logged).toEqual([]);
  });

  it("does not extend a session that ends with the browser", async () => {
    const response = await stage.post("/sign-in/email", { ...account, rememberMe: false });
    const cookie = response.headers.getSetCookie().map((header) => header.split(";")[0]);
    expect(cookie).toHaveLength(2);
    const soon = new Date(Date.now() + 60_000).toISOString();
    stage.database.prepare("UPDATE session SET expiresAt = ?").run(soon);
    const { session } = Object(
      await (await stage.fetch("/get-session", { headers: { cookie: cookie.join("; ") } })).json(),
    );
    expect(session.expiresAt).toBe(soon);
  });
});

it("the identity worker's error page runs no script and cannot be framed", async () => {
  const response = await stage.fetch("/error?error=%3Cscript%3Ealert(1)%3C/script%3E");
  expect(response.headers.get("Content-Security-Policy")).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(response.headers.get("Referrer-Policy")).toBe("no-referrer");
});

async function jwtOf({ cookie }: SignedIn): Promise<string> {
  return Object(await (await stage.fetch("/token", { headers: { cookie } })).json()).token;
}
