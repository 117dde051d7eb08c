import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { token } from "../auth/tokens.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

type SessionService = Awaited<ReturnType<typeof sessionService>>;

/** The number of successful starts of five simultaneous ones. */
async function startFive(service: SessionService, body: object, claims: object = {}): Promise<number> {
  const starts = await Promise.all([1, 2, 3, 4, 5].map(() => service.start(body, { ...claims })));
  return starts.filter(({ ok }) => ok).length;
}

describe("a viewer's stream limit", () => {
  const assets = [asset("film"), asset("premiere", { streams: 3 })];

  it.each([
    ["the token's", "premiere", { streams: 2 }, 4, 2],
    ["the asset's, if the token has none", "premiere", {}, 4, 3],
    ["the setting's, if neither has one", "film", {}, 4, 4],
    ["the token's, even if it is above the others", "premiere", { streams: 5 }, 1, 5],
    ["absent, if none is configured", "film", {}, undefined, 5],
  ])("is %s", async (_, id, claims, streamLimit, expected) => {
    const service = await sessionService({ assets, settings: { streamLimit } });
    expect(await startFive(service, { asset: id }, claims)).toBe(expected);
  });

  it("is counted per viewer", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    expect(await startFive(service, { asset: "film" }, { sub: "ann" })).toBe(1);
    expect(await startFive(service, { asset: "film" }, { sub: "bob" })).toBe(1);
  });

  it("is counted over all assets, and the refusal lists the running streams with RFC 3339 times", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const first = opened(await service.start({ asset: "film" }));
    service.later(5);
    const second = await service.start({ asset: "film-2" });
    if (second.ok) throw new Error("a second stream was started");
    const response = problemResponse(second.refusal);
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([429, "no-store"]);
    expect(await response.json()).toMatchObject({
      code: "stream_limit",
      running: [
        {
          sessionId: first.sessionId,
          asset: "film",
          startedAt: "2026-11-18T11:06:40Z",
          lastSeenAt: "2026-11-18T11:06:40Z",
        },
      ],
    });
  });

  it("includes running streams after a new key changes the viewer's hash", async () => {
    const [old, fresh] = [sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })];
    const service = await sessionService({ keys: await preparedKeys([old]), settings: { streamLimit: 1 } });
    opened(await service.start());
    service.state.keys = await preparedKeys([old, fresh]);
    expect(codeOf(await service.start())).toBe("stream_limit");
  });

  it("allows another stream after one was ended or was silent for its lease", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    const first = opened(await service.start());
    opened(await service.end(first));
    opened(await service.start());
    service.later(89);
    expect(codeOf(await service.start())).toBe("stream_limit");
    service.later(1);
    expect(codeOf(await service.start())).toBe("ok");
  });

  it("does not count a start that is refused for another reason", async () => {
    const bound = asset("home", { binding: { network: "exact" } });
    const service = await sessionService({ assets: [bound], settings: { streamLimit: 1 } });
    const nowhere = { address: undefined, userAgentHash: () => "" };
    expect(codeOf(await service.start({ asset: "home" }, {}, nowhere))).toBe("address_unknown");
    expect(codeOf(await service.start({ asset: "home" }))).toBe("ok");
  });
});

describe("a start with takeover: true", () => {
  it("ends the oldest stream, and logs that before it answers", async () => {
    const service = await sessionService({ settings: { streamLimit: 2 } });
    const oldest = opened(await service.start());
    service.later(1);
    opened(await service.start());
    service.later(1);
    service.events.length = 0;
    const successor = opened(await service.start({ asset: "film", takeover: true }));
    expect(service.events).toEqual(["claim", "append session taken"]);
    expect(await service.entries()).toEqual([
      { kind: "session", value: oldest.sessionId, cause: "taken", at: now + 2, until: now + 90 + 120 },
    ]);
    const { subject } = opened(openGrant(successor.grant, service.context().keys, now));
    const lastGrant = now + 21_600 + 120;
    expect(await service.fullEntries()).toMatchObject([{ by: "viewer", subject, lastGrant }]);
    expect(opened(await service.show(oldest)).state).toBe("taken");
    expect(opened(await service.show(successor)).state).toBe("running");
  });

  it("ends nothing if the limit is not reached", async () => {
    const service = await sessionService({ settings: { streamLimit: 2 } });
    opened(await service.start());
    opened(await service.start({ asset: "film", takeover: true }));
    expect(await service.entries()).toEqual([]);
  });

  it("is refused if the log is down, because both streams would play", async () => {
    const service = await sessionService({ settings: { streamLimit: 1 } });
    opened(await service.start());
    const { log, ...rest } = service.context();
    const context = { ...rest, log: { ...log, append: () => Promise.reject(new Error("down")) } };
    const credential = presenting(`Bearer ${await token(service.issuer)}`, context);
    const body = '{"asset":"film","takeover":true}';
    expect(codeOf(await startStream({ ...usualRequest, credential, body }, context))).toBe("store_unavailable");
  });

  it.each(['"yes"', "1", "null"])("is refused if takeover is %s instead of a boolean", async (takeover) => {
    const service = await sessionService();
    expect(codeOf(await service.start({ asset: "film", takeover: JSON.parse(takeover) }))).toBe("body_invalid");
  });
});

describe("a start while a store is down", () => {
  it.each(["streams", "log"] as const)("is refused as store_unavailable by default (%s)", async (down) => {
    const service = await sessionService();
    service.state.down = down;
    expect(codeOf(await service.start())).toBe("store_unavailable");
  });

  it.each(["streams", "log"] as const)("succeeds if STAGEDOOR_STORE_FAILURE is open (%s)", async (down) => {
    const service = await sessionService({ settings: { storeFailure: "open", streamLimit: 1 } });
    service.state.down = down;
    opened(await service.start());
    if (down === "streams") {
      opened(await service.start());
      expect(service.failures.map(({ code }) => code)).toEqual(["store_unavailable", "store_unavailable"]);
    }
  });
});

describe("the grant of a start", () => {
  it("is in the manifest URL and carries the asset's bindings and a hash of the token's id", async () => {
    const keys = await preparedKeys();
    const home = asset("home", { binding: { network: "prefix", userAgent: true } });
    const service = await sessionService({ assets: [home, asset("film")], keys });
    const { grant, manifestUrl } = opened(await service.start({ asset: "home" }, { jti: "t-1" }));
    expect(new URL(manifestUrl).pathname.split("/")[1]).toBe(grant);
    expect(opened(openGrant(grant, keys, now))).toMatchObject({
      prefix: "/home/",
      token: expect.stringMatching(/^[\w-]{22}$/),
      network: { family: 4, bits: 24, bytes: Uint8Array.of(192, 0, 2, 0) },
      userAgent: "A".repeat(43),
    });
    const plain = opened(openGrant(opened(await service.start({ asset: "film" })).grant, keys, now));
    expect(plain).not.toHaveProperty("network");
    expect(plain).not.toHaveProperty("userAgent");
    expect(plain).not.toHaveProperty("token");
  });

  it("lasts as long as the asset's session", async () => {
    const service = await sessionService({
      assets: [asset("film", { session: 600 })],
      settings: { sessionTtl: seconds(60) },
    });
    expect(opened(await service.start()).sessionExpiresAt).toBe("2026-11-18T11:16:40Z");
  });
});
