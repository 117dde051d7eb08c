import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { answerIdentity, turnOf } from "../../../src/identity/answer-identity.ts";
import { inTurn } from "../../../src/identity/refresh-tokens.ts";
import { distantD1 } from "./distant-d1.ts";
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
let first: Tokens;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  stage = await identityStage();
  ann = await signIn(stage, "ann@example.com");
  first = await takeTokens(stage, ann);
});
afterEach(() => vi.useRealTimers());

const later = (seconds: number) => vi.setSystemTime(Date.now() + seconds * 1000);
const rows = () => stage.database.prepare("SELECT * FROM oauthRefreshToken").all().map(Object);
const live = () => rows().filter(({ revoked }) => revoked === null);
const refused = { status: 400, error: "invalid_grant" };

describe("fifty refreshes of one token at once", () => {
  /** As the worker's objects do it: one line of those who wait for a family. */
  const together = async (turn: ReturnType<typeof inTurn>) => {
    const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1));
    const parts = { ...stage.parts, database: distantD1(stage.database, wait) };
    const one = async () => {
      const form = { grant_type: "refresh_token", client_id: "app", refresh_token: first.refresh_token };
      const body = new URLSearchParams(form);
      const request = new Request(`${apiUrl}/api/auth/oauth2/token`, { method: "POST", body });
      const turnTaken = await turnOf(request, parts);
      const response = await turn(() => answerIdentity(request, { ...parts, turn: turnTaken }));
      return { status: response.status, token: Object(await response.json()).refresh_token };
    };
    return Promise.all(Array.from({ length: 50 }, one));
  };

  it("give one successor, no fork and no false sign-out, where they take turns", async () => {
    const answers = await together(inTurn());
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(answers.map(({ token }) => token)).size).toBe(1);
    expect(live()).toHaveLength(1);
  });

  it("would fork or fail without turns: the turns are what makes it right", async () => {
    const answers = await together((work) => work());
    expect(new Set(answers.map(({ status, token }) => `${status} ${token}`)).size).toBeGreaterThan(1);
  });
});

describe("a refresh", () => {
  it("gives an access token for the API, of the same session", async () => {
    const { body } = await refresh(stage, first.refresh_token);
    const { access_token } = Object(body);
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    expect(decodeJwt(access_token)).toMatchObject({
      ...{ iss: apiUrl, aud: apiUrl, sub: ann.userId, sid: ann.sessionId, assets: ["vod-ts"] },
      scope: "stream:play offline_access",
    });
  });

  it("ends the token that was used and gives another", async () => {
    const { token } = await refresh(stage, first.refresh_token);
    expect(token).not.toBe(first.refresh_token);
    expect(live()).toHaveLength(1);
    expect((await refresh(stage, token)).status).toBe(200);
    expect(live()).toHaveLength(1);
  });

  it("may be asked for again within the grace, and the answer is the same: it does not fork", async () => {
    const { token } = await refresh(stage, first.refresh_token);
    later(9);
    expect(await refresh(stage, first.refresh_token)).toMatchObject({ status: 200, token });
    expect(live()).toHaveLength(1);
    expect(stage.events.filter(({ event }) => event === "refreshed")).toEqual([
      { event: "refreshed", outcome: "rotated" },
      { event: "refreshed", outcome: "replayed" },
    ]);
  });

  it("does not prolong the grace by being asked for again: it does not slide", async () => {
    await refresh(stage, first.refresh_token);
    later(7);
    expect((await refresh(stage, first.refresh_token)).status).toBe(200);
    later(7);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
  });

  it("is not late because it had to wait for others", async () => {
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "app",
      refresh_token: first.refresh_token,
    });
    const request = new Request(`${apiUrl}/api/auth/oauth2/token`, { method: "POST", body });
    const { token } = await refresh(stage, first.refresh_token);
    const turn = await turnOf(request, stage.parts);
    later(30);
    const answer = await answerIdentity(request, { ...stage.parts, turn });
    expect(Object(await answer.json()).refresh_token).toBe(token);
  });

  it("with a token that was used before ends its family, and no other device's", async () => {
    const phone = await takeTokens(stage, await signIn(stage, "ann@example.com"));
    const { token } = await refresh(stage, first.refresh_token);
    later(12);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
    expect(stage.events).toContainEqual({ event: "reused" });
    expect(await refresh(stage, token)).toMatchObject(refused);
    expect((await refresh(stage, phone.refresh_token)).status).toBe(200);
  });

  it("of another family of the same session is left alone by it", async () => {
    const second = await takeTokens(stage, ann);
    await refresh(stage, first.refresh_token);
    later(12);
    await refresh(stage, first.refresh_token);
    expect((await refresh(stage, second.refresh_token)).status).toBe(200);
  });

  it("takes a rotation back that broke off before its answer was stored", async () => {
    const { token: lost } = await refresh(stage, first.refresh_token);
    // As a crash leaves it: the successor stands there, and nobody was told of it.
    stage.database.exec("UPDATE oauthRefreshToken SET rotationReplayResponse = NULL");
    const { status, token } = await refresh(stage, first.refresh_token);
    expect(status).toBe(200);
    expect(live()).toHaveLength(1);
    expect(await refresh(stage, lost)).toMatchObject(refused);
    expect((await refresh(stage, token)).status).toBe(200);
  });

  it("of one token in the turn of another is refused, and ends nothing", async () => {
    const second = await takeTokens(stage, await signIn(stage, "ann@example.com"));
    const body = new URLSearchParams({ grant_type: "refresh_token", client_id: "app" });
    for (const { refresh_token } of [first, second]) body.append("refresh_token", refresh_token);
    const response = await stage.ask("/oauth2/token", { method: "POST", body });
    expect(response.status).toBe(400);
    expect(live()).toHaveLength(2);
  });

  it("keeps the session alive as long as its new token", async () => {
    later(3000);
    const { token } = await refresh(stage, first.refresh_token);
    later(80_000);
    expect((await refresh(stage, token)).status).toBe(200);
    expect(await (await stage.ask("/get-session", { headers: { cookie: ann.cookie } })).json()).not.toBe(null);
  });

  it("is refused where its token was not used for too long", async () => {
    later(86_401);
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
  });

  it("is refused where its session is gone, whichever way it went", async () => {
    stage.database.exec("DELETE FROM session");
    expect(await refresh(stage, first.refresh_token)).toMatchObject(refused);
    expect(rows()).toEqual([]);
  });

  it("sees a user as he is by then", async () => {
    stage.database.exec("UPDATE user SET assets = 'vod-fmp4, live-ts', streams = 2");
    const { body } = await refresh(stage, first.refresh_token);
    expect(decodeJwt(Object(body).access_token)).toMatchObject({ assets: ["vod-fmp4", "live-ts"], streams: 2 });
  });

  it("is refused to an app that the configuration names no longer", async () => {
    const { seedIdentity } = await import("../../../src/identity/seed.ts");
    await seedIdentity({ ...stage.parts, settings: { ...stage.parts.settings, clients: [] } });
    expect((await refresh(stage, first.refresh_token)).status).toBeGreaterThanOrEqual(400);
  });
});
