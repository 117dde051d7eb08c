import { describe, expect, it } from "vitest";
import { rfc3339, unixSeconds } from "../../../src/base/time.ts";
import type { SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

const at = (by: number) => rfc3339(unixSeconds(now + by));
const site = "https://www.example.com";

const german = { countries: { only: ["DE"] } };
const ofSite = { origins: [site] };
const premiere = { available: { from: at(100), until: at(1000) } };

async function stageOf(fields: object) {
  const stage = await sessionStage({ assets: [asset("film", fields), asset("other")] });
  const start = async (more: Partial<SessionRequest> = {}, claims: object = {}, id = "film") => {
    const context = stage.context();
    const credential = presenting(`Bearer ${await token(stage.issuer, { assets: "*", ...claims })}`, context);
    return startStream({ ...usualRequest, credential, body: JSON.stringify({ asset: id }), ...more }, context);
  };
  return { ...stage, start };
}

describe("an asset's conditions at a start", () => {
  it.each([
    ["country_forbidden", german, { country: "FR" }],
    ["country_forbidden", german, { country: undefined }],
    ["ok", german, { country: "DE" }],
    ["origin_forbidden", ofSite, { origin: "https://evil.example" }],
    ["origin_forbidden", ofSite, { origin: undefined }],
    ["ok", ofSite, { origin: site }],
    ["asset_not_yet_available", premiere, {}],
    ["asset_no_longer_available", { available: { until: at(0) } }, {}],
  ])("%s: %j from %j", async (code, fields, from) => {
    const stage = await stageOf(fields);
    expect(codeOf(await stage.start(from))).toBe(code);
    expect(codeOf(await stage.start({}, {}, "other"))).toBe("ok");
  });

  it("take no place among the viewer's streams where they do not hold", async () => {
    const stage = await stageOf(german);
    await stage.start({ country: "FR" });
    expect(stage.events).toEqual([]);
  });

  it("show to a token alone that names the asset: else every answer is that for an asset that there is not", async () => {
    for (const fields of [german, ofSite, premiere]) {
      const stage = await stageOf(fields);
      for (const claims of [{ assets: ["other"] }, { assets: [] }, { assets: ["other"], scope: "" }]) {
        const [known, unknown] = [await stage.start({}, claims), await stage.start({}, claims, "gone")];
        expect(known).toEqual(unknown);
      }
      expect(codeOf(await stage.start({}, { assets: ["film"], scope: "other" }))).toBe("scope_insufficient");
    }
  });
});

describe("an asset's window", () => {
  it("ends every session that was started in it, and its manifest URL", async () => {
    const stage = await stageOf({ available: { until: at(200) } });
    const session = opened(await stage.start());
    expect([session.sessionExpiresAt, session.manifestExpiresAt]).toEqual([at(200), at(200)]);
    const grant = openGrant(session.grant, stage.context().keys, now);
    expect(grant.ok && grant.value.expiresAt).toBe(now + 200);
    stage.later(199);
    expect(opened(await stage.renew(session)).sessionExpiresAt).toBe(at(200));
  });

  it("makes no session longer", async () => {
    const stage = await stageOf({ session: 60, available: { until: at(200) } });
    expect(opened(await stage.start()).sessionExpiresAt).toBe(at(60));
  });
});

describe("a renewal", () => {
  it("is refused where the viewer has gone to another country, and the session ends when it would have", async () => {
    const stage = await stageOf(german);
    const session = opened(await stage.start({ country: "DE" }));
    expect(codeOf(await stage.renew(session, {}, { country: "DE" }))).toBe("ok");
    expect(codeOf(await stage.renew(session, {}, { country: "FR" }))).toBe("country_forbidden");
    expect(opened(await stage.show(session, {}, { country: "FR" })).state).toBe("running");
  });

  it("is refused on another site", async () => {
    const stage = await stageOf(ofSite);
    const session = opened(await stage.start({ origin: site }));
    expect(codeOf(await stage.renew(session, {}, { origin: "https://evil.example" }))).toBe("origin_forbidden");
  });

  it("is refused where the window was closed meanwhile", async () => {
    const open = await sessionStage({ assets: [asset("film")] });
    const session = opened(await open.start());
    const shut = await sessionStage({
      assets: [asset("film", { available: { until: at(0) } })],
      keys: open.context().keys,
    });
    expect(codeOf(await shut.renew(session))).toBe("asset_no_longer_available");
  });
});
