import { describe, expect, it } from "vitest";
import { seconds } from "../../../src/base/time.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { token } from "../auth/tokens.ts";
import { now, preparedKeys, sessionKey } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

type Stage = Awaited<ReturnType<typeof sessionStage>>;

/** How many of five starts at once are let in. */
async function letIn(stage: Stage, body: object, claims: object = {}): Promise<number> {
  const starts = await Promise.all([1, 2, 3, 4, 5].map(() => stage.start(body, { ...claims })));
  return starts.filter(({ ok }) => ok).length;
}

describe("how many streams a viewer may run at once", () => {
  const assets = [asset("film"), asset("premiere", { streams: 3 })];

  it.each([
    ["what the token says", "premiere", { streams: 2 }, 4, 2],
    ["what the asset says, where the token does not", "premiere", {}, 4, 3],
    ["what the settings say, where neither does", "film", {}, 4, 4],
    ["what the token says, where it is more than the others say", "premiere", { streams: 5 }, 1, 5],
    ["any number, where nobody says", "film", {}, undefined, 5],
  ])("is %s", async (_, id, claims, streamLimit, expected) => {
    const stage = await sessionStage({ assets, settings: { streamLimit } });
    expect(await letIn(stage, { asset: id }, claims)).toBe(expected);
  });

  it("is counted for each viewer", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    expect(await letIn(stage, { asset: "film" }, { sub: "ann" })).toBe(1);
    expect(await letIn(stage, { asset: "film" }, { sub: "bob" })).toBe(1);
  });

  it("is counted over all assets, and the refusal names what runs, and when it began, in RFC 3339", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const first = opened(await stage.start({ asset: "film" }));
    stage.later(5);
    const second = await stage.start({ asset: "film-2" });
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

  it("goes on from what runs when a new key gives the viewer a new name", async () => {
    const [old, fresh] = [sessionKey("old", 1, { nbf: 1 }), sessionKey("new", 2, { nbf: now })];
    const stage = await sessionStage({ keys: await preparedKeys([old]), settings: { streamLimit: 1 } });
    opened(await stage.start());
    stage.state.keys = await preparedKeys([old, fresh]);
    expect(codeOf(await stage.start())).toBe("stream_limit");
  });

  it("has a place again once a stream was ended, or was silent for its lease", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    const first = opened(await stage.start());
    opened(await stage.end(first));
    opened(await stage.start());
    stage.later(89);
    expect(codeOf(await stage.start())).toBe("stream_limit");
    stage.later(1);
    expect(codeOf(await stage.start())).toBe("ok");
  });

  it("gives no place away for a start that is refused before it", async () => {
    const bound = asset("home", { binding: { network: "exact" } });
    const stage = await sessionStage({ assets: [bound], settings: { streamLimit: 1 } });
    const nowhere = { address: undefined, userAgentHash: () => "" };
    expect(codeOf(await stage.start({ asset: "home" }, {}, nowhere))).toBe("address_unknown");
    expect(codeOf(await stage.start({ asset: "home" }))).toBe("ok");
  });
});

describe("takeover: true", () => {
  it("ends the oldest stream, and has told so before it answers", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 2 } });
    const oldest = opened(await stage.start());
    stage.later(1);
    opened(await stage.start());
    stage.later(1);
    stage.events.length = 0;
    const taker = opened(await stage.start({ asset: "film", takeover: true }));
    expect(stage.events).toEqual(["claim", "append session taken"]);
    expect(await stage.entries()).toEqual([
      { kind: "session", value: oldest.sessionId, cause: "taken", at: now + 2, until: now + 90 + 120 },
    ]);
    expect(opened(await stage.show(oldest)).state).toBe("taken");
    expect(opened(await stage.show(taker)).state).toBe("running");
  });

  it("ends nothing where there is room", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 2 } });
    opened(await stage.start());
    opened(await stage.start({ asset: "film", takeover: true }));
    expect(await stage.entries()).toEqual([]);
  });

  it("gives out nothing where the edge cannot be told: else both would play", async () => {
    const stage = await sessionStage({ settings: { streamLimit: 1 } });
    opened(await stage.start());
    const { log, ...rest } = stage.context();
    const context = { ...rest, log: { ...log, append: () => Promise.reject(new Error("down")) } };
    const credential = presenting(`Bearer ${await token(stage.issuer)}`, context);
    const body = '{"asset":"film","takeover":true}';
    expect(codeOf(await startStream({ ...usualRequest, credential, body }, context))).toBe("store_unavailable");
  });

  it.each(['"yes"', "1", "null"])("is a boolean and not %s", async (takeover) => {
    const stage = await sessionStage();
    expect(codeOf(await stage.start({ asset: "film", takeover: JSON.parse(takeover) }))).toBe("body_invalid");
  });
});

describe("a start while a store is down", () => {
  it.each(["streams", "log"] as const)("%s: is store_unavailable by default", async (down) => {
    const stage = await sessionStage();
    stage.state.down = down;
    expect(codeOf(await stage.start())).toBe("store_unavailable");
  });

  it.each(["streams", "log"] as const)("%s: goes on where that is what the operator wants", async (down) => {
    const stage = await sessionStage({ settings: { storeFailure: "open", streamLimit: 1 } });
    stage.state.down = down;
    opened(await stage.start());
    if (down === "streams") {
      opened(await stage.start());
      expect(stage.failures.map(({ code }) => code)).toEqual(["store_unavailable", "store_unavailable"]);
    }
  });
});

describe("the grant of a start", () => {
  it("is that of the manifest URL, and says what the asset binds to and which token it was started with", async () => {
    const keys = await preparedKeys();
    const home = asset("home", { binding: { network: "prefix", userAgent: true } });
    const stage = await sessionStage({ assets: [home, asset("film")], keys });
    const { grant, manifestUrl } = opened(await stage.start({ asset: "home" }, { jti: "t-1" }));
    expect(new URL(manifestUrl).pathname.split("/")[1]).toBe(grant);
    expect(opened(openGrant(grant, keys, now))).toMatchObject({
      prefix: "/home/",
      token: expect.stringMatching(/^[\w-]{22}$/),
      network: { family: 4, bits: 24, bytes: Uint8Array.of(192, 0, 2, 0) },
      userAgent: "A".repeat(43),
    });
    const plain = opened(openGrant(opened(await stage.start({ asset: "film" })).grant, keys, now));
    expect(plain).not.toHaveProperty("network");
    expect(plain).not.toHaveProperty("userAgent");
    expect(plain).not.toHaveProperty("token");
  });

  it("lasts as long as the asset's session", async () => {
    const stage = await sessionStage({
      assets: [asset("film", { session: 600 })],
      settings: { sessionTtl: seconds(60) },
    });
    expect(opened(await stage.start()).sessionExpiresAt).toBe("2026-11-18T11:16:40Z");
  });
});
