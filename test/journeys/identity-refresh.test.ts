import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deviceAt, password, refresh, revokeToken, signedUp, requestTokens } from "../cluster/device.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { answerOf, get, sessionOf, until, untilRefused } from "../cluster/viewer.ts";

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let apiUrl: string;
beforeAll(async () => {
  cluster = await startTestCluster({ STAGEDOOR_IDENTITY_REFRESH_GRACE: "60" });
  apiUrl = cluster.addresses.apiUrl;
});
afterAll(() => cluster.stop());

/** A statement about somebody's rows; their address is the last value. */
const query = async (sql: string, ...values: readonly string[]) => {
  const d1 = await cluster.miniflare.getD1Database("DB", "stagedoor-identity");
  return d1.prepare(`${sql} userId = (SELECT id FROM user WHERE email = ?)`).bind(...values);
};
const liveTokens = async (email: string) =>
  Object(await (await query("SELECT count(*) AS n FROM oauthRefreshToken WHERE revoked IS NULL AND", email)).first()).n;

const inSeconds = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();
/** The time that a test does not wait for: a token was traded in so long ago, or a session has so long to live. */
const traded = async (email: string, seconds: number) =>
  (
    await query(
      "UPDATE oauthRefreshToken SET rotatedAt = ? WHERE rotatedAt IS NOT NULL AND",
      inSeconds(-seconds),
      email,
    )
  ).run();
const sessionEnds = async (email: string, seconds: number) =>
  (await query("UPDATE session SET expiresAt = ? WHERE", inSeconds(seconds), email)).run();
const endOfSession = async (email: string) =>
  Date.parse(Object(await (await query("SELECT expiresAt FROM session WHERE", email)).first()).expiresAt);

describe("refresh tokens", () => {
  it("fifty refreshes of one token at once give one successor, no fork, and no false sign-out", async () => {
    const ann = await signedUp(apiUrl);
    const { refresh: token } = await requestTokens(apiUrl, ann);
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(apiUrl, token)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const [successor, ...others] = new Set(answers.map((answer) => answer.refresh));
    expect(others).toEqual([]);
    expect(await liveTokens(ann.email)).toBe(1);
    expect((await refresh(apiUrl, successor ?? "")).status).toBe(200);
    expect((await ann.startBy.token(answers[49]?.access ?? "")).status).toBe(201);
  });

  it("an answer that was lost on the way may be asked for again, and who hung up stands in nobody's way", async () => {
    const ann = await signedUp(apiUrl);
    const { refresh: token } = await requestTokens(apiUrl, ann);
    const lost = Array.from({ length: 5 }, async (_, place) => {
      const hangUp = new AbortController();
      const answer = refresh(apiUrl, token, hangUp.signal);
      // Some hang up before they were heard, some while they wait, some as they are answered: whenever it is, it harms none.
      setTimeout(() => hangUp.abort(), 5 + 5 * place);
      await answer.catch(() => undefined);
    });
    await Promise.all(lost);
    const again = await refresh(apiUrl, token);
    expect(again.status).toBe(200);
    expect(await liveTokens(ann.email)).toBe(1);
    expect((await refresh(apiUrl, again.refresh)).status).toBe(200);
  });

  it("a token that was used before ends its own device's family when it comes again after the grace", async () => {
    const ann = await signedUp(apiUrl);
    const phone = deviceAt(apiUrl);
    await phone.client.signIn.email({ email: ann.email, password });
    const [here, there] = [await requestTokens(apiUrl, ann), await requestTokens(apiUrl, phone)];
    const successor = await refresh(apiUrl, here.refresh);
    await traded(ann.email, 61);
    const reuse = await Promise.all([refresh(apiUrl, here.refresh), refresh(apiUrl, here.refresh)]);
    for (const answer of reuse) expect(answer).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await refresh(apiUrl, successor.refresh)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect((await refresh(apiUrl, there.refresh)).status).toBe(200);
  });

  it("are refused once their session is signed out, and while that happens none survives", async () => {
    const ann = await signedUp(apiUrl);
    const { refresh: token } = await requestTokens(apiUrl, ann);
    const [, ...racing] = await Promise.all([
      ann.client.signOut(),
      ...Array.from({ length: 10 }, () => refresh(apiUrl, token)),
    ]);
    for (const { refresh: successor } of racing)
      if (successor !== "") expect((await refresh(apiUrl, successor)).status).toBe(400);
    expect(await refresh(apiUrl, token)).toMatchObject({ status: 400, error: "invalid_grant" });
  });

  it("are an app's way to sign out: revoked, they end its films, its tokens and its session, and no other device's", async () => {
    const ann = await signedUp(apiUrl);
    const phone = deviceAt(apiUrl);
    await phone.client.signIn.email({ email: ann.email, password });
    const { access, refresh: token } = await requestTokens(apiUrl, phone);
    const film = sessionOf(await answerOf(phone.startBy.token(access)));
    expect((await get(film.manifestUrl)).status).toBe(200);
    expect((await revokeToken(apiUrl, token)).status).toBe(200);
    await untilRefused(film.manifestUrl, "session_revoked");
    await until(
      () => answerOf(phone.startBy.token(access)),
      ({ code }) => code === "token_revoked",
      500,
    );
    expect((await refresh(apiUrl, token)).error).toBe("invalid_grant");
    expect((await phone.client.getSession()).data).toBe(null);
    expect((await ann.startBy.cookie()).status).toBe(201);
  });

  it("leave none alive that was asked for while they were revoked", async () => {
    const { refresh: token } = await requestTokens(apiUrl, await signedUp(apiUrl));
    const [revoked, ...racing] = await Promise.all([
      revokeToken(apiUrl, token),
      ...Array.from({ length: 10 }, () => refresh(apiUrl, token)),
    ]);
    expect(revoked.status).toBe(200);
    for (const { refresh: successor } of racing)
      if (successor !== "") expect((await refresh(apiUrl, successor)).status).toBe(400);
  });

  it("are taken in a form alone (RFC 6749 §6), never in JSON, where they would wait for no turn", async () => {
    const { refresh: token } = await requestTokens(apiUrl, await signedUp(apiUrl));
    const response = await fetch(`${apiUrl}/api/auth/oauth2/token`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ grant_type: "refresh_token", client_id: "dev-app", refresh_token: token }),
    });
    expect(response.status).toBe(415);
    expect((await refresh(apiUrl, token)).status).toBe(200);
  });
});

describe("a session of sign-in", () => {
  it("ends without use", async () => {
    const ann = await signedUp(apiUrl);
    await sessionEnds(ann.email, -1);
    expect((await ann.startBy.cookie()).status).toBe(401);
    expect((await ann.startBy.bearer()).status).toBe(401);
    expect((await ann.client.getSession()).data).toBe(null);
  });

  it.each(["cookie", "bearer"] as const)("is prolonged by each start by %s", async (kind) => {
    const ann = await signedUp(apiUrl);
    for (let times = 0; times < 3; times++) {
      await sessionEnds(ann.email, 600);
      expect((await ann.startBy[kind]()).status).toBe(201);
      expect(await endOfSession(ann.email)).toBeGreaterThan(Date.parse(inSeconds(3600)));
    }
  });
});
