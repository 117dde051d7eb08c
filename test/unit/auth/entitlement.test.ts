import { describe, expect, it } from "vitest";
import type { Entitled, EntitlementRefusal, EntitlementRequest } from "../../../src/auth/entitlement.ts";
import { ok, type Result, refusal } from "../../../src/base/result.ts";
import { rfc3339, seconds, unixSeconds } from "../../../src/base/time.ts";
import { renewSession } from "../../../src/sessions/own-session.ts";
import type { SessionContext, SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { asset, codeOf, here, opened, presenting, sessionService, usualRequest } from "../sessions/session-service.ts";
import { now } from "../signing/session.ts";
import { issuerName, token } from "./tokens.ts";

const at = (by: number) => unixSeconds(now + by);
const allowed: Entitled = { streams: undefined, until: undefined };
const ann = { sub: "ann", jti: "t-1" };

/** A session service with an entitlement service whose answer a test can change. */
async function serviceWith(changes: Parameters<typeof sessionService>[0] = {}) {
  const assets = [asset("film"), asset("german", { countries: { only: ["DE"] } }), asset("two", { streams: 2 })];
  const service = await sessionService({ assets, ...changes });
  const entitlement = {
    answer: ok(allowed) as Result<Entitled, EntitlementRefusal>,
    requests: [] as EntitlementRequest[],
  };
  const context = (): SessionContext => ({
    ...service.context(),
    entitlement: async (request) => {
      entitlement.requests.push(request);
      return entitlement.answer;
    },
  });
  const requestWith = async (claims: object, more: Partial<SessionRequest>): Promise<SessionRequest> => ({
    ...usualRequest,
    credential: presenting(`Bearer ${await token(service.issuer, { assets: "*", ...ann, ...claims })}`, context()),
    country: "DE",
    ...more,
  });
  const start = async (id = "film", claims: object = {}, more: Partial<SessionRequest> = {}) =>
    startStream(await requestWith(claims, { body: JSON.stringify({ asset: id }), ...more }), context());
  const renew = async ({ grant, sessionId }: { grant: string; sessionId: string }, claims: object = {}) =>
    renewSession(await requestWith(claims, { grant, id: sessionId }), context());
  return { ...service, entitlement, start, renew };
}

describe("an entitlement service", () => {
  it("is asked at each start with the viewer, the asset, the address and the country", async () => {
    const service = await serviceWith();
    opened(await service.start());
    expect(service.entitlement.requests).toEqual([
      { issuer: issuerName, subject: "ann", asset: "film", address: "192.0.2.7", country: "DE" },
    ]);
  });

  it("can refuse a start, which then uses no stream", async () => {
    const service = await serviceWith();
    service.entitlement.answer = refusal("entitlement_refused", "no");
    expect([codeOf(await service.start()), service.events]).toEqual(["entitlement_refused", []]);
  });

  it("is asked at each renewal, and if it refuses, the session still runs until its end", async () => {
    const service = await serviceWith();
    const session = opened(await service.start());
    opened(await service.renew(session));
    expect(service.entitlement.requests.length).toBe(2);
    service.entitlement.answer = refusal("entitlement_refused", "no");
    expect(codeOf(await service.renew(session))).toBe("entitlement_refused");
    expect(opened(await service.show(session, ann)).state).toBe("running");
  });

  it.each(["closed", "open"] as const)(
    "that is down refuses every start if STAGEDOOR_STORE_FAILURE is %s",
    async (is) => {
      const service = await serviceWith({ settings: { storeFailure: is } });
      service.entitlement.answer = refusal("provider_unavailable", "the entitlement service answered 500");
      expect([codeOf(await service.start()), service.events]).toEqual(["provider_unavailable", []]);
    },
  );

  it.each([
    ["the token has expired", "film", { exp: now - 100 }, "token_expired"],
    ["the token does not name the asset", "film", { assets: ["two"] }, "asset_forbidden"],
    ["the asset does not exist", "gone", {}, "asset_unknown"],
    ["the scope is insufficient", "film", { scope: "other" }, "scope_insufficient"],
  ])("is not asked if %s", async (_, id, claims, code) => {
    const service = await serviceWith();
    expect(codeOf(await service.start(id, claims))).toBe(code);
    expect(service.entitlement.requests).toEqual([]);
  });

  it("is not asked if the asset is not available in the viewer's country", async () => {
    const service = await serviceWith();
    expect(codeOf(await service.start("german", {}, { country: "FR" }))).toBe("country_forbidden");
    expect(service.entitlement.requests).toEqual([]);
  });

  it("is not asked if no grant can be issued, and the start is not counted", async () => {
    const startRate = { name: "start-subject", quota: 1, window: seconds(3600) };
    const bound = asset("bound", { binding: { network: "prefix" } });
    const service = await serviceWith({ assets: [bound, asset("film")], settings: { startRate } });
    const nowhere = { client: { ...here, address: undefined } };
    expect(codeOf(await service.start("bound", {}, nowhere))).toBe("address_unknown");
    expect([service.entitlement.requests, service.events]).toEqual([[], []]);
    opened(await service.start("bound"));
    const withoutKeys = await serviceWith({ keys: new Map() });
    expect(codeOf(await withoutKeys.start())).toBe("configuration_invalid");
    expect(withoutKeys.entitlement.requests).toEqual([]);
  });

  it("is not asked about a revoked asset or an ended session", async () => {
    const service = await serviceWith();
    const session = opened(await service.start());
    opened(await service.end(session, ann));
    expect(codeOf(await service.renew(session))).toBe("session_revoked");
    const revoked = { kind: "asset", value: "film", cause: "revoked", at: now, until: at(1000) } as const;
    await service.context().log.append([revoked], "operator");
    expect(codeOf(await service.start())).toBe("asset_revoked");
    expect(service.entitlement.requests.length).toBe(1);
  });
});

describe("the answer of an entitlement service", () => {
  it("can shorten a session but not extend it beyond the longest session", async () => {
    const service = await serviceWith();
    service.entitlement.answer = ok({ ...allowed, until: at(200) });
    const session = opened(await service.start());
    expect(session.sessionExpiresAt).toBe(rfc3339(at(200)));
    service.entitlement.answer = ok({ ...allowed, until: at(500) });
    expect(opened(await service.renew(session)).sessionExpiresAt).toBe(rfc3339(at(500)));
    service.entitlement.answer = ok({ ...allowed, until: at(1_000_000) });
    expect(opened(await service.start()).sessionExpiresAt).toBe(rfc3339(at(21_600)));
  });

  it("refuses a start if its `until` has passed", async () => {
    const service = await serviceWith();
    service.entitlement.answer = ok({ ...allowed, until: now });
    expect([codeOf(await service.start()), service.events]).toEqual(["entitlement_refused", []]);
  });

  it.each([
    ["its own limit if that is below the token's", 1, { streams: 3 }, "film", 1],
    ["its own limit if that is above the token's", 3, { streams: 1 }, "film", 3],
    ["its own limit if that is above the asset's", 3, {}, "two", 3],
    ["the token's limit if it sets none", undefined, { streams: 1 }, "film", 1],
    ["the asset's limit if it sets none", undefined, {}, "two", 2],
  ])("limits simultaneous streams to %s", async (_, streams, claims, id, most) => {
    const service = await serviceWith();
    service.entitlement.answer = ok({ ...allowed, streams });
    for (let i = 0; i < most; i++) opened(await service.start(id, claims));
    expect(codeOf(await service.start(id, claims))).toBe("stream_limit");
  });
});
