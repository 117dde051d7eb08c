import { describe, expect, it } from "vitest";
import type { Entitled, EntitlementAsked } from "../../../src/auth/entitlement.ts";
import { ok, type Refusal, type Result, refusal } from "../../../src/base/result.ts";
import { rfc3339, unixSeconds } from "../../../src/base/time.ts";
import { renewSession } from "../../../src/sessions/own-session.ts";
import type { SessionContext, SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { asset, codeOf, opened, presenting, sessionStage, usualRequest } from "../sessions/session-stage.ts";
import { now } from "../signing/session.ts";
import { issuerName, token } from "./tokens.ts";

const at = (by: number) => unixSeconds(now + by);
const allowed: Entitled = { streams: undefined, until: undefined };
const ann = { sub: "ann", jti: "t-1" };

/** A stage whose operator decides as the test says. */
async function decided(changes: Parameters<typeof sessionStage>[0] = {}) {
  const assets = [asset("film"), asset("german", { countries: { only: ["DE"] } }), asset("two", { streams: 2 })];
  const stage = await sessionStage({ assets, ...changes });
  const operator = { answer: ok(allowed) as Result<Entitled, Refusal>, asked: [] as EntitlementAsked[] };
  const context = (): SessionContext => ({
    ...stage.context(),
    entitlement: async (asked) => {
      operator.asked.push(asked);
      return operator.answer;
    },
  });
  const request = async (claims: object, more: Partial<SessionRequest>): Promise<SessionRequest> => ({
    ...usualRequest,
    credential: presenting(`Bearer ${await token(stage.issuer, { assets: "*", ...ann, ...claims })}`, context()),
    country: "DE",
    ...more,
  });
  const start = async (id = "film", claims: object = {}, more: Partial<SessionRequest> = {}) =>
    startStream(await request(claims, { body: JSON.stringify({ asset: id }), ...more }), context());
  const renew = async ({ grant, sessionId }: { grant: string; sessionId: string }, claims: object = {}) =>
    renewSession(await request(claims, { grant, id: sessionId }), context());
  return { ...stage, operator, start, renew };
}

describe("the operator's own decision", () => {
  it("is asked of each start: who, which asset, from where", async () => {
    const stage = await decided();
    opened(await stage.start());
    expect(stage.operator.asked).toEqual([
      { issuer: issuerName, subject: "ann", asset: "film", address: "192.0.2.7", country: "DE" },
    ]);
  });

  it("refuses a start, which takes no place then", async () => {
    const stage = await decided();
    stage.operator.answer = refusal("entitlement_refused", "no");
    expect([codeOf(await stage.start()), stage.events]).toEqual(["entitlement_refused", []]);
  });

  it("is asked of each renewal as well, and the session goes on until its end where it refuses", async () => {
    const stage = await decided();
    const session = opened(await stage.start());
    opened(await stage.renew(session));
    expect(stage.operator.asked.length).toBe(2);
    stage.operator.answer = refusal("entitlement_refused", "no");
    expect(codeOf(await stage.renew(session))).toBe("entitlement_refused");
    expect(opened(await stage.show(session, ann)).state).toBe("running");
  });

  it.each(["closed", "open"] as const)(
    "lets nobody in while it does not answer, with stores that fail %s",
    async (is) => {
      const stage = await decided({ settings: { storeFailure: is } });
      stage.operator.answer = refusal("store_unavailable", "the entitlement service answered 500");
      expect([codeOf(await stage.start()), stage.events]).toEqual(["store_unavailable", []]);
    },
  );

  it.each([
    ["the token is of no good", "film", { exp: now - 100 }, "token_expired"],
    ["the token does not name the asset", "film", { assets: ["two"] }, "asset_forbidden"],
    ["there is no such asset", "gone", {}, "asset_unknown"],
    ["the scope does not reach", "film", { scope: "other" }, "scope_insufficient"],
  ])("is not asked where %s", async (_, id, claims, code) => {
    const stage = await decided();
    expect(codeOf(await stage.start(id, claims))).toBe(code);
    expect(stage.operator.asked).toEqual([]);
  });

  it("is not asked where the asset's conditions do not hold", async () => {
    const stage = await decided();
    expect(codeOf(await stage.start("german", {}, { country: "FR" }))).toBe("country_forbidden");
    expect(stage.operator.asked).toEqual([]);
  });

  it("hears nothing of who was revoked, nor of a session that was ended", async () => {
    const stage = await decided();
    const session = opened(await stage.start());
    opened(await stage.end(session, ann));
    expect(codeOf(await stage.renew(session))).toBe("session_revoked");
    const revoked = { kind: "asset", value: "film", cause: "revoked", at: now, until: at(1000) } as const;
    await stage.context().log.append([revoked], "operator");
    expect(codeOf(await stage.start())).toBe("asset_revoked");
    expect(stage.operator.asked.length).toBe(1);
  });
});

describe("what the operator allows", () => {
  it("ends with the session that he allows, at the latest", async () => {
    const stage = await decided();
    stage.operator.answer = ok({ ...allowed, until: at(200) });
    const session = opened(await stage.start());
    expect(session.sessionExpiresAt).toBe(rfc3339(at(200)));
    stage.operator.answer = ok({ ...allowed, until: at(500) });
    expect(opened(await stage.renew(session)).sessionExpiresAt).toBe(rfc3339(at(500)));
    stage.operator.answer = ok({ ...allowed, until: at(1_000_000) });
    expect(opened(await stage.start()).sessionExpiresAt).toBe(rfc3339(at(21_600)));
  });

  it("opens nothing once it has ended", async () => {
    const stage = await decided();
    stage.operator.answer = ok({ ...allowed, until: now });
    expect([codeOf(await stage.start()), stage.events]).toEqual(["entitlement_refused", []]);
  });

  it.each([
    ["fewer than the token's", 1, { streams: 3 }, "film", 1],
    ["more than the token's", 3, { streams: 1 }, "film", 3],
    ["more than the asset's", 3, {}, "two", 3],
    ["nothing, where the token's hold", undefined, { streams: 1 }, "film", 1],
    ["nothing, where the asset's hold", undefined, {}, "two", 2],
  ])("is a number of streams at once: %s", async (_, streams, claims, id, most) => {
    const stage = await decided();
    stage.operator.answer = ok({ ...allowed, streams });
    for (let i = 0; i < most; i++) opened(await stage.start(id, claims));
    expect(codeOf(await stage.start(id, claims))).toBe("stream_limit");
  });
});
