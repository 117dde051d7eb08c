import { beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import { endLogin } from "../../../src/sessions/own-session.ts";
import { issuerName } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, opened, sessionService } from "./session-service.ts";

const from = (sid: string) => ({ sub: "ann", sid, jti: `token of ${sid}` });
const login = loginDigest(issuerName, "s-1");
const tokensUntil = unixSeconds(now + 900);
const aWeek = 604_800;

let service: Awaited<ReturnType<typeof sessionService>>;
beforeEach(async () => {
  service = await sessionService();
});

/** The API's part of a sign-out: the log's entry lasts as long as the longest session until it is shortened. */
async function signOut(logged = true): Promise<boolean> {
  const { identity: _, ...context } = service.context();
  const until = unixSeconds(tokensUntil + aWeek);
  const entry = { kind: "login", value: login, cause: "revoked", at: now, until } as const;
  if (logged) await context.log.append([entry], "viewer");
  const identity = {
    issuer: issuerName,
    sessions: async () => undefined,
    end: async () => undefined,
    findUser: async () => undefined,
  };
  return endLogin({ userId: "ann", login, tokensUntil }, { ...context, identity });
}

const expiries = async () => (await service.entries()).map(({ until }) => until);

describe("a sign-out", () => {
  it("stays in the log until no grant for files of its time can be valid, and as long as its access tokens and a lease", async () => {
    const session = opened(await service.start({ asset: "film" }, from("s-1")));
    expect(await signOut()).toBe(true);
    expect(await expiries()).toEqual([now + 3600 + 120]);
    expect(await service.fullEntries()).toMatchObject([{ by: "viewer", lastGrant: tokensUntil + aWeek }]);
    service.later(3600 + 120);
    expect(await expiries()).toEqual([]);
    const late = { iat: now + 3700, exp: now + 4000 };
    expect(opened(await service.show(session, { ...from("s-2"), ...late })).state).toBe("revoked");
    expect(codeOf(await service.renew(session, { ...from("s-2"), ...late }))).toBe("session_revoked");
    expect(codeOf(await service.start({ asset: "film" }, { ...from("s-2"), ...late }))).toBe("ok");
  });

  it("refuses starts with its tokens even if the log was full", async () => {
    opened(await service.start({ asset: "film" }, from("s-1")));
    expect(await signOut(false)).toBe(true);
    expect(await expiries()).toEqual([]);
    expect(codeOf(await service.start({ asset: "film" }, from("s-1")))).toBe("token_revoked");
    expect(codeOf(await service.start({ asset: "film" }, from("s-2")))).toBe("ok");
  });

  it("stays in the log for the longest session if a session was renewed from another login", async () => {
    const session = opened(await service.start({ asset: "film" }, from("s-1")));
    const renewed = opened(await service.renew(session, from("s-2")));
    expect(await signOut()).toBe(true);
    expect(await expiries()).toEqual([tokensUntil + aWeek]);
    expect(opened(await service.show(renewed, from("s-2"))).state).toBe("running");
    expect(opened(await service.show(session, from("s-2"))).state).toBe("revoked");
  });

  it.each(["streams", "log"] as const)(
    "stays in the log and reports a failure if the store `%s` is down",
    async (down) => {
      const promise = signOut();
      await Promise.resolve();
      service.state.down = down;
      expect(await promise).toBe(false);
      service.state.down = undefined;
      expect(await expiries()).toEqual([tokensUntil + aWeek]);
    },
  );

  it("does not shorten an operator's entry for the same login", async () => {
    opened(await service.revoke({ login: { issuer: issuerName, sid: "s-1" } }));
    expect(await signOut()).toBe(true);
    expect(await expiries()).toEqual([253_402_300_799]);
  });
});
