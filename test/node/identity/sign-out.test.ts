import { decodeJwt } from "jose";
import { beforeEach, describe, expect, it } from "vitest";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import {
  apiUrl,
  cookieName,
  type IdentityStage,
  identityStage,
  refresh,
  requestTokens,
  type SignedIn,
  signIn,
} from "./stage.ts";

let stage: IdentityStage;
let ann: SignedIn;
beforeEach(async () => {
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
});

const isSignedIn = async ({ cookie }: SignedIn) =>
  (await (await stage.fetch("/get-session", { headers: { cookie } })).json()) !== null;

describe("sign-out", () => {
  it("logs the login before the session is gone, until its film's latest end", async () => {
    const since = Math.floor(Date.now() / 1000);
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    const [entry, ...more] = stage.logged;
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ kind: "login", value: loginDigest(apiUrl, ann.sessionId), cause: "revoked" });
    expect(entry?.until).toBeGreaterThanOrEqual(since + 604_800 + 900);
    expect(await isSignedIn(ann)).toBe(false);
    expect(stage.events).toContainEqual({ event: "revoked", kind: "login" });
  });

  it.each([
    ["has the entry", false],
    ["was full", true],
  ])("reports the login that it ended, and that the log %s", async (_, full) => {
    stage.faults.logIsFull = full;
    const since = Math.floor(Date.now() / 1000);
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    const login = loginDigest(apiUrl, ann.sessionId);
    expect(stage.ended).toMatchObject([{ userId: ann.userId, login, logged: !full }]);
    const [{ tokensUntil = 0 } = {}] = stage.ended;
    expect(tokensUntil - since - 900).toBeGreaterThanOrEqual(0);
    expect(tokensUntil - since - 900).toBeLessThan(60);
  });

  it("fails with 503 while the log is down, and keeps the session and the cookie", async () => {
    stage.faults.logIsDown = true;
    const response = await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toBe("5");
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await isSignedIn(ann)).toBe(true);
    stage.faults.logIsDown = false;
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(await isSignedIn(ann)).toBe(false);
  });

  it("by bearer token fails with 503 too while the log is down", async () => {
    stage.faults.logIsDown = true;
    const headers = { Authorization: `Bearer ${ann.bearer}` };
    expect((await stage.post("/sign-out", {}, headers)).status).toBe(503);
    expect(await isSignedIn(ann)).toBe(true);
  });

  it("can be repeated, since the first response may be lost", async () => {
    await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie })).status).toBe(200);
    expect(stage.logged).toHaveLength(1);
  });

  it("ends the refresh tokens of its session, and none of another device", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const [laptopTokens, phoneTokens] = [await requestTokens(stage, ann), await requestTokens(stage, phone)];
    await stage.post("/sign-out", {}, { cookie: ann.cookie });
    expect(await refresh(stage, laptopTokens.refresh_token)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect((await refresh(stage, phoneTokens.refresh_token)).status).toBe(200);
  });

  it.each(["/revoke-sessions", "/revoke-other-sessions"])("is logged at %s too", async (path) => {
    const phone = await signIn(stage, "ann@example.com");
    expect((await stage.post(path, {}, { cookie: ann.cookie })).status).toBe(200);
    const values = stage.logged.map(({ value }) => value);
    expect(values).toContain(loginDigest(apiUrl, phone.sessionId));
    expect(await isSignedIn(phone)).toBe(false);
  });

  it.each(["/revoke-sessions", "/revoke-other-sessions"])(
    "fails at %s too while the log is down, and ends no session",
    async (path) => {
      const phone = await signIn(stage, "ann@example.com");
      stage.faults.logIsDown = true;
      expect((await stage.post(path, {}, { cookie: ann.cookie })).status).toBe(503);
      expect(await isSignedIn(phone)).toBe(true);
      expect(await isSignedIn(ann)).toBe(true);
    },
  );

  it("is logged if a password change ends other sessions", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const change = {
      currentPassword: "correct horse battery",
      newPassword: "another horse battery",
      revokeOtherSessions: true,
    };
    expect((await stage.post("/change-password", change, { cookie: ann.cookie })).status).toBe(200);
    expect(stage.logged.map(({ value }) => value)).toContain(loginDigest(apiUrl, phone.sessionId));
  });

  it("is not logged for an expired session, whose film a later sign-out still ends", async () => {
    const past = new Date(Date.now() - 1000).toISOString();
    stage.database.prepare("UPDATE session SET expiresAt = ?").run(past);
    expect(await isSignedIn(ann)).toBe(false);
    expect(stage.logged).toEqual([]);
    expect((await stage.post("/sign-out", {}, { Authorization: `Bearer ${ann.bearer}` })).status).toBe(200);
    expect(stage.logged.map(({ value }) => value)).toEqual([loginDigest(apiUrl, ann.sessionId)]);
  });
});

describe("a failing database", () => {
  it("causes 503, and never a sign-out", async () => {
    stage.database.exec("ALTER TABLE session RENAME TO elsewhere");
    for (const send of [
      () => stage.fetch("/get-session", { headers: { cookie: ann.cookie } }),
      () => stage.post("/sign-out", {}, { cookie: ann.cookie }),
      () => stage.fetch("/token", { headers: { cookie: ann.cookie } }),
    ]) {
      const response = await send();
      expect(response.status).toBe(503);
      expect(response.headers.get("Retry-After")).toBe("5");
      expect(response.headers.getSetCookie()).toEqual([]);
    }
  });
});

describe("a sign-in session", () => {
  it("has its id as `sid` in its tokens, which contain no e-mail address or name", async () => {
    const { token } = Object(await (await stage.fetch("/token", { headers: { cookie: ann.cookie } })).json());
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

  it("has an HttpOnly cookie for this host only, which outlives the session's current expiry", async () => {
    const response = await stage.post("/sign-in/email", {
      email: "ann@example.com",
      password: "correct horse battery",
    });
    const [cookie = ""] = response.headers.getSetCookie();
    expect(cookie.startsWith(`${cookieName}=`)).toBe(true);
    const attributes = cookie.split("; ").slice(1).toSorted();
    expect(attributes).toEqual(["HttpOnly", "Max-Age=34560000", "Path=/", "SameSite=Lax", "Secure"]);
  });

  it("is not found by its cookie next to a bad bearer token", async () => {
    const headers = { cookie: ann.cookie, Authorization: `Bearer ${"x".repeat(32)}` };
    expect(await (await stage.fetch("/get-session", { headers })).json()).toBe(null);
  });

  it("is found by a token without a signature only if signatures are optional", async () => {
    const [unsigned = ""] = ann.bearer.split(".");
    const headers = { Authorization: `Bearer ${unsigned}` };
    expect(await (await stage.fetch("/get-session", { headers })).json()).toBe(null);
    stage = await identityStage({ bearerSignature: "optional" });
    const bob = await signIn(stage, "bob@example.com");
    const optional = { Authorization: `Bearer ${bob.bearer.split(".")[0]}` };
    expect(Object(await (await stage.fetch("/get-session", { headers: optional })).json()).session.id).toBe(
      bob.sessionId,
    );
  });

  it("does not let a user change their own rights", async () => {
    const up = { email: "eve@example.com", password: "correct horse battery", name: "Eve", assets: "*", streams: 99 };
    await stage.post("/sign-up/email", up);
    await stage.post("/update-user", { assets: "*" }, { cookie: ann.cookie });
    const rows = stage.database.prepare("SELECT DISTINCT assets, streams FROM user").all();
    expect(rows).toEqual([{ assets: "vod-ts", streams: null }]);
  });

  it.each([
    ["https://evil.example", 403],
    ["https://www.example.com", 200],
  ])("can be ended from a page of %s: %i", async (origin, status) => {
    expect((await stage.post("/sign-out", {}, { cookie: ann.cookie, Origin: origin })).status).toBe(status);
  });

  it("lets no app and no resource register itself", async () => {
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
