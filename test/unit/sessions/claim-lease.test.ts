import { describe, expect, it } from "vitest";
import { problemResponse } from "../../../src/http/problem-response.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { issuerName, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

const ann = { issuer: issuerName, subject: "ann" };

type Stage = Awaited<ReturnType<typeof sessionStage>>;

describe("a viewer who starts streams too fast", () => {
  it("is told with 429 when to come again, and may", async () => {
    const stage = await sessionStage();
    for (let i = 0; i < 30; i++) opened(await stage.end(opened(await stage.start())));
    const refused = await stage.start();
    if (refused.ok) throw new Error("a stream was started");
    const { status, headers } = problemResponse(refused.refusal);
    expect([refused.refusal.code, status, headers.get("Retry-After")]).toEqual(["start_rate_exceeded", 429, "2"]);
    stage.later(2);
    expect(codeOf(await stage.start())).toBe("ok");
  });

  it("is refused a renewal too, and nobody else is refused anything", async () => {
    const stage = await sessionStage();
    const session = opened(await stage.start({ asset: "film" }, { sub: "ann" }));
    for (let i = 0; i < 29; i++) opened(await stage.renew(session, { sub: "ann" }));
    expect(codeOf(await stage.renew(session, { sub: "ann" }))).toBe("start_rate_exceeded");
    expect(codeOf(await stage.start({ asset: "film" }, { sub: "bob" }))).toBe("ok");
  });

  it("is refused also where the viewer is let in while a store is down: this one is not", async () => {
    const stage = await sessionStage({ settings: { storeFailure: "open" } });
    for (let i = 0; i < 30; i++) opened(await stage.start());
    expect(codeOf(await stage.start())).toBe("start_rate_exceeded");
  });
});

describe("the network that a session was started in", () => {
  it.each([
    ["started", false],
    ["renewed", true],
  ])("has a place among those that a segment's URL was requested from: %s", async (_, isRenewed) => {
    const stage = await sessionStage();
    const session = opened(await stage.start({ asset: "film" }, ann));
    const elsewhere = { client: { ...usualRequest.client, address: "203.0.113.9" } };
    if (isRenewed) opened(await stage.renew(session, ann, elsewhere));
    const grant = opened(openGrant(session.grant, stage.context().keys, now));
    const asked = { sessionId: session.sessionId, assetId: "film", login: undefined, now, mostNetworks: 3 };
    const segment = (network: string) =>
      stage.streams(grant.subject).touch({ ...asked, ...grant, network, playlist: false });
    for (const network of ["4:1.0.0/24", "4:2.0.0/24", "4:3.0.0/24"])
      expect(await segment(network)).toMatchObject({ status: "granted" });
    expect(await segment("4:4.0.0/24")).toEqual({ status: "elsewhere" });
    expect(await segment("4:192.0.2/24")).toMatchObject({ status: "granted" });
    expect(await segment("4:203.0.113/24")).toMatchObject({ status: isRenewed ? "granted" : "elsewhere" });
  });
});

describe("a takeover that cannot be told to the edge", () => {
  const takeOver = async (stage: Stage) => {
    const { log, ...rest } = stage.context();
    const context: SessionContext = { ...rest, log: { ...log, append: () => Promise.reject(new Error("down")) } };
    const credential = presenting(`Bearer ${await token(stage.issuer, { assets: "*" })}`, context);
    return startStream({ ...usualRequest, credential, body: '{"asset":"film","takeover":true}' }, context);
  };

  it("leaves the place to nobody, and not to a session that nobody has", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    opened(await stage.start());
    expect(codeOf(await takeOver(stage))).toBe("store_unavailable");
    expect(codeOf(await stage.start())).toBe("ok");
  });

  it("is told at the next start: else the session that was ended would play on for a lease", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const { sessionId } = opened(await stage.start());
    await takeOver(stage);
    expect(await stage.entries()).toEqual([]);
    opened(await stage.start());
    expect(await stage.entries()).toMatchObject([{ value: sessionId, cause: "taken", until: now + 90 + 120 }]);
  });

  it("is store_unavailable still where the session cannot be ended either", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    opened(await stage.start());
    const { streams } = stage.context();
    const { context } = stage;
    const faulty: Stage = {
      ...stage,
      context: () => ({
        ...context(),
        streams: (...names) => ({ ...streams(...names), end: () => Promise.reject(new Error("down")) }),
      }),
    };
    expect(codeOf(await takeOver(faulty))).toBe("store_unavailable");
  });

  it("goes on where that is what the operator wants, and says so", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1, storeFailure: "open" } });
    opened(await stage.start());
    const taker = opened(await takeOver(stage));
    expect(stage.failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
    expect(opened(await stage.show(taker)).state).toBe("running");
  });
});

describe("a viewer whose only stream an operator ended", () => {
  it.each([
    ["the session", (session: string) => ({ session })],
    ["its asset", () => ({ asset: "film" })],
    ["its viewer", () => ({ subject: ann })],
  ])("by %s: has the place again at once, once he may start another", async (_, body) => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const session = opened(await stage.start({ asset: "film" }, { sub: "ann" }));
    opened(await stage.revoke(body(session.sessionId), { iat: now + 10 }));
    stage.later(10);
    const later = { sub: "ann", iat: now + 10 };
    const next = opened(await stage.start({ asset: "film-2" }, later));
    expect(opened(await stage.show(next, later)).state).toBe("running");
    expect(codeOf(await stage.start({ asset: "film-2" }, later))).toBe("stream_limit");
    expect(codeOf(await stage.renew(session, later))).not.toBe("ok");
  });

  it("loses none that nothing forbids, nor one that he began after he was let in again", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    opened(await stage.revoke({ subject: ann }, { iat: now + 10 }));
    opened(await stage.revoke({ asset: "film" }, { iat: now + 10 }));
    stage.later(10);
    const later = { sub: "ann", iat: now + 10 };
    const running = opened(await stage.start({ asset: "film-2" }, later));
    stage.events.length = 0;
    expect(codeOf(await stage.start({ asset: "film-2" }, later))).toBe("stream_limit");
    expect(stage.events).toEqual(["claim"]);
    expect(opened(await stage.show(running, later)).state).toBe("running");
  });
});

describe("a viewer who signed out of the login that his only stream came from", () => {
  const from = (sid: string) => ({ sub: "ann", sid, jti: `token of ${sid}` });
  const signOut = (stage: Stage, sid: string) => stage.revoke({ login: { issuer: issuerName, sid } });

  it("has the place again at once, once he has signed in anew", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const session = opened(await stage.start({ asset: "film" }, from("s-1")));
    expect(codeOf(await stage.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
    opened(await signOut(stage, "s-1"));
    const next = opened(await stage.start({ asset: "film" }, from("s-2")));
    expect(opened(await stage.show(next, from("s-2"))).state).toBe("running");
    expect(opened(await stage.show(session, from("s-2"))).state).toBe("revoked");
    expect(codeOf(await stage.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
  });

  it("loses no stream of another login, nor one that was renewed from there", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const session = opened(await stage.start({ asset: "film" }, from("s-1")));
    const renewed = opened(await stage.renew(session, from("s-2")));
    opened(await signOut(stage, "s-1"));
    expect(codeOf(await stage.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
    expect(opened(await stage.show(renewed, from("s-2"))).state).toBe("running");
    expect(opened(await stage.show(session, from("s-2"))).state).toBe("revoked");
  });

  it("is told of his streams and not of their logins where there are too many", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    opened(await stage.start({ asset: "film" }, from("s-1")));
    const refused = await stage.start({ asset: "film" }, from("s-2"));
    if (refused.ok) throw new Error("a stream was started");
    expect(await problemResponse(refused.refusal).text()).not.toContain("login");
  });
});
