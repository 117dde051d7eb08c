import { describe, expect, it } from "vitest";
import { rfc3339, unixSeconds } from "../../../src/base/time.ts";
import type { SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

const at = (by: number) => rfc3339(unixSeconds(now + by));
const site = "https://www.example.com";

const german = { countries: { only: ["DE"] } };
const californian = { places: { only: [{ regions: ["US-CA"] }] } };
const noFfmpeg = { players: { except: ["Lavf/*"] } };
const siteOnly = { origins: [site] };
const premiere = { available: { from: at(100), until: at(1000) } };

async function serviceOf(fields: object) {
  const service = await sessionService({ assets: [asset("film", fields), asset("other")] });
  const start = async (more: Partial<SessionRequest> = {}, claims: object = {}, id = "film") => {
    const context = service.context();
    const credential = presenting(`Bearer ${await token(service.issuer, { assets: "*", ...claims })}`, context);
    return startStream({ ...usualRequest, credential, body: JSON.stringify({ asset: id }), ...more }, context);
  };
  return { ...service, start };
}

describe("a start of an asset with conditions", () => {
  it.each([
    ["country_forbidden", german, { country: "FR" }],
    ["country_forbidden", german, { country: undefined }],
    ["ok", german, { country: "DE" }],
    ["origin_forbidden", siteOnly, { origin: "https://evil.example" }],
    ["origin_forbidden", siteOnly, { origin: undefined }],
    ["ok", siteOnly, { origin: site }],
    ["ok", siteOnly, { origin: undefined, referer: `${site}/watch` }],
    ["place_forbidden", californian, { country: "US", region: "US-NY" }],
    ["place_forbidden", californian, { country: "US" }],
    ["ok", californian, { country: "US", region: "US-CA" }],
    ["player_refused", noFfmpeg, { userAgent: "Lavf/60.16.100" }],
    ["ok", noFfmpeg, { userAgent: "" }],
    ["asset_not_yet_available", premiere, {}],
    ["asset_no_longer_available", { available: { until: at(0) } }, {}],
  ])("gets %s with the conditions %j and the request %j", async (code, fields, request) => {
    const service = await serviceOf(fields);
    expect(codeOf(await service.start(request))).toBe(code);
    expect(codeOf(await service.start({}, {}, "other"))).toBe("ok");
  });

  it("uses no stream if the conditions are not met", async () => {
    const service = await serviceOf(german);
    await service.start({ country: "FR" });
    expect(service.events).toEqual([]);
  });

  it("gets the answer for a missing asset if the token does not name the asset", async () => {
    for (const fields of [german, siteOnly, premiere]) {
      const service = await serviceOf(fields);
      for (const claims of [{ assets: ["other"] }, { assets: [] }, { assets: ["other"], scope: "" }]) {
        const [known, unknown] = [await service.start({}, claims), await service.start({}, claims, "gone")];
        expect(known).toEqual(unknown);
      }
      expect(codeOf(await service.start({}, { assets: ["film"], scope: "other" }))).toBe("scope_insufficient");
    }
  });
});

describe("the end of an asset's availability window", () => {
  it("limits every session and manifest URL", async () => {
    const service = await serviceOf({ available: { until: at(200) } });
    const session = opened(await service.start());
    expect([session.sessionExpiresAt, session.manifestExpiresAt]).toEqual([at(200), at(200)]);
    const grant = openGrant(session.grant, service.context().keys, now);
    expect(grant.ok && grant.value.expiresAt).toBe(now + 200);
    service.later(199);
    expect(opened(await service.renew(session)).sessionExpiresAt).toBe(at(200));
  });

  it("extends no session", async () => {
    const service = await serviceOf({ session: 60, available: { until: at(200) } });
    expect(opened(await service.start()).sessionExpiresAt).toBe(at(60));
  });
});

describe("a renewal", () => {
  it("is refused in another country, and the session runs until its original end", async () => {
    const service = await serviceOf(german);
    const session = opened(await service.start({ country: "DE" }));
    expect(codeOf(await service.renew(session, {}, { country: "DE" }))).toBe("ok");
    expect(codeOf(await service.renew(session, {}, { country: "FR" }))).toBe("country_forbidden");
    expect(opened(await service.show(session, {}, { country: "FR" })).state).toBe("running");
  });

  it("is refused in another region and in a refused player", async () => {
    const service = await serviceOf({ ...californian, ...noFfmpeg });
    const here = { country: "US", region: "US-CA", userAgent: "" };
    const session = opened(await service.start(here));
    expect(codeOf(await service.renew(session, {}, here))).toBe("ok");
    expect(codeOf(await service.renew(session, {}, { ...here, region: "US-NY" }))).toBe("place_forbidden");
    expect(codeOf(await service.renew(session, {}, { ...here, userAgent: "Lavf/60" }))).toBe("player_refused");
  });

  it("is refused from another site's origin", async () => {
    const service = await serviceOf(siteOnly);
    const session = opened(await service.start({ origin: site }));
    expect(codeOf(await service.renew(session, {}, { origin: "https://evil.example" }))).toBe("origin_forbidden");
  });

  it("is refused if the window has closed since the start", async () => {
    const open = await sessionService({ assets: [asset("film")] });
    const session = opened(await open.start());
    const closed = await sessionService({
      assets: [asset("film", { available: { until: at(0) } })],
      keys: open.context().keys,
    });
    expect(codeOf(await closed.renew(session))).toBe("asset_no_longer_available");
  });
});
