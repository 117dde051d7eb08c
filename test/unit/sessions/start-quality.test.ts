import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

type Service = Awaited<ReturnType<typeof sessionService>>;

/** The quality class of a session's grant. */
function classOf(service: Service, grant: string): string | undefined {
  const found = openGrant(grant, service.context().keys, now);
  return found.ok ? found.value.qualityClass : found.refusal.code;
}

const claim = { quality_cap: { maxHeight: 720, excludeVideoRange: ["PQ", "HLG"] } };

describe("a start", () => {
  it("has the quality class of the token's claim, and a renewal that of its own token", async () => {
    const service = await sessionService();
    const session = opened(await service.start({ asset: "film" }, claim));
    expect(classOf(service, session.grant)).toBe("h720-xhlg-xpq");
    const upgraded = opened(await service.renew(session, { quality_cap: { maxHeight: 1080 } }));
    expect(classOf(service, upgraded.grant)).toBe("h1080");
    expect(classOf(service, opened(await service.renew(session)).grant)).toBeUndefined();
  });

  it.each([
    ["a text", "720p"],
    ["a misspelt member", { maxheight: 720 }],
    ["a height that is no number", { maxHeight: "720" }],
  ])("is refused if the claim is %s: it would grant every quality", async (_, quality_cap) => {
    const service = await sessionService();
    expect(codeOf(await service.start({ asset: "film" }, { quality_cap }))).toBe("token_invalid");
  });

  it("has the stricter of the claim and the entitlement service's answer", async () => {
    const service = await sessionService();
    const { context } = service;
    const entitlement = async () =>
      ok({ streams: undefined, until: undefined, quality: { maxHeight: 1080, maxBandwidth: 3_000_000 } });
    const credential = presenting(`Bearer ${await token(service.issuer, { assets: "*", ...claim })}`, context());
    const request = { ...usualRequest, credential, body: JSON.stringify({ asset: "film" }) };
    const session = opened(await startStream(request, { ...context(), entitlement }));
    expect(classOf(service, session.grant)).toBe("h720-b3000000-xhlg-xpq");
  });

  it("with a cap is refused for an asset that CloudFront serves, and its files are not", async () => {
    const cloud = { cdn: "cloudfront-signed", cloudfront: {}, files: ["*.jpg"] };
    const service = await sessionService({ assets: [asset("film", cloud)] });
    expect(codeOf(await service.start({ asset: "film" }, claim))).toBe("quality_unavailable");
    expect(codeOf(await service.start({ asset: "film" }))).toBe("ok");
    expect(codeOf(await service.files({ asset: "film", files: ["a.jpg"] }, claim))).toBe("ok");
  });
});
