import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { seconds, systemMillisecondClock, systemTimer } from "../../src/base/time.ts";
import { type AccountStores, nodeAccounts, turnsAmongProcesses } from "../../src/platform/node/node-accounts.ts";
import type { Revocation } from "../../src/sessions/revocation.ts";
import { apiUrl, postWith, refresh, requestTokens, settings, signIn } from "../node/identity/stage.ts";

/** The stores of accounts of a host, empty before each test. */
export interface AccountHost {
  /** Opens the stores as one process does; they are closed after the test. */
  readonly open: () => Promise<AccountStores>;
  /** Runs SQL as another program does. */
  readonly query: (sql: string) => Promise<readonly unknown[]>;
}

/** The identity service as one process of a Node host runs it. */
export async function accountsOfProcess({ open }: Pick<AccountHost, "open">) {
  const logged: Revocation[] = [];
  const lines: string[] = [];
  const accounts = nodeAccounts({ ...settings, development: false }, await open()).service({
    revocations: {
      append: async (entries) => {
        logged.push(...entries);
        return 0;
      },
    },
    telemetry: () => {},
    log: (line) => lines.push(line),
  });
  const fetch = (path: string, init: RequestInit = {}) =>
    accounts.fetch(new Request(`${apiUrl}/api/auth${path}`, init));
  return { accounts, logged, lines, fetch, post: postWith(fetch) };
}

/** What the stores of accounts do on every host. */
export function accountContract(host: AccountHost): void {
  describe("a user", () => {
    it("signs up, gets tokens with their rights, and leaves an entry in the revocation log when they sign out", async () => {
      const stage = await accountsOfProcess(host);
      const { cookie, sessionId } = await signIn(stage, "ann@example.com");
      await host.query(`UPDATE "user" SET "streams" = 2, "assets" = 'vod-ts vod-aes'`);
      const { token } = Object(await (await stage.fetch("/token", { headers: { cookie } })).json());
      expect(decodeJwt(token)).toMatchObject({ sid: sessionId, assets: ["vod-ts", "vod-aes"], streams: 2 });
      expect((await stage.post("/sign-out", {}, { cookie })).status).toBe(200);
      expect(stage.logged.map(({ kind }) => kind)).toEqual(["login"]);
      expect(await host.query(`SELECT "id" FROM "session"`)).toEqual([]);
      expect(stage.lines).toEqual([]);
    });

    it.each(["/sign-in/email", "/sign-up/email"])("has one session after a %s of the same browser", async (path) => {
      const stage = await accountsOfProcess(host);
      const { cookie } = await signIn(stage, "ann@example.com");
      const signsUp = path === "/sign-up/email";
      const account = { email: signsUp ? "eve@example.com" : "ann@example.com", password: "correct horse battery" };
      expect((await stage.post(path, { ...account, ...(signsUp && { name: "Eve" }) }, { cookie })).status).toBe(200);
      expect(stage.logged.map(({ kind }) => kind)).toEqual(["login"]);
      expect(await host.query(`SELECT "id" FROM "session"`)).toHaveLength(1);
    });
  });

  describe("expired rows", () => {
    it("are removed by a sweep", async () => {
      const { accounts, ...stage } = await accountsOfProcess(host);
      const ann = await signIn(stage, "ann@example.com");
      await requestTokens(stage, ann);
      await host.query(`UPDATE "session" SET "expiresAt" = '2020-01-01T00:00:00.000Z'`);
      await host.query(`UPDATE "oauthRefreshToken" SET "expiresAt" = '2020-01-01T00:00:00.000Z'`);
      await accounts.sweep();
      expect(await host.query(`SELECT "id" FROM "session"`)).toEqual([]);
      expect(await host.query(`SELECT "id" FROM "oauthRefreshToken"`)).toEqual([]);
    });
  });

  describe("two processes", () => {
    it("write each client once when they start at the same time", async () => {
      const processes = await Promise.all([accountsOfProcess(host), accountsOfProcess(host)]);
      const answers = await Promise.all(processes.map(({ fetch }) => fetch("/jwks")));
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      expect(await host.query(`SELECT "clientId" FROM "oauthClient"`)).toEqual([{ clientId: "app" }]);
    });

    it("answer refreshes of one token with one successor, no fork and no false sign-out", async () => {
      const [one, other] = [await accountsOfProcess(host), await accountsOfProcess(host)];
      const { refresh_token } = await requestTokens(one, await signIn(one, "ann@example.com"));
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => refresh(index % 2 === 0 ? one : other, refresh_token)),
      );
      expect(new Set(answers.map(({ status, token }) => `${status} ${token}`)).size).toBe(1);
      expect(answers[0]?.status).toBe(200);
      expect(await host.query(`SELECT "id" FROM "oauthRefreshToken" WHERE "revoked" IS NULL`)).toHaveLength(1);
    });

    it("do work of one name one after another, and give the lock back after a failure as well", async () => {
      const stores = [await host.open(), await host.open()];
      const parts = { clock: systemMillisecondClock, timer: systemTimer };
      const processes = stores.map(({ locks }) => turnsAmongProcesses({ locks, ...parts }));
      const events: string[] = [];
      const work = async () => {
        events.push("begin");
        await new Promise((resolve) => setTimeout(resolve, 5));
        events.push("end");
        throw new Error("failed");
      };
      const outcomes = await Promise.allSettled([...processes, ...processes].map((inTurn) => inTurn("family", work)));
      expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => "rejected"));
      expect(events).toEqual(Array.from({ length: 4 }, () => ["begin", "end"]).flat());
      expect(await host.query("SELECT * FROM refresh_turn")).toEqual([]);
    });

    it("continue when the lock of a process that ended has expired, and not before", async () => {
      const { locks } = await host.open();
      expect(await locks.claim("family", "ended", seconds(3600))).toBe(true);
      expect(await locks.claim("family", "other", seconds(3600))).toBe(false);
      await locks.release("family", "other");
      expect(await locks.claim("family", "other", seconds(3600))).toBe(false);
      await host.query(`UPDATE refresh_turn SET until = ${await expired(host)}`);
      expect(await locks.claim("family", "other", seconds(3600))).toBe(true);
    });
  });
}

/** A time in the past, as the host's lock has it. */
async function expired({ query }: AccountHost): Promise<string> {
  const [row] = await query("SELECT until FROM refresh_turn");
  return typeof Object(row).until === "number" ? "0" : "'2020-01-01T00:00:00Z'";
}
