import { decodeJwt } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import {
  apiUrl,
  cookieName,
  type IdentityStage,
  identityStage,
  refresh,
  type SignedIn,
  signIn,
  takeTokens,
} from "./stage.ts";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});

const lives = async ({ cookie }: SignedIn) =>
  (await (await stage.ask("/get-session", { headers: { cookie } })).json()) !== null;

describe("sign-out", () => {
  it("tells the log of the login before the session is gone, for as long as its film may run", async () => {
    const since = Math.floor(Date.now() / 1000);
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    const [entry, ...more] = stage.told;
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ kind: "login", value: loginDigest(apiUrl, ann.sessionId), cause: "revoked" });
    expect(entry?.until).toBeGreaterThanOrEqual(since + 604_800 + 900);
    expect(await lives(ann)).toBe(false);
    expect(stage.events).toContainEqual({ event: "revoked", kind: "login" });
  });

  it.each([
    ["has taken the entry", false],
    ["was full", true],
  ])("says which login it ended, and whether the log %s", async (_, full) => {
    stage.stage.logIsFull = full;
    const since = Math.floor(Date.now() / 1000);
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    const login = loginDigest(apiUrl, ann.sessionId);
    expect(stage.ended).toMatchObject([{ userId: ann.userId, login, logged: !full }]);
    const [{ tokensUntil = 0 } = {}] = stage.ended;
    expect(tokensUntil - since - 900).toBeGreaterThanOrEqual(0);
    expect(tokensUntil - since - 900).toBeLessThan(60);
  });

  it("fails whole while the log is down: 503, the session runs on, the cookie stays", async () => {
    stage.stage.logIsDown = true;
    const response = await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toBe("5");
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await lives(ann)).toBe(true);
    stage.stage.logIsDown = false;
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(await lives(ann)).toBe(false);
  });

  it("fails the same for who signs out by bearer token", async () => {
    stage.stage.logIsDown = true;
    const by = { Authorization: `Bearer ${ann.bearer}` };
    expect((await stage.post("/sign-out", {}, by)).status).toBe(503);
    expect(await lives(ann)).toBe(true);
  });

  it("may be asked for twice, since the first answer may be lost", async () => {
    await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(stage.told).toHaveLength(1);
  });

  it("ends the refresh tokens of its session, and none of another device", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const [here, there] = [await takeTokens(stage, ann), await takeTokens(stage, phone)];
    await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect(await refresh(stage, here.refresh_token)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect((await refresh(stage, there.refresh_token)).status).toBe(200);
  });

  it.each(["/revoke-sessions", "/revoke-other-sessions"])("is told of at %s as well", async (path) => {
    const phone = await signIn(stage, "ann@example.com");
    expect((await stage.post(path, {}, { cookie: ann.cookie })).status).toBe(200);
    const values = stage.told.map(({ value }) => value);
    expect(values).toContain(loginDigest(apiUrl, phone.sessionId));
    expect(await lives(phone)).toBe(false);
  });

  it.each(["/revoke-sessions", "/revoke-other-sessions"])(
    "fails whole at %s as well while the log is down",
    async (path) => {
      const phone = await signIn(stage, "ann@example.com");
      stage.stage.logIsDown = true;
      expect((await stage.post(path, {}, { cookie: ann.cookie })).status).toBe(503);
      expect(await lives(phone)).toBe(true);
      expect(await lives(ann)).toBe(true);
    },
  );

  it("is told of where a new password ends the other sessions", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const change = {
      currentPassword: "correct horse battery",
      newPassword: "another horse battery",
      revokeOtherSessions: true,
    };
    expect((await stage.post("/change-password", change, { cookie: ann.cookie })).status).toBe(200);
    expect(stage.told.map(({ value }) => value)).toContain(loginDigest(apiUrl, phone.sessionId));
  });

  it("is not told of where a session ended by itself, and still ends the film of one that did", async () => {
    const past = new Date(Date.now() - 1000).toISOString();
    stage.database.prepare("UPDATE session SET expiresAt = ?").run(past);
    expect(await lives(ann)).toBe(false);
    expect(stage.told).toEqual([]);
    expect((await stage.post("/sign-out", {}, { Authorization: `Bearer ${ann.bearer}` })).status).toBe(200);
    expect(stage.told.map(({ value }) => value)).toEqual([loginDigest(apiUrl, ann.sessionId)]);
  });
});

describe("the database", () => {
  it("may be down, and nobody is told that his session has ended: 503", async () => {
    stage.database.exec("ALTER TABLE session RENAME TO elsewhere");
    for (const ask of [
      () => stage.ask("/get-session", { headers: { cookie: ann.cookie } }),
      () => stage.post("/sign-out", {}, { cookie: ann.cookie }),
      () => stage.ask("/token", { headers: { cookie: ann.cookie } }),
    ]) {
      const response = await ask();
      expect(response.status).toBe(503);
      expect(response.headers.get("Retry-After")).toBe("5");
      expect(response.headers.getSetCookie()).toEqual([]);
    }
  });
});

describe("a session", () => {
  it("is named by the `sid` of its tokens, which tell nobody's e-mail address or name", async () => {
    const { token } = Object(await (await stage.ask("/token", { headers: { cookie: ann.cookie } })).json());
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      ...{ iss: apiUrl, aud: apiUrl, sub: ann.userId, sid: ann.sessionId, scope: "stream:play", assets: ["vod-ts"] },
      jti: expect.any(String),
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(900);
    expect(Object.keys(claims).toSorted()).toEqual(
      ["assets", "aud", "exp", "iat", "iss", "jti", "scope", "sid", "sub"].toSorted(),
    );
  });

  it("has a cookie of this host alone, that no script reads and that outlives what the session has left", async () => {
    const response = await stage.post("/sign-in/email", {
      email: "ann@example.com",
      password: "correct horse battery",
    });
    const [cookie = ""] = response.headers.getSetCookie();
    expect(cookie.startsWith(`${cookieName}=`)).toBe(true);
    const attributes = cookie.split("; ").slice(1).toSorted();
    expect(attributes).toEqual(["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=Lax", "Secure"]);
  });

  it("is not opened by a cookie that comes beside a bad bearer token", async () => {
    const headers = { cookie: ann.cookie, Authorization: `Bearer ${"x".repeat(32)}` };
    expect(await (await stage.ask("/get-session", { headers })).json()).toBe(null);
  });

  it("is opened by a bare token where no signature is asked for, and only there", async () => {
    const [bare = ""] = ann.bearer.split(".");
    const headers = { Authorization: `Bearer ${bare}` };
    expect(await (await stage.ask("/get-session", { headers })).json()).toBe(null);
    stage = await identityStage({ bearerSignature: "optional" });
    const bob = await signIn(stage, "bob@example.com");
    const optional = { Authorization: `Bearer ${bob.bearer.split(".")[0]}` };
    expect(Object(await (await stage.ask("/get-session", { headers: optional })).json()).session.id).toBe(
      bob.sessionId,
    );
  });

  it("lets nobody write his own rights", async () => {
    const up = { email: "eve@example.com", password: "correct horse battery", name: "Eve", assets: "*", streams: 99 };
    await stage.post("/sign-up/email", up);
    await stage.post("/update-user", { assets: "*" }, { cookie: ann.cookie });
    const rows = stage.database.prepare("SELECT DISTINCT assets, streams FROM user").all();
    expect(rows).toEqual([{ assets: "vod-ts", streams: null }]);
  });

  it.each([
    ["https://evil.example", 403],
    ["https://www.example.com", 200],
  ])("is signed out from a page of %s: %i", async (origin, status) => {
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie, Origin: origin })).status).toBe(status);
  });

  it("gives no app, and no resource, a right to register itself", async () => {
    const app = { redirect_uris: ["https://evil.example/callback"], token_endpoint_auth_method: "none" };
    for (const path of [
      "/oauth2/register",
      "/oauth2/create-client",
      "/admin/oauth2/create-client",
      "/admin/oauth2/resources",
    ])
      expect((await stage.post(path, app, { cookie: ann.cookie })).status, path).toBeGreaterThanOrEqual(400);
    expect(stage.database.prepare("SELECT clientId FROM oauthClient").all()).toEqual([{ clientId: "app" }]);
  });

  it("leaves no address and no password in the worker's log", async () => {
    await stage.post("/sign-in/email", { email: "ann@example.com", password: "a wrong one entirely" });
    await stage.post("/sign-in/email", { email: "nobody@example.com", password: "a wrong one entirely" });
    await stage.post("/sign-up/email", { email: "ann@example.com", password: "a wrong one entirely", name: "Ann" });
    expect(stage.lines.join("\n")).not.toMatch(/example\.com|wrong one|horse/);
  });
});
