import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import { type GrantClaims, mintGrant, openGrant } from "../../../src/signing/grant.ts";
import { signedQuery } from "../../../src/signing/media-url.ts";
import { macFor } from "../../../src/signing/session-keys.ts";
import golden from "../../golden/files-v1.json";
import { keyOf, keys, named, now, unwrap } from "./version-1.ts";

const catalog = unwrap(parseCatalog(golden.catalog));
const context = { keys, catalog, grantIssuer: "stagedoor", client: "anybody" } as const;
const { issuedAt, expiresAt, use: _, ...texts } = golden.claims;
const claims: GrantClaims = {
  ...texts,
  issuedAt: unixSeconds(issuedAt),
  expiresAt: unixSeconds(expiresAt),
  use: "files",
};

describe("the golden files of POST /files", () => {
  it("are never edited", async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(golden)));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe("26b88a1cb957238dbcbddbfd29761dff756c35a0bbb01adfe96cff227c2bbd57");
  });
});

describe("a grant for files of version 1", () => {
  it("is accepted, and still written the same way", () => {
    expect(openGrant(golden.grant, keys, now)).toMatchObject({ ok: true, value: claims });
    expect(mintGrant(claims, keyOf(golden.kid))).toBe(golden.grant);
  });
});

describe("a file URL of version 1", () => {
  it.each(golden.urls)("is accepted until it expires: $name", ({ target, path, expiry }) => {
    const check = (at: number) => checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    expect(check(expiry - 1)).toMatchObject({ verdict: "passed", access: { purpose: "file", path, expiry } });
    expect(check(expiry)).toMatchObject({ verdict: "expired", refusal: { code: "signature_expired" } });
  });

  it.each(golden.urls)("is still written the same way: $name", ({ target, path, query, expiry }) => {
    const mac = macFor(keyOf(golden.kid), "file", golden.grant);
    const signed = signedQuery(mac, "file", { path, query, expiry: unixSeconds(expiry) });
    expect(`/${golden.grant}${path}?${signed}`).toBe(target);
  });

  it.each(golden.redirects)("is renewed by the same redirect: $of", ({ of, at, lifetime, step, location }) => {
    const { target } = named(golden.urls, of);
    const checked = checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    if (checked.verdict !== "expired") throw new Error(`the URL is ${checked.verdict}, not expired`);
    const response = renewUrl(checked.access, unixSeconds(at), seconds(lifetime), seconds(step));
    expect({ status: response.status, location: response.headers.get("Location") }).toEqual({ status: 307, location });
  });

  it("carries a download's name", () => {
    const { target } = named(golden.urls, "a download with a name");
    expect(checkMediaRequest(target, { ...context, now })).toMatchObject({ access: { download: "Der Film – 4K.mp4" } });
  });
});
