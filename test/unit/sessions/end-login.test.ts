import { beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";
import { endLogin } from "../../../src/sessions/revoke.ts";
import { issuerName } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, opened, sessionStage } from "./session-stage.ts";

const from = (sid: string) => ({ sub: "ann", sid, jti: `token of ${sid}` });
const login = loginDigest(issuerName, "s-1");
const tokensUntil = unixSeconds(now + 900);
const aWeek = 604_800;

let stage: Awaited<ReturnType<typeof sessionStage>>;
beforeEach(async () => {
  stage = await sessionStage();
});

/** What the API does once the identity worker has ended a login, whose entry lasts as long as the longest session. */
async function signOut(logged = true): Promise<boolean> {
  const { identity: _, ...context } = stage.context();
  const until = unixSeconds(tokensUntil + aWeek);
  const entry = { kind: "login", value: login, cause: "revoked", at: now, until } as const;
  if (logged) await context.log.append([entry], "viewer");
  const identity = { issuer: issuerName, sessions: async () => undefined, end: async () => undefined };
  return endLogin({ userId: "ann", login, tokensUntil }, { ...context, identity });
}

const untils = async () => (await stage.entries()).map(({ until }) => until);

describe("a sign-out", () => {
  it("is in the log for its access tokens, a lease and two minutes, since the rows end its sessions", async () => {
    const session = opened(await stage.start({ asset: "film" }, from("s-1")));
    expect(await signOut()).toBe(true);
    expect(await untils()).toEqual([tokensUntil + 90 + 120]);
    stage.later(900 + 90 + 120);
    expect(await untils()).toEqual([]);
    const late = { iat: now + 1100, exp: now + 2000 };
    expect(opened(await stage.show(session, { ...from("s-2"), ...late })).state).toBe("revoked");
    expect(codeOf(await stage.renew(session, { ...from("s-2"), ...late }))).toBe("session_revoked");
    expect(codeOf(await stage.start({ asset: "film" }, { ...from("s-2"), ...late }))).toBe("ok");
  });

  it("refuses what its tokens start, though the log was full", async () => {
    opened(await stage.start({ asset: "film" }, from("s-1")));
    expect(await signOut(false)).toBe(true);
    expect(await untils()).toEqual([]);
    expect(codeOf(await stage.start({ asset: "film" }, from("s-1")))).toBe("token_revoked");
    expect(codeOf(await stage.start({ asset: "film" }, from("s-2")))).toBe("ok");
  });

  it("stays in the log as long as the longest session where a session was renewed from another login", async () => {
    const session = opened(await stage.start({ asset: "film" }, from("s-1")));
    const renewed = opened(await stage.renew(session, from("s-2")));
    expect(await signOut()).toBe(true);
    expect(await untils()).toEqual([tokensUntil + aWeek]);
    expect(opened(await stage.show(renewed, from("s-2"))).state).toBe("running");
    expect(opened(await stage.show(session, from("s-2"))).state).toBe("revoked");
  });

  it.each(["streams", "log"] as const)("stays in the log where the %s do not answer, and says so", async (down) => {
    const promise = signOut();
    await Promise.resolve();
    stage.state.down = down;
    expect(await promise).toBe(false);
    stage.state.down = undefined;
    expect(await untils()).toEqual([tokensUntil + aWeek]);
  });

  it("leaves an operator's entry for the same login", async () => {
    opened(await stage.revoke({ login: { issuer: issuerName, sid: "s-1" } }));
    expect(await signOut()).toBe(true);
    expect(await untils()).toEqual([253_402_300_799]);
  });
});
