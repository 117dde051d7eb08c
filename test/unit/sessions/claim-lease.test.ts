import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { issuerName, token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

const ann = { issuer: issuerName, subject: "ann" };

type SessionService = Awaited<ReturnType<typeof sessionService>>;

describe("a viewer who starts streams too fast", () => {
  it("gets 429 with Retry-After, and can start a stream after that time", async () => {
    const service = await sessionService();
    for (let i = 0; i < 30; i++) opened(await service.end(opened(await service.start())));
    const refused = await service.start();
    if (refused.ok) throw new Error("a stream was started");
    const { status, headers } = problemResponse(refused.refusal);
    expect([refused.refusal.code, status, headers.get("Retry-After")]).toEqual(["start_rate_exceeded", 429, "2"]);
    service.later(2);
    expect(codeOf(await service.start())).toBe("ok");
  });

  it("cannot renew a session either, while other viewers can start streams", async () => {
    const service = await sessionService();
    const session = opened(await service.start({ asset: "film" }, { sub: "ann" }));
    for (let i = 0; i < 29; i++) opened(await service.renew(session, { sub: "ann" }));
    expect(codeOf(await service.renew(session, { sub: "ann" }))).toBe("start_rate_exceeded");
    expect(codeOf(await service.start({ asset: "film" }, { sub: "bob" }))).toBe("ok");
  });

  it("is refused even if STAGEDOOR_STORE_FAILURE is open, because no store is down", async () => {
    const service = await sessionService({ settings: { storeFailure: "open" } });
    for (let i = 0; i < 30; i++) opened(await service.start());
    expect(codeOf(await service.start())).toBe("start_rate_exceeded");
  });
});

describe("the network of a session's start or renewal", () => {
  it.each([
    ["started", false],
    ["renewed", true],
  ])("counts among the networks of its segments, if the session was %s there", async (_, isRenewed) => {
    const service = await sessionService();
    const session = opened(await service.start({ asset: "film" }, ann));
    const elsewhere = { client: { ...usualRequest.client, address: "203.0.113.9" } };
    if (isRenewed) opened(await service.renew(session, ann, elsewhere));
    const grant = opened(openGrant(session.grant, service.context().keys, now));
    const touch = { sessionId: session.sessionId, assetId: "film", login: undefined, now, mostNetworks: 3 };
    const segment = (network: string) =>
      service.streams(grant.subject).touch({ ...touch, ...grant, network, playlist: false });
    for (const network of ["4:1.0.0/24", "4:2.0.0/24", "4:3.0.0/24"])
      expect(await segment(network)).toMatchObject({ status: "granted" });
    expect(await segment("4:4.0.0/24")).toEqual({ status: "elsewhere" });
    expect(await segment("4:192.0.2/24")).toMatchObject({ status: "granted" });
    expect(await segment("4:203.0.113/24")).toMatchObject({ status: isRenewed ? "granted" : "elsewhere" });
  });
});

describe("a takeover that cannot be written to the revocation log", () => {
  const takeOver = async (service: SessionService) => {
    const { log, ...rest } = service.context();
    const context: SessionContext = { ...rest, log: { ...log, append: () => Promise.reject(new Error("down")) } };
    const credential = presenting(`Bearer ${await token(service.issuer, { assets: "*" })}`, context);
    return startStream({ ...usualRequest, credential, body: '{"asset":"film","takeover":true}' }, context);
  };

  it("frees its own stream, which no client received", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    opened(await service.start());
    expect(codeOf(await takeOver(service))).toBe("store_unavailable");
    expect(codeOf(await service.start())).toBe("ok");
  });

  it("is logged by the next start, so that the edge stops the replaced session before its lease ends", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const { sessionId } = opened(await service.start());
    await takeOver(service);
    expect(await service.entries()).toEqual([]);
    opened(await service.start());
    expect(await service.entries()).toMatchObject([{ value: sessionId, cause: "taken", until: now + 90 + 120 }]);
  });

  it("is refused as store_unavailable even if its own stream cannot be ended either", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    opened(await service.start());
    const { streams } = service.context();
    const { context } = service;
    const faulty: SessionService = {
      ...service,
      context: () => ({
        ...context(),
        streams: (...names) => ({ ...streams(...names), end: () => Promise.reject(new Error("down")) }),
      }),
    };
    expect(codeOf(await takeOver(faulty))).toBe("store_unavailable");
  });

  it("succeeds if STAGEDOOR_STORE_FAILURE is open, and reports the failure", async () => {
    const service = await sessionService({ settings: { streamLimit: 1, storeFailure: "open" } });
    opened(await service.start());
    const successor = opened(await takeOver(service));
    expect(service.failures.map(({ code }) => code)).toEqual(["store_unavailable"]);
    expect(opened(await service.show(successor)).state).toBe("running");
  });
});

describe("a viewer at the limit of an asset in observe", () => {
  it("starts a further stream, which is reported", async () => {
    const enforcement = { mode: "observe", until: unixSeconds(now + 60) } as const;
    const service = await sessionService({ settings: { streamLimit: 1, enforcement } });
    const observed: string[] = [];
    const { context } = service;
    const onObserved: SessionContext["onObserved"] = ({ code }, { asset }) => void observed.push(`${code} ${asset}`);
    const observing: SessionService = { ...service, context: () => ({ ...context(), onObserved }) };
    const start = async () => {
      const credential = presenting(`Bearer ${await token(service.issuer, { assets: "*" })}`, observing.context());
      return startStream({ ...usualRequest, credential, body: '{"asset":"film"}' }, observing.context());
    };
    expect([codeOf(await start()), codeOf(await start()), observed]).toEqual(["ok", "ok", ["stream_limit film"]]);
    service.later(60);
    expect(codeOf(await start())).toBe("stream_limit");
  });
});

describe("a viewer at the limit whose only stream is revoked", () => {
  it.each([
    ["session", (session: string) => ({ session })],
    ["asset", () => ({ asset: "film" })],
    ["subject", () => ({ subject: ann })],
  ])("by its %s can start another one at once", async (_, body) => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const session = opened(await service.start({ asset: "film" }, { sub: "ann" }));
    opened(await service.revoke(body(session.sessionId), { iat: now + 10 }));
    service.later(10);
    const later = { sub: "ann", iat: now + 10 };
    const next = opened(await service.start({ asset: "film-2" }, later));
    expect(opened(await service.show(next, later)).state).toBe("running");
    expect(codeOf(await service.start({ asset: "film-2" }, later))).toBe("stream_limit");
    expect(codeOf(await service.renew(session, later))).not.toBe("ok");
  });

  it("keeps a stream that started after the revocations", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    opened(await service.revoke({ subject: ann }, { iat: now + 10 }));
    opened(await service.revoke({ asset: "film" }, { iat: now + 10 }));
    service.later(10);
    const later = { sub: "ann", iat: now + 10 };
    const running = opened(await service.start({ asset: "film-2" }, later));
    service.events.length = 0;
    expect(codeOf(await service.start({ asset: "film-2" }, later))).toBe("stream_limit");
    expect(service.events).toEqual(["claim"]);
    expect(opened(await service.show(running, later)).state).toBe("running");
  });
});

describe("a viewer at the limit who signs out of the login of their only stream", () => {
  const from = (sid: string) => ({ sub: "ann", sid, jti: `token of ${sid}` });
  const signOut = (service: SessionService, sid: string) => service.revoke({ login: { issuer: issuerName, sid } });

  it("can start another one at once after signing in again", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const session = opened(await service.start({ asset: "film" }, from("s-1")));
    expect(codeOf(await service.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
    opened(await signOut(service, "s-1"));
    const next = opened(await service.start({ asset: "film" }, from("s-2")));
    expect(opened(await service.show(next, from("s-2"))).state).toBe("running");
    expect(opened(await service.show(session, from("s-2"))).state).toBe("revoked");
    expect(codeOf(await service.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
  });

  it("keeps a stream that was renewed from another login", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const session = opened(await service.start({ asset: "film" }, from("s-1")));
    const renewed = opened(await service.renew(session, from("s-2")));
    opened(await signOut(service, "s-1"));
    expect(codeOf(await service.start({ asset: "film" }, from("s-2")))).toBe("stream_limit");
    expect(opened(await service.show(renewed, from("s-2"))).state).toBe("running");
    expect(opened(await service.show(session, from("s-2"))).state).toBe("revoked");
  });

  it("gets a refusal that lists running streams without their logins", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    opened(await service.start({ asset: "film" }, from("s-1")));
    const refused = await service.start({ asset: "film" }, from("s-2"));
    if (refused.ok) throw new Error("a stream was started");
    expect(await problemResponse(refused.refusal).text()).not.toContain("login");
  });
});
