import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import { rewritePlaylist } from "../../../src/package/playlist.ts";
import {
  cloudFront,
  mediaSigner,
  mintGrant,
  newSessionKey,
  sessionKeys,
  signMediaUrl,
  verifyGrant,
  verifyMediaUrl,
} from "../../../src/package/signing.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";

const now = 1_795_000_000;
const ring = { keys: [newSessionKey("k1")] };
const keys = await sessionKeys(ring);
const film = {
  issuer: "films",
  subject: "viewer-42",
  prefixes: ["/film/"],
  issuedAt: now,
  expiresAt: now + 3600,
} as const;
const grant = mintGrant(keys, film);
const url = signed({ grant, path: "/film/0.ts", purpose: "segment", expiry: now + 60 });

function signed(options: Parameters<typeof signMediaUrl>[1]): string {
  const made = signMediaUrl(keys, options);
  if (!made.ok) throw new Error(made.refusal.reason);
  return made.value;
}

function codeOf(target: string, options: Partial<Parameters<typeof verifyMediaUrl>[2]> = {}): string {
  const verified = verifyMediaUrl(keys, target, { issuer: "films", now, ...options });
  return verified.ok ? "accepted" : verified.refusal.code;
}

describe("a media URL", () => {
  it("is accepted by the edge worker's check", async () => {
    const parsed = parseKeyRing(ring);
    const catalog = parseCatalog({
      version: 1,
      assets: [{ id: "film", origin: { type: "r2", binding: "MEDIA", prefix: "film/" }, entry: "index.m3u8" }],
    });
    if (!parsed.ok || !catalog.ok) throw new Error("the double is invalid");
    const context = {
      keys: await prepareSessionKeys(parsed.value, nobleHmac),
      catalog: catalog.value,
      now: unixSeconds(now),
      grantIssuer: "films",
      client: "anybody",
    } as const;
    expect(checkMediaRequest(url, context)).toMatchObject({ verdict: "passed", access: { rest: "0.ts" } });
    const playlist = await rewritePlaylist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n", {
      path: "/film/index.m3u8",
      prefix: "/film/",
      sign: mediaSigner(keys, { grant }),
      now,
    });
    const variant = playlist.ok ? playlist.value.trim().split("\n").at(-1) : "";
    expect(checkMediaRequest(`/${grant}/film/${variant}`, context)).toMatchObject({ verdict: "passed" });
  });

  it("opens its file", () => {
    expect(verifyMediaUrl(keys, `${url}&_HLS_msn=7`, { issuer: "films", now })).toMatchObject({
      ok: true,
      value: { prefix: "/film/", file: "0.ts", purpose: "segment", expiry: now + 60, appended: "_HLS_msn=7" },
    });
  });

  it("is refused with any one character changed", () => {
    for (let i = 1; i < url.length; i++) {
      const other = url.charAt(i) === "A" ? "B" : "A";
      expect(codeOf(url.slice(0, i) + other + url.slice(i + 1))).not.toBe("accepted");
    }
  });

  it.each([
    ["signature_expired", { now: now + 60 }],
    ["grant_expired", { now: now + 3600 }],
    ["grant_invalid", { issuer: "other" }],
    ["signature_invalid", { session: true }],
  ])("is refused with %s for %j", (code, options) => {
    expect(codeOf(url, options)).toBe(code);
  });

  it("is refused below another asset, without a signature, and with dot segments", () => {
    expect(codeOf(url.replace("/film/", "/other/"))).toBe("path_not_covered");
    expect(codeOf(`/${grant}/film/0.ts`)).toBe("signature_missing");
    expect(codeOf(url.replace("/film/", "/film/../film/"))).toBe("path_invalid");
  });

  it("of one session is refused with the grant of another", () => {
    const own = signed({ grant, path: "/film/0.ts", purpose: "segment", expiry: now + 60, session: true });
    expect(codeOf(own, { session: true })).toBe("accepted");
    expect(codeOf(own.replace(grant, mintGrant(keys, film)), { session: true })).toBe("signature_invalid");
  });

  it("of a file needs a grant for files, which opens nothing else", () => {
    const files = mintGrant(keys, { ...film, use: "files" });
    const poster = { path: "/film/poster.jpg", purpose: "file", expiry: now + 60 } as const;
    expect(codeOf(signed({ ...poster, grant: files }))).toBe("accepted");
    expect(codeOf(signed({ ...poster, grant }))).toBe("path_not_covered");
    expect(codeOf(signed({ grant: files, path: "/film/0.ts", purpose: "segment", expiry: now + 60 }))).toBe(
      "path_not_covered",
    );
  });

  it("is not made for a path with a second spelling, or under a grant of another ring", async () => {
    const options = { grant, path: "/film/../0.ts", purpose: "segment", expiry: now } as const;
    expect(signMediaUrl(keys, options)).toMatchObject({ ok: false, refusal: { code: "path_invalid" } });
    const other = await sessionKeys({ keys: [newSessionKey("k1")] });
    expect(signMediaUrl(other, { ...options, path: "/film/0.ts" })).toMatchObject({
      ok: false,
      refusal: { code: "grant_invalid" },
    });
    expect(() => mediaSigner(other, { grant })).toThrow(TypeError);
  });
});

describe("a grant", () => {
  it("contains no subject", () => {
    expect(atob(grant.replaceAll("-", "+").replaceAll("_", "/"))).not.toContain("viewer-42");
  });

  it("is verified for its paths", () => {
    const verified = verifyGrant(keys, grant, { issuer: "films", path: "/film/index.m3u8", now });
    expect(verified).toMatchObject({ ok: true, value: { prefixes: ["/film/"], issuedAt: now, expiresAt: now + 3600 } });
    expect(verifyGrant(keys, grant, { issuer: "films", path: "/other/", now })).toMatchObject({ ok: false });
  });

  it("is not minted with a time in milliseconds, or a prefix that covers other assets", () => {
    expect(() => mintGrant(keys, { ...film, expiresAt: now * 1_000_000 })).toThrow(RangeError);
    expect(() => mintGrant(keys, { ...film, prefixes: ["/film"] })).toThrow(TypeError);
  });
});

describe("sessionKeys", () => {
  it("names every fault of a ring and quotes no key", async () => {
    const secret = "c2VjcmV0c2VjcmV0";
    const faulty = sessionKeys({ keys: [{ ...newSessionKey("k1"), k: secret }] });
    await expect(faulty).rejects.toThrow(/key "k1"/);
    await expect(faulty).rejects.not.toThrow(secret);
    await expect(sessionKeys({ keys: [] })).rejects.toThrow("npx stagedoor keys new");
  });
});

describe("cloudFront", () => {
  it("refuses IPv6 and milliseconds, and quotes no key that it cannot read", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const privateKey = await crypto.subtle.exportKey("jwk", pair.privateKey);
    const options = { baseUrl: "https://d1.cloudfront.net", keyPairId: "K1", privateKey };
    const { sign } = cloudFront(options);
    expect(sign({ path: "/a.ts", expires: now, address: "2001:db8::1" })).toMatchObject({
      ok: false,
      refusal: { code: "address_not_covered" },
    });
    expect(() => sign({ path: "/a.ts", expires: now * 1000 })).toThrow(RangeError);
    expect(() => cloudFront({ ...options, privateKey: "s3cret" })).toThrow(/^(?!.*s3cret).*cannot be read/);
  });
});
