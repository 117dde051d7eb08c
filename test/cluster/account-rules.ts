import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { deviceAt, password, requestTokens, signedUp } from "./device.ts";
import { rawRequest } from "./raw-request.ts";
import { testPassword } from "./secrets.ts";
import { get, sessionOf, until, untilRefused } from "./viewer.ts";

/** A running service with accounts of its own, which opens `vod-ts` to every new account. */
export interface RunningAccounts {
  readonly apiUrl: string;
  /** Runs SQL on the database of accounts, with a value for each question mark, as another program does. */
  readonly query: (sql: string, ...values: readonly string[]) => Promise<readonly unknown[]>;
  /** The lines of its log so far. */
  readonly log: () => readonly string[];
}

const wrongPassword = `${testPassword} of nobody`;

/** The id of a user, by their e-mail address. */
export const userOf = '(SELECT "id" FROM "user" WHERE "email" = ?)';

const sessionIn = async (response: Response) =>
  sessionOf({ status: response.status, code: undefined, body: await response.json() });
const codeOf = async (response: Response) => String(Object(await response.json()).code);

/** What accounts do on every host: sign-up, the credentials that start a film, and the ways to end both. */
export function accountRules(running: () => RunningAccounts): void {
  describe("a new user with better-auth's own client", () => {
    it("signs up, has a session, signs out, and signs in again", async () => {
      const { client, jar, email } = await signedUp(running().apiUrl);
      expect((await client.getSession()).data?.user).toMatchObject({ email, name: "Ann" });
      expect([...jar.keys()]).toEqual(["__Host-stagedoor.session_token"]);
      expect((await client.signOut()).data).toEqual({ success: true });
      expect([...jar.keys()]).toEqual([]);
      expect((await client.getSession()).data).toBe(null);
      expect((await client.signIn.email({ email, password: wrongPassword })).error?.status).toBe(401);
      expect((await client.signIn.email({ email, password })).error).toBe(null);
      expect((await client.getSession()).data?.user.email).toBe(email);
    });

    it("plays with a cookie, a session token as bearer, a JWT, and an app's access token", async () => {
      const ann = await signedUp(running().apiUrl);
      const { access } = await requestTokens(running().apiUrl, ann);
      for (const response of [
        await ann.startBy.cookie(),
        await ann.startBy.bearer(),
        await ann.startBy.jwt(),
        await ann.startBy.token(access),
      ]) {
        const { manifestUrl } = await sessionIn(response);
        expect((await get(manifestUrl)).status).toBe(200);
      }
    });

    it("has the same subject and login in every token", async () => {
      const ann = await signedUp(running().apiUrl);
      const { data } = await ann.client.token();
      const { access } = await requestTokens(running().apiUrl, ann);
      const [jwt, app] = [decodeJwt(data?.token ?? ""), decodeJwt(access)];
      expect([app.sub, app.sid, app.iss, app.aud]).toEqual([jwt.sub, jwt.sid, running().apiUrl, running().apiUrl]);
      expect(jwt.sub).toBe((await ann.client.getSession()).data?.user.id);
    });
  });

  describe("sign-out", () => {
    it.each(["cookie", "bearer", "jwt"] as const)("stops the film that was started by %s", async (kind) => {
      const ann = await signedUp(running().apiUrl);
      const { manifestUrl } = await sessionIn(await ann.startBy[kind]());
      expect((await get(manifestUrl)).status).toBe(200);
      await ann.client.signOut();
      await untilRefused(manifestUrl, "session_revoked");
    });

    it("ends every token of its session, and none of another device", async () => {
      const ann = await signedUp(running().apiUrl);
      const phone = deviceAt(running().apiUrl);
      await phone.client.signIn.email({ email: ann.email, password });
      const jwt = (await ann.client.token()).data?.token ?? "";
      const bearer = ann.bearer();
      await ann.client.signOut();
      await until(
        async () => codeOf(await ann.startBy.token(jwt)),
        (code) => code === "token_revoked",
        500,
      );
      expect(await codeOf(await ann.startBy.token(bearer))).toBe("token_invalid");
      expect((await phone.startBy.jwt()).status).toBe(201);
      expect((await phone.startBy.cookie()).status).toBe(201);
    });

    it("of all devices stops the film on each", async () => {
      const ann = await signedUp(running().apiUrl);
      const phone = deviceAt(running().apiUrl);
      await phone.client.signIn.email({ email: ann.email, password });
      const { manifestUrl } = await sessionIn(await phone.startBy.cookie());
      await ann.client.revokeSessions();
      await untilRefused(manifestUrl, "session_revoked");
    });
  });

  describe("a sign-out request", () => {
    const signOutBy = (headers: Record<string, string>) =>
      fetch(`${running().apiUrl}/api/auth/sign-out`, {
        method: "POST",
        headers: { "Content-Type": "application/json", Origin: running().apiUrl, ...headers },
        body: "{}",
      });

    it("without a valid session credential fails with 401 or 400, and the user stays signed in", async () => {
      const ann = await signedUp(running().apiUrl);
      const jwt = (await ann.client.token()).data?.token ?? "";
      const cookie = [...ann.jar].map((pair) => pair.join("=")).join("; ");
      for (const [headers, status] of [
        [{ Authorization: `Bearer ${jwt}` }, 401],
        [{ Authorization: `Bearer ${ann.bearer().split(".")[0]}` }, 401],
        [{ Authorization: "Basic YW5uOnB3", cookie }, 400],
      ] as const) {
        const response = await signOutBy(headers);
        expect(response.status).toBe(status);
        expect(response.headers.getSetCookie()).toEqual([]);
      }
      expect((await ann.startBy.cookie()).status).toBe(201);
      expect((await ann.startBy.token(jwt)).status).toBe(201);
    });

    it("with an expired session still stops the film of that session", async () => {
      const ann = await signedUp(running().apiUrl);
      const { manifestUrl } = await sessionIn(await ann.startBy.bearer());
      const past = new Date(Date.now() - 1000).toISOString();
      await running().query(`UPDATE "session" SET "expiresAt" = ? WHERE "userId" = ${userOf}`, past, ann.email);
      expect((await ann.client.getSession()).data).toBe(null);
      expect((await get(manifestUrl)).status).toBe(200);
      expect((await signOutBy({ Authorization: `Bearer ${ann.bearer()}` })).status).toBe(200);
      await untilRefused(manifestUrl, "session_revoked");
    });
  });

  describe("a sign-in session", () => {
    it("ends, and stops its film, when the same browser signs in again", async () => {
      const ann = await signedUp(running().apiUrl);
      const { manifestUrl } = await sessionIn(await ann.startBy.cookie());
      await ann.client.signIn.email({ email: ann.email, password });
      await untilRefused(manifestUrl, "session_revoked");
      expect((await ann.startBy.cookie()).status).toBe(201);
    });

    it("ends on all other devices after a password change, even with more than 100 sessions", async () => {
      const ann = await signedUp(running().apiUrl);
      const thief = deviceAt(running().apiUrl);
      await thief.client.signIn.email({ email: ann.email, password });
      const { manifestUrl } = await sessionIn(await thief.startBy.cookie());
      const more = `INSERT INTO "session" ("id", "expiresAt", "token", "createdAt", "updatedAt", "userId")
        SELECT ?, "expiresAt", ?, "createdAt", "updatedAt", "userId" FROM "session" WHERE "userId" = ${userOf} LIMIT 1`;
      for (let count = 0; count < 120; count++)
        await running().query(more, `0${crypto.randomUUID()}`, crypto.randomUUID(), ann.email);
      const changed = { currentPassword: password, newPassword: `${password} changed` };
      expect((await ann.client.changePassword(changed)).error).toBe(null);
      await untilRefused(manifestUrl, "session_revoked");
      expect((await thief.client.getSession()).data).toBe(null);
      expect((await ann.startBy.cookie()).status).toBe(201);
    });

    it("ignores a cookie of another user whose name begins with white space", async () => {
      const ann = await signedUp(running().apiUrl);
      const eve = await signedUp(running().apiUrl);
      const pairOf = ({ jar }: typeof ann) => [...jar].map((pair) => pair.join("=")).join("; ");
      // `rawRequest` sends headers byte by byte. This is U+2000 in UTF-8, as Chromium sends it.
      const space = Buffer.from("\u2000", "utf8").toString("latin1");
      const headers = { Cookie: `${space}${pairOf(eve)}; ${pairOf(ann)}` };
      const response = await rawRequest(running().apiUrl, "/api/auth/token", { headers });
      const { sub } = decodeJwt(Object(JSON.parse(response.body.toString())).token);
      expect(sub).toBe((await ann.client.getSession()).data?.user.id);
      const alone = await rawRequest(running().apiUrl, "/api/auth/token", {
        headers: { Cookie: `${space}${pairOf(eve)}` },
      });
      expect(alone.status).toBe(401);
    });
  });

  describe("a change to a user", () => {
    it("applies at once to a viewer with a cookie or a session token", async () => {
      const ann = await signedUp(running().apiUrl);
      expect((await ann.startBy.cookie()).status).toBe(201);
      const change = (assets: string) =>
        running().query('UPDATE "user" SET "assets" = ? WHERE "email" = ?', assets, ann.email);
      await change("vod-fmp4");
      expect(await codeOf(await ann.startBy.cookie())).toBe("asset_forbidden");
      expect(await codeOf(await ann.startBy.bearer())).toBe("asset_forbidden");
      await change("vod-fmp4 vod-ts");
      expect((await ann.startBy.bearer()).status).toBe(201);
    });

    it("applies to their next JWT", async () => {
      const ann = await signedUp(running().apiUrl);
      await running().query(`UPDATE "user" SET "assets" = 'vod-ts', "streams" = 1 WHERE "email" = ?`, ann.email);
      const claims = decodeJwt((await ann.client.token()).data?.token ?? "");
      expect(claims).toMatchObject({ assets: ["vod-ts"], streams: 1 });
      expect((await ann.startBy.jwt()).status).toBe(201);
      expect(await codeOf(await ann.startBy.jwt())).toBe("stream_limit");
    });
  });

  describe("the identity service", () => {
    it("logs no password, address or token", async () => {
      const ann = await signedUp(running().apiUrl);
      const jwt = (await ann.client.token()).data?.token ?? "";
      await ann.client.signIn.email({ email: ann.email, password: wrongPassword });
      await ann.client.signOut();
      // The library's own lines are structured too, and without their subject.
      expect(
        running()
          .log()
          .filter((line) => !line.startsWith("{")),
      ).toEqual([]);
      const lines = running().log().join("\n");
      for (const secret of [password, wrongPassword, ann.email, jwt, ann.bearer()]) expect(lines).not.toContain(secret);
    });
  });
}
