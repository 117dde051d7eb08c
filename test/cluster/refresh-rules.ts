import { describe, expect, it } from "vitest";
import { type RunningAccounts, userOf } from "./account-rules.ts";
import { deviceAt, password, refresh, requestTokens, revokeToken, signedUp } from "./device.ts";
import { answerOf, get, sessionOf, until, untilRefused } from "./viewer.ts";

const inSeconds = (seconds: number) => new Date(Date.now() + 1000 * seconds).toISOString();

/**
 * What refresh tokens and sign-in sessions do on every host, with a minute's grace. Tests shift times in the database
 * instead of waiting: when a token was exchanged, when a session expires.
 */
export function refreshRules(running: () => RunningAccounts): void {
  const liveTokens = async (email: string) => {
    const live = `SELECT "id" FROM "oauthRefreshToken" WHERE "revoked" IS NULL AND "userId" = ${userOf}`;
    return (await running().query(live, email)).length;
  };
  const setExchangedAgo = (email: string, seconds: number) =>
    running().query(
      `UPDATE "oauthRefreshToken" SET "rotatedAt" = ? WHERE "rotatedAt" IS NOT NULL AND "userId" = ${userOf}`,
      ...[inSeconds(-seconds), email],
    );
  const setSessionExpiry = (email: string, seconds: number) =>
    running().query(`UPDATE "session" SET "expiresAt" = ? WHERE "userId" = ${userOf}`, inSeconds(seconds), email);
  const sessionExpiry = async (email: string) => {
    const [row] = await running().query(`SELECT "expiresAt" FROM "session" WHERE "userId" = ${userOf}`, email);
    return new Date(Object(row).expiresAt).getTime();
  };

  describe("a refresh token", () => {
    it("gives one successor, no fork and no false sign-out when it is used 50 times at once", async () => {
      const ann = await signedUp(running().apiUrl);
      const { refresh: token } = await requestTokens(running().apiUrl, ann);
      const results = await Promise.all(Array.from({ length: 50 }, () => refresh(running().apiUrl, token)));
      expect(new Set(results.map(({ status }) => status))).toEqual(new Set([200]));
      const [successor, ...others] = new Set(results.map(({ refresh }) => refresh));
      expect(others).toEqual([]);
      expect(await liveTokens(ann.email)).toBe(1);
      expect((await refresh(running().apiUrl, successor ?? "")).status).toBe(200);
      expect((await ann.startBy.token(results[49]?.access ?? "")).status).toBe(201);
    });

    it("gives the same successor again after lost responses and broken connections", async () => {
      const ann = await signedUp(running().apiUrl);
      const { refresh: token } = await requestTokens(running().apiUrl, ann);
      const lost = Array.from({ length: 5 }, async (_, index) => {
        const hangUp = new AbortController();
        const response = refresh(running().apiUrl, token, hangUp.signal);
        // Connections break before the request arrives, while it waits, and during the response. None of these may do
        // harm.
        setTimeout(() => hangUp.abort(), 5 + 5 * index);
        await response.catch(() => undefined);
      });
      await Promise.all(lost);
      const again = await refresh(running().apiUrl, token);
      expect(again.status).toBe(200);
      expect(await liveTokens(ann.email)).toBe(1);
      expect((await refresh(running().apiUrl, again.refresh)).status).toBe(200);
    });

    it("ends only its own device's tokens when it is reused after the grace period", async () => {
      const ann = await signedUp(running().apiUrl);
      const phone = deviceAt(running().apiUrl);
      await phone.client.signIn.email({ email: ann.email, password });
      const [laptopTokens, phoneTokens] = [
        await requestTokens(running().apiUrl, ann),
        await requestTokens(running().apiUrl, phone),
      ];
      const successor = await refresh(running().apiUrl, laptopTokens.refresh);
      await setExchangedAgo(ann.email, 61);
      const reuse = await Promise.all([
        refresh(running().apiUrl, laptopTokens.refresh),
        refresh(running().apiUrl, laptopTokens.refresh),
      ]);
      for (const result of reuse) expect(result).toMatchObject({ status: 400, error: "invalid_grant" });
      expect(await refresh(running().apiUrl, successor.refresh)).toMatchObject({ status: 400, error: "invalid_grant" });
      expect((await refresh(running().apiUrl, phoneTokens.refresh)).status).toBe(200);
    });

    it("is refused after sign-out, and no concurrent refresh survives the sign-out", async () => {
      const ann = await signedUp(running().apiUrl);
      const { refresh: token } = await requestTokens(running().apiUrl, ann);
      const [, ...racing] = await Promise.all([
        ann.client.signOut(),
        ...Array.from({ length: 10 }, () => refresh(running().apiUrl, token)),
      ]);
      for (const { refresh: successor } of racing)
        if (successor !== "") expect((await refresh(running().apiUrl, successor)).status).toBe(400);
      expect(await refresh(running().apiUrl, token)).toMatchObject({ status: 400, error: "invalid_grant" });
    });

    it("signs an app out when it is revoked: its films, tokens and session end, and no other device's", async () => {
      const ann = await signedUp(running().apiUrl);
      const phone = deviceAt(running().apiUrl);
      await phone.client.signIn.email({ email: ann.email, password });
      const { access, refresh: token } = await requestTokens(running().apiUrl, phone);
      const film = sessionOf(await answerOf(phone.startBy.token(access)));
      expect((await get(film.manifestUrl)).status).toBe(200);
      expect((await revokeToken(running().apiUrl, token)).status).toBe(200);
      await untilRefused(film.manifestUrl, "session_revoked");
      await until(
        () => answerOf(phone.startBy.token(access)),
        ({ code }) => code === "token_revoked",
        500,
      );
      expect((await refresh(running().apiUrl, token)).error).toBe("invalid_grant");
      expect((await phone.client.getSession()).data).toBe(null);
      expect((await ann.startBy.cookie()).status).toBe(201);
    });

    it("leaves no live successor when it is revoked during refreshes", async () => {
      const { refresh: token } = await requestTokens(running().apiUrl, await signedUp(running().apiUrl));
      const [revoked, ...racing] = await Promise.all([
        revokeToken(running().apiUrl, token),
        ...Array.from({ length: 10 }, () => refresh(running().apiUrl, token)),
      ]);
      expect(revoked.status).toBe(200);
      for (const { refresh: successor } of racing)
        if (successor !== "") expect((await refresh(running().apiUrl, successor)).status).toBe(400);
    });

    it("is accepted only in a form (RFC 6749 §6), never in JSON", async () => {
      const { refresh: token } = await requestTokens(running().apiUrl, await signedUp(running().apiUrl));
      const response = await fetch(`${running().apiUrl}/api/auth/oauth2/token`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ grant_type: "refresh_token", client_id: "dev-app", refresh_token: token }),
      });
      expect(response.status).toBe(415);
      expect((await refresh(running().apiUrl, token)).status).toBe(200);
    });
  });

  describe("a sign-in session", () => {
    it("expires without use", async () => {
      const ann = await signedUp(running().apiUrl);
      await setSessionExpiry(ann.email, -1);
      expect((await ann.startBy.cookie()).status).toBe(401);
      expect((await ann.startBy.bearer()).status).toBe(401);
      expect((await ann.client.getSession()).data).toBe(null);
    });

    it.each(["cookie", "bearer"] as const)("is extended by each start with a %s", async (kind) => {
      const ann = await signedUp(running().apiUrl);
      for (let starts = 0; starts < 3; starts++) {
        await setSessionExpiry(ann.email, 600);
        expect((await ann.startBy[kind]()).status).toBe(201);
        expect(await sessionExpiry(ann.email)).toBeGreaterThan(Date.parse(inSeconds(3600)));
      }
    });
  });
}
