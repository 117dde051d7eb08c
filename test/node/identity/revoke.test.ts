import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerIdentity, turnOf } from "../../../src/identity/answer-identity.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import {
  apiUrl,
  type IdentityStage,
  identityStage,
  refresh,
  type SignedIn,
  signIn,
  type Tokens,
  takeTokens,
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
  app = await takeTokens(stage, ann);
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
const lives = async ({ cookie }: SignedIn) =>
  (await (await stage.ask("/get-session", { headers: { cookie } })).json()) !== null;
const toldOf = async ({ sessionId }: SignedIn) =>
  stage.told.some(({ kind }) => kind === "login") &&
  stage.told.map(({ value }) => value).includes(loginDigest(apiUrl, sessionId));
const refused = { status: 400, error: "invalid_grant" };

describe("the revocation of a live refresh token", () => {
  it("is its device's sign-out: the login is in the log, the session and its tokens are gone", async () => {
    const { token, body } = await refresh(stage, app.refresh_token);
    expect(decodeJwt(Object(body).access_token).sid).toBe(ann.sessionId);
    expect((await revoke(token)).status).toBe(200);
    expect(await toldOf(ann)).toBe(true);
    expect(await lives(ann)).toBe(false);
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect(stage.database.prepare("SELECT id FROM oauthRefreshToken").all()).toEqual([]);
  });

  it.each(["access_token", "refresh_token", "something"])("does not ask what the hint says: %s", async (hint) => {
    expect((await revoke(app.refresh_token, { token_type_hint: hint })).status).toBe(200);
    expect(await lives(ann)).toBe(false);
  });

  it("leaves the other devices alone", async () => {
    const phone = await signIn(stage, "ann@example.com");
    const there = await takeTokens(stage, phone);
    await revoke(app.refresh_token);
    expect(await lives(phone)).toBe(true);
    expect((await refresh(stage, there.refresh_token)).status).toBe(200);
  });

  it("fails whole while the log is down: 503, and nothing has changed", async () => {
    stage.stage.logIsDown = true;
    expect((await revoke(app.refresh_token)).status).toBe(503);
    expect(await lives(ann)).toBe(true);
    expect((await refresh(stage, app.refresh_token)).status).toBe(200);
  });

  it("fails where the session cannot be looked at: 503", async () => {
    stage.database.exec("ALTER TABLE session RENAME TO elsewhere");
    expect((await revoke(app.refresh_token)).status).toBe(503);
    stage.database.exec("ALTER TABLE elsewhere RENAME TO session");
    expect(await lives(ann)).toBe(true);
  });

  it("may be asked for with the token before, within the grace in which a refresh may be", async () => {
    await refresh(stage, app.refresh_token);
    later(9);
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(await lives(ann)).toBe(false);
  });

  it("waits for its family's turn", async () => {
    expect((await answerIdentity(requestOf({ token: app.refresh_token }), stage.parts)).status).toBe(503);
    expect(await lives(ann)).toBe(true);
  });

  it("ends the family where its session is gone already", async () => {
    stage.database.exec("DELETE FROM session");
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(stage.database.prepare("SELECT id FROM oauthRefreshToken").all()).toEqual([]);
    expect(stage.told).toEqual([]);
  });
});

describe("the revocation of a refresh token that was traded in long ago", () => {
  it("ends its own family alone: no other device's, and no session", async () => {
    const phone = await takeTokens(stage, await signIn(stage, "ann@example.com"));
    const second = await takeTokens(stage, ann);
    const { token } = await refresh(stage, app.refresh_token);
    later(12);
    expect((await revoke(app.refresh_token)).status).toBe(200);
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect((await refresh(stage, phone.refresh_token)).status).toBe(200);
    expect((await refresh(stage, second.refresh_token)).status).toBe(200);
    expect(await lives(ann)).toBe(true);
    expect(stage.told).toEqual([]);
  });
});

describe("the revocation of anything else", () => {
  it.each(["x".repeat(32), "never given out", "a.b"])(
    "is no error and changes nothing: %s (RFC 7009 §2.2)",
    async (token) => {
      expect((await revoke(token)).status).toBe(200);
      expect((await refresh(stage, app.refresh_token)).status).toBe(200);
    },
  );

  it("is refused for a JWT, which lasts for minutes", async () => {
    expect(await revoke(app.access_token)).toEqual({ status: 400, error: "unsupported_token_type" });
    expect(await lives(ann)).toBe(true);
  });

  it("is refused to another client than the token's, and to one that is unknown", async () => {
    expect(await revoke(app.refresh_token, { client_id: "other" })).toEqual(refused);
    expect(await revoke(app.refresh_token, { client_id: "nobody" })).toEqual({ status: 400, error: "invalid_client" });
    expect(await lives(ann)).toBe(true);
    expect((await refresh(stage, app.refresh_token)).status).toBe(200);
  });
});
