import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { mediaPurposes } from "../../../src/base/media-purpose.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { signatureOf } from "../../../src/signing/media-url.ts";
import { macFor } from "../../../src/signing/session-keys.ts";
import { catalog, client, grantIssuer, grantOf, keyOf, now, preparedKeys, signedTarget } from "./session.ts";

const bytes = new Uint8Array(32).fill(1); // the key 2026-a
const utf8 = (text: string) => new TextEncoder().encode(text);

/** HMAC-SHA256 by WebCrypto, under a key derived by HKDF if there is an info: an independent implementation. */
async function mac(message: string, info?: string): Promise<Uint8Array> {
  const material = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  const derivation = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: utf8(info ?? "") };
  const raw = info === undefined ? bytes : await crypto.subtle.deriveBits(derivation, material, 256);
  return macUnder(new Uint8Array(raw), message);
}

async function macUnder(raw: Uint8Array<ArrayBuffer>, message: string): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, utf8(message)));
}

describe("the keys derived from a session key", () => {
  it.each(mediaPurposes)("are those of HKDF-SHA256 for a %s, so that URLs survive a deployment", async (purpose) => {
    const { url } = keyOf(await preparedKeys(), "2026-a");
    const parts = { path: "/film/360p/0.ts", query: "v=2", expiry: now };
    const expected = await mac(`${purpose}\n\n/film/360p/0.ts\nv=2\n1795000000`, `stagedoor/v1/${purpose}`);
    expect(signatureOf(url[purpose], purpose, parts)).toBe(encodeBase64url(expected.subarray(0, 16)));
    const classed = await mac(`${purpose}\nhd\n/film/360p/0.ts\nv=2\n1795000000`, `stagedoor/v1/${purpose}`);
    const qualityClass = "hd";
    expect(signatureOf(url[purpose], purpose, { ...parts, qualityClass })).toBe(
      encodeBase64url(classed.subarray(0, 16)),
    );
  });

  it.each(mediaPurposes)(
    "of a %s differ per session if a grant is given, as the HMAC of the grant",
    async (purpose) => {
      const key = keyOf(await preparedKeys(), "2026-a");
      const parts = { path: "/film/360p/0.ts", query: "", expiry: now };
      const sessionKey = await macUnder(new Uint8Array(await mac("Zz", `stagedoor/v1/session/${purpose}`)), "");
      expect(encodeBase64url(macFor(key, purpose, "Zz")(""))).toBe(encodeBase64url(sessionKey));
      const expected = await macUnder(
        new Uint8Array(await mac("Zz", `stagedoor/v1/session/${purpose}`)),
        `${purpose}\n\n/film/360p/0.ts\n\n1795000000`,
      );
      expect(signatureOf(macFor(key, purpose, "Zz"), purpose, parts)).toBe(encodeBase64url(expected.subarray(0, 16)));
      expect(macFor(key, purpose, "Zz")).toBe(macFor(key, purpose, "Zz"));
      expect(signatureOf(macFor(key, purpose, "Zy"), purpose, parts)).not.toBe(
        signatureOf(macFor(key, purpose, "Zz"), purpose, parts),
      );
      expect(macFor(key, purpose, undefined)).toBe(key.url[purpose]);
    },
  );

  it("differ per use, and only the one for grants is the session key itself", async () => {
    const { grant, subject, url } = keyOf(await preparedKeys(), "2026-a");
    const macs = [grant, subject, ...mediaPurposes.map((purpose) => url[purpose])].map((mac) =>
      encodeBase64url(mac("x")),
    );
    expect(new Set(macs).size).toBe(6);
    expect(macs[0]).toBe(encodeBase64url(await mac("x")));
    expect(macs[1]).toBe(encodeBase64url(await mac("x", "stagedoor/v1/subject")));
  });

  it("yield different signatures for every combination of key purpose and signed purpose", async () => {
    const { url } = keyOf(await preparedKeys(), "2026-a");
    const parts = { path: "/film/360p/0.ts", query: "v=2", expiry: now };
    const signatures = mediaPurposes.flatMap((by) =>
      mediaPurposes.map((purpose) => signatureOf(url[by], purpose, parts)),
    );
    expect(new Set(signatures).size).toBe(16);
  });

  it.each(mediaPurposes)("of a %s cannot sign a valid URL of another purpose", async (purpose) => {
    const keys = await preparedKeys();
    const key = keyOf(keys, "2026-a");
    const mac = key.url[purpose];
    const bound = (_: string, grant: string) => key.bound(purpose, grant);
    const misused = { ...key, url: { playlist: mac, segment: mac, key: mac, file: mac }, bound };
    const verdicts = (by: typeof key) =>
      mediaPurposes.map((as) => {
        const grant = grantOf(key, as === "file" ? { use: "files" } : {});
        const target = signedTarget(by, { purpose: as, grant, path: as === "file" ? "/film/a.jpg" : "/film/a.ts" });
        return checkMediaRequest(target, { keys, catalog, grantIssuer, client, now }).verdict;
      });
    expect(verdicts(key)).toEqual(["passed", "passed", "passed", "passed"]);
    expect(verdicts(misused)).toEqual(mediaPurposes.map((as) => (as === purpose ? "passed" : "refused")));
  });

  it("differ per session key", async () => {
    const keys = await preparedKeys();
    const macs = [...keys.values()].map(({ url }) => encodeBase64url(url.segment("x")));
    expect(new Set(macs).size).toBe(keys.size);
  });
});
