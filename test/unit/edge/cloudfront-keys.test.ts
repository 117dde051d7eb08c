import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import type { EdgeKey } from "../../../src/keys/key.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { api, start } from "../api/start.ts";
import { token } from "../auth/tokens.ts";
import { unwrap } from "../signing/samples.ts";
import { client, grantIssuer, grantOf, keyOf, now, ringKeys, sessionKey, signedTarget } from "../signing/session.ts";

const edgeKey: EdgeKey = { ...sessionKey("cf-1", 77), purpose: "cloudfront-session" };
const ring = { keys: [...ringKeys, edgeKey] };
const cdnUrl = "https://d1.cloudfront.net";
const asset = (id: string, fields = {}) => ({
  ...{ id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8", ...fields },
});
const catalog = unwrap(
  parseCatalog({ version: 1, assets: [asset("film"), asset("sea", { cdn: "cloudfront", cdnUrl })] }),
);
const keys = await prepareSessionKeys(ring, nobleHmac);
const edgeKeys = await prepareSessionKeys(ring, nobleHmac, ["cloudfront-session"]);
const cloudFrontKeys = await prepareSessionKeys(ring, nobleHmac, ["session", "cloudfront-session"]);

describe("a key of CloudFront's function", () => {
  const context = { keys, cloudFrontKeys, catalog, now, grantIssuer, client };
  const verdict = (kid: string, id: string, more: readonly string[] = []) => {
    const key = keyOf(cloudFrontKeys, kid);
    const grant = grantOf(key, { prefix: `/${id}/`, otherPrefixes: more });
    const checked = checkMediaRequest(signedTarget(key, { purpose: "segment", grant, path: `/${id}/0.ts` }), context);
    return checked.verdict === "refused" ? checked.refusal.code : checked.verdict;
  };

  it("is no session key, and is active in addition to one", () => {
    expect([...keys.keys()]).not.toContain("cf-1");
    expect([...edgeKeys.keys()]).toEqual(["cf-1"]);
    const active = [...ringKeys.slice(0, 1), edgeKey].map((key) => ({ ...key, state: "active" }));
    expect(parseKeyRing({ keys: active })).toMatchObject({ ok: true });
    const two = [edgeKey, { ...edgeKey, kid: "cf-2" }].map((key) => ({ ...key, state: "active" }));
    expect(parseKeyRing({ keys: two })).toMatchObject({ ok: false, refusal: [expect.stringContaining("both active")] });
  });

  it("opens assets at CloudFront at the media host, and no other, whatever its grant covers", () => {
    expect(verdict("cf-1", "sea")).toBe("passed");
    expect(verdict("cf-1", "film")).toBe("key_unknown");
    expect(verdict("cf-1", "film", ["/sea/"])).toBe("key_unknown");
    expect(verdict("2026-a", "sea")).toBe("passed");
  });
});

describe("a session of an asset at CloudFront", () => {
  const catalogue = async () => ({ ok: true as const, value: catalog });
  const stage = () => api({ keys, edgeKeys, catalog: catalogue });
  const body = (id: string) => JSON.stringify({ asset: id });

  async function started(id: string) {
    const own = await stage();
    const viewer = await token(own.issuer, { assets: "*" });
    const response = await own.send("/stream/start", start(viewer, body(id)));
    return { own, viewer, json: Object(await response.json()) };
  }

  it("has its manifest at the distribution, a grant of CloudFront's key, and the viewer's usual name", async () => {
    const [sea, film] = [await started("sea"), await started("film")];
    expect(sea.json.manifestUrl).toMatch(/^https:\/\/d1\.cloudfront\.net\/2D3R[\w-]+\/sea\/index\.m3u8\?list=/);
    expect(film.json.manifestUrl).toMatch(/^https:\/\/media\.example\//);
    const [of, other] = [openGrant(sea.json.grant, edgeKeys, now), openGrant(film.json.grant, keys, now)];
    if (!of.ok || !other.ok) throw new Error("a start has a grant");
    expect([of.value.kid, other.value.kid]).toEqual(["cf-1", expect.stringMatching(/^202/)]);
    expect(of.value.subject).toBe(other.value.subject);
  });

  it("is renewed and ended by its viewer", async () => {
    const { own, viewer, json } = await started("sea");
    const headers = { Authorization: `Bearer ${viewer}`, "CTA-Common-Access-Token": json.grant };
    const renewed = await own.send(`/stream/${json.sessionId}/renew`, { method: "POST", headers });
    expect([renewed.status, Object(await renewed.json()).manifestUrl]).toEqual([200, expect.stringContaining(cdnUrl)]);
    const ended = await own.send(`/stream/${json.sessionId}`, { method: "DELETE", headers });
    expect(ended.status).toBe(204);
  });

  it("is refused without an active key of CloudFront's function", async () => {
    const own = await api({ keys, catalog: catalogue });
    const response = await own.send("/stream/start", start(await token(own.issuer, { assets: "*" }), body("sea")));
    expect([response.status, Object(await response.json()).code]).toEqual([500, "configuration_invalid"]);
  });

  it("needs the viewer's own token: a grant that a holder of the key made for another asset has no routes", async () => {
    const { own, viewer, json } = await started("sea");
    const of = openGrant(json.grant, edgeKeys, now);
    if (!of.ok) throw new Error("a start has a grant");
    const forged = grantOf(keyOf(edgeKeys, "cf-1"), { ...of.value, prefix: "/film/" });
    const headers = { Authorization: `Bearer ${viewer}`, "CTA-Common-Access-Token": forged };
    const response = await own.send(`/stream/${json.sessionId}`, { headers });
    expect([response.status, Object(await response.json()).code]).toEqual([403, "key_unknown"]);
  });
});
