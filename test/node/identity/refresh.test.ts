import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { inTurn } from "../../../src/base/concurrency.ts";
import { answerIdentity, turnOf } from "../../../src/identity/answer-identity.ts";
import { distantD1 } from "./distant-d1.ts";
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
let first: Tokens;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
  first = await requestTokens(stage, ann);
});
afterEach(() => vi.useRealTimers());

const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const rows = () => stage.database.prepare("SELECT * FROM oauthRefreshToken").all().map(Object);
const live = () => rows().filter(({ revoked }) => revoked === null);
const refused = { status: 400, error: "invalid_grant" };

describe("50 concurrent refreshes of one token", () => {
  /** Sends them as the worker's Durable Objects do, with one queue per family. */
  const concurrently = async (turn: ReturnType<typeof inTurn>) => {
    const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
    const parts = { ...stage.parts, database: distantD1(stage.database, wait) };
    const one = async () => {
      const form = { grant_type: "refresh_token", client_id: "app", refresh_token: first.refresh_token };
      const body = new URLSearchParams(form);
      const request = new Request(`${apiUrl}/api/auth/oauth2/token`, { method: "POST", body });
      const familyTurn = await turnOf(request, parts);
      const response = await turn(() => answerIdentity(request, { ...parts, turn: familyTurn }));
      return { status: response.status, token: Object(await response.json()).refresh_token };
    };
    return Promise.all(Array.from({ length: 50 }, one));
  };

  it("give one successor, no fork and no false sign-out if they take turns", async () => {
    const results = await concurrently(inTurn());
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(results.map(({ token }) => token)).size).toBe(1);
    expect(live()).toHaveLength(1);
  });

  it("fork or fail without turns", async () => {
    const results = await concurrently((work) => work());
    expect(new Set(results.map(({ status, token }) => `${status} ${token}`)).size).toBeGreaterThan(1);
  });
});

describe("a refresh", () => {
  it("returns an access token for the API, of the same session", async () => {
    const { body } = await refresh(stage, first.refresh_token);
    const { access_token } = Object(body);
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(decodeJwt(access_token)).toMatchObject({
      ...{ iss: apiUrl, aud: apiUrl, sub: ann.userId, sid: ann.sessionId, assets: ["vod-ts"] },
      scope: "stream:play offline_access",
    });
  });

  it("ends the used token and returns another", async () => {
    const { token } = await refresh(stage, first.refresh_token);
    expect(token).not.toBe(first.refresh_token);
    expect(live()).toHaveLength(1);
    expect((await refresh(stage, token)).status).toBe(200);
    expect(live()).toHaveLength(1);
  });

  it("can be repeated within the grace period with the same result, without a fork", async () => {
    const { token } = await refresh(stage, first.refresh_token);
    later(9);
    expect(await refresh(stage, first.refresh_token)).toMatchObject({ status: 200, token });
    expect(live()).toHaveLength(1);
    expect(stage.events.filter(({ event }) => event === "refreshed")).toEqual([
      { event: "refreshed", outcome: "rotated" },
      { event: "refreshed", outcome: "replayed" },
    ]);
  });

  it("does not extend the grace period", async () => {
    await refresh(stage, first.refresh_token);
    later(7);
    expect((await refresh(stage, first.refresh_token)).status).toBe(200);
    later(7);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
  });

  it("is not late if it had to wait for its turn", async () => {
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "app",
      refresh_token: first.refresh_token,
    });
    const request = new Request(`${apiUrl}/api/auth/oauth2/token`, { method: "POST", body });
    const { token } = await refresh(stage, first.refresh_token);
    const turn = await turnOf(request, stage.parts);
    later(30);
    const response = await answerIdentity(request, { ...stage.parts, turn });
    expect(Object(await response.json()).refresh_token).toBe(token);
  });

  it("with a reused token ends the token's family, and no other device's", async () => {
    const phone = await requestTokens(stage, await signIn(stage, "ann@example.com"));
    const { token } = await refresh(stage, first.refresh_token);
    later(12);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
    expect(stage.events).toContainEqual({ event: "reused" });
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect((await refresh(stage, phone.refresh_token)).status).toBe(200);
  });

  it("of another family of the session still works after a reuse", async () => {
    const second = await requestTokens(stage, ann);
    await refresh(stage, first.refresh_token);
    later(12);
    await refresh(stage, first.refresh_token);
    expect((await refresh(stage, second.refresh_token)).status).toBe(200);
  });

  it("undoes a rotation that broke off before its response was stored", async () => {
    const { token: lost } = await refresh(stage, first.refresh_token);
    // The state after a crash: the successor exists, and no client has it.
    stage.database.exec("UPDATE oauthRefreshToken SET rotationReplayResponse = NULL");
    const { status, token } = await refresh(stage, first.refresh_token);
    expect(status).toBe(200);
    expect(live()).toHaveLength(1);
    expect(await refresh(stage, lost)).toMatchObject(refused);
    expect((await refresh(stage, token)).status).toBe(200);
  });

  it("with tokens of two families is refused, and ends nothing", async () => {
    const second = await requestTokens(stage, await signIn(stage, "ann@example.com"));
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "app" });
    for (const { refresh_token } of [first, second]) body.append("refresh_token", refresh_token);
    const response = await stage.fetch("/oauth2/token", { method: "POST", body });
    expect(response.status).toBe(400);
    expect(live()).toHaveLength(2);
  });

  it("keeps the session alive as long as the new token", async () => {
    later(3000);
    const { token } = await refresh(stage, first.refresh_token);
    later(80_000);
    expect((await refresh(stage, token)).status).toBe(200);
    expect(await (await stage.fetch("/get-session", { headers: { cookie: ann.cookie } })).json()).not.toBe(null);
  });

  it("is refused if the token was unused for too long", async () => {
    later(86_401);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
  });

  it("is refused if the session is gone, for whatever reason", async () => {
    stage.database.exec("DELETE FROM session");
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
    expect(rows()).toEqual([]);
  });

  it("reads the user's current claims", async () => {
    stage.database.exec("UPDATE user SET assets = 'vod-fmp4, live-ts', streams = 2");
    const { body } = await refresh(stage, first.refresh_token);
    expect(decodeJwt(Object(body).access_token)).toMatchObject({ assets: ["vod-fmp4", "live-ts"], streams: 2 });
  });

  it("is refused to an app that the configuration no longer names", async () => {
    const { seedIdentity } = await import("../../../src/identity/seed.ts");
    await seedIdentity({ ...stage.parts, settings: { ...stage.parts.settings, clients: [] } });
    expect((await refresh(stage, first.refresh_token)).status).toBeGreaterThanOrEqual(400);
  });
});
