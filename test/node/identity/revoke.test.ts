import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerIdentity, turnOf } from "../../../src/identity/answer-identity.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import {
  apiUrl,
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
let app: Tokens;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  stage = await identityStage({
    clients: [
      { clientId: "app", redirectUris: ["com.example.app:/callback"] },
      { clientId: "other", redirectUris: ["com.example.other:/callback"] },
    ],
  });
  ann = await signIn(stage, "ann@example.com");
  app = await requestTokens(stage, ann);
});
afterEach(() => vi.useRealTimers());

const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const requestOf = (form: Record<string, string>) =>
  new Request(`${apiUrl}/api/auth/oauth2/revoke`, {
    method: "POST",
    body: new URLSearchParams({ client_id: "app", ...form }),
  });
const revoke = async (token: string, form: Record<string, string> = {}) => {
  const request = requestOf({ token, ...form });
  const response = await answerIdentity(request, { ...stage.parts, turn: await turnOf(request, stage.parts) });
  return { status: response.status, error: Object(await response.json()).error };
};
const isSignedIn = async ({ cookie }: SignedIn) =>
  (await (await stage.fetch("/get-session", { headers: { cookie } })).json()) !== null;
const isLogged = async ({ sessionId }: SignedIn) =>
  stage.logged.some(({ kind }) => kind === "login") &&
  stage.logged.map(({ value }) => value).includes(loginDigest(apiUrl, sessionId));
const refused = { status: 400, error: "invalid_grant" };

describe("the revocation of a live refresh token", () => {
  it("signs its device out: the login is in the log, and the session and its tokens are gone", async () => {
    const { token, body } = await refresh(stage, app.refresh_token);
    expect(decodeJwt(Object(body).access_token).sid).toBe(ann.sessionId);
    expect((await revoke(token)).status).toBe(200);
    expect(await isLogged(ann)).toBe(true);
    expect(await isSignedIn(ann)).toBe(false);
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect(stage.database.prepare("SELECT id FROM oauthRefreshToken").all()).toEqual([]);
  });

  it.each(["access_token", "refresh_token", "something"])("ignores the token type hint: %s", async (hint) => {
    expect((await revoke(app.refresh_token, { token_type_hint: hint })).status).toBe(200);
    expect(await isSignedIn(ann)).toBe(false);
  });

  it("does not affect other devices", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const phoneTokens = await requestTokens(stage, phone);
    await revoke(app.refresh_token);
    expect(await isSignedIn(phone)).toBe(true);
    expect((await refresh(stage, phoneTokens.refresh_token)).status).toBe(200);
  });

  it("fails with 503 and changes nothing while the log is down", async () => {
    stage.faults.logIsDown = true;
    expect((await revoke(app.refresh_token)).status).toBe(503);
    expect(await isSignedIn(ann)).toBe(true);
    expect((await refresh(stage, app.refresh_token)).status).toBe(200);
  });

  it("fails with 503 if the session cannot be read", async () => {
    stage.database.exec("ALTER TABLE session RENAME TO elsewhere");
    expect((await revoke(app.refresh_token)).status).toBe(503);
    stage.database.exec("ALTER TABLE elsewhere RENAME TO session");
    expect(await isSignedIn(ann)).toBe(true);
  });

  it("is accepted with the previous token within its grace period", async () => {
    await refresh(stage, app.refresh_token);
    later(9);
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(await isSignedIn(ann)).toBe(false);
  });

  it("waits for the family's turn", async () => {
    expect((await answerIdentity(requestOf({ token: app.refresh_token }), stage.parts)).status).toBe(503);
    expect(await isSignedIn(ann)).toBe(true);
  });

  it("ends the family even if its session is gone already", async () => {
    stage.database.exec("DELETE FROM session");
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(stage.database.prepare("SELECT id FROM oauthRefreshToken").all()).toEqual([]);
    expect(stage.logged).toEqual([]);
  });
});

describe("the revocation of a refresh token that was exchanged long ago", () => {
  it("ends only its own family, and no other device's, and no session", async () => {
    const phone = await requestTokens(stage, await signIn(stage, "ann@example.com"));
    const second = await requestTokens(stage, ann);
    const { token } = await refresh(stage, app.refresh_token);
    later(12);
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect((await refresh(stage, phone.refresh_token)).status).toBe(200);
    expect((await refresh(stage, second.refresh_token)).status).toBe(200);
    expect(await isSignedIn(ann)).toBe(true);
    expect(stage.logged).toEqual([]);
  });
});

describe("the revocation of another token", () => {
  it.each(["x".repeat(32), "never-issued", "a.b"])(
    "succeeds and changes nothing: %s (RFC 7009 §2.2)",
    async (token) => {
      expect((await revoke(token)).status).toBe(200);
      expect((await refresh(stage, app.refresh_token)).status).toBe(200);
    },
  );

  it("is refused for a JWT, which lasts only minutes", async () => {
    expect(await revoke(app.access_token)).toEqual({ status: 400, error: "unsupported_token_type" });
    expect(await isSignedIn(ann)).toBe(true);
  });

  it("is refused to another client, and to an unknown client", async () => {
    expect(await revoke(app.refresh_token, { client_id: "other" })).toEqual(refused);
    expect(await revoke(app.refresh_token, { client_id: "nobody" })).toEqual({ status: 400, error: "invalid_client" });
    expect(await isSignedIn(ann)).toBe(true);
    expect((await refresh(stage, app.refresh_token)).status).toBe(200);
  });
});
