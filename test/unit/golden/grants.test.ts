import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import { loginDigest, subjectHash, tokenHash } from "../../../src/sessions/identifiers.ts";
import { mintGrant, openGrant } from "../../../src/signing/grant.ts";
import { signedQuery } from "../../../src/signing/media-url.ts";
import { macFor } from "../../../src/signing/session-keys.ts";
import { catalog, claimsOf, keyOf, keys, named, now, unwrap, v1 } from "./version-1.ts";

/**
 * Players hold URLs of an earlier release while this one is deployed, and URLs of this one when it is rolled back. If a
 * test here fails, the format has changed: add a new version next to the old one, which is still read, with golden files
 * of its own (docs/operate/upgrade.md). The old files stay as they are.
 */
describe("the golden files of version 1", () => {
  it("are never edited", async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(v1)));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe("25380948a97c6eb3e1d99062d41b2f5949ed94a17ed2b19a749e343f811444cb");
  });
});

describe("a grant of version 1", () => {
  it.each(v1.grants)("is accepted: $name", (golden) => {
    const opened = openGrant(golden.text, keys, now);
    expect(opened).toEqual({ ok: true, value: { ...claimsOf(golden), kid: golden.kid, text: golden.text } });
  });

  it.each(v1.grants)("is still written the same way: $name", (golden) => {
    expect(mintGrant(claimsOf(golden), keyOf(golden.kid))).toBe(golden.text);
  });

  it("hashes its subject, token and login as today, so that they can be revoked", async () => {
    const { issuer, subject, jti, sid, kid, ...hashes } = v1.names;
    expect({
      subjectHash: subjectHash(keyOf(kid), issuer, subject),
      tokenHash: tokenHash(keyOf(kid), issuer, jti),
      loginName: loginDigest(issuer, sid),
    }).toEqual(hashes);
  });
});

describe("a URL of version 1", () => {
  const context = { keys, catalog, grantIssuer: "stagedoor", client: "anybody" } as const;

  it.each(v1.mediaUrls)("is accepted until it expires: $name", ({ target, purpose, path, query, expiry }) => {
    const check = (at: number) => checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    expect(check(expiry - 1)).toMatchObject({ verdict: "passed", access: { purpose, path, query, expiry } });
    expect(check(expiry)).toMatchObject({ verdict: "expired", refusal: { code: "signature_expired" } });
  });

  it.each(v1.mediaUrls)("is still written the same way: $name", (golden) => {
    const { kid, text } = named(v1.grants, golden.grant);
    const parts = { path: golden.path, query: golden.query, expiry: unixSeconds(golden.expiry) };
    const purpose = (["playlist", "segment", "key"] as const).find((name) => name === golden.purpose) ?? "playlist";
    const signed = signedQuery(macFor(keyOf(kid), purpose, golden.bound ? text : undefined), purpose, parts);
    expect(`/${text}${golden.path}?${signed}`).toBe(golden.target);
  });

  it.each(v1.redirects)("is renewed by the same redirect: $of", ({ of, at, lifetime, step, location }) => {
    const { target } = named(v1.mediaUrls, of);
    const checked = checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    if (checked.verdict !== "expired") throw new Error(`the URL is ${checked.verdict}, not expired`);
    const response = renewUrl(checked.access, unixSeconds(at), seconds(lifetime), seconds(step));
    expect({ status: response.status, location: response.headers.get("Location") }).toEqual({ status: 307, location });
    const redirected = checkMediaRequest(new URL(location, `https://media.example${target}`).href.slice(21), {
      ...context,
      now: unixSeconds(at),
    });
    expect(redirected.verdict).toBe("passed");
  });

  it("is golden for each purpose, shared and bound", () => {
    const kinds = v1.mediaUrls.map(({ purpose, bound }) => `${purpose} ${bound}`);
    expect(new Set(kinds)).toEqual(
      new Set(["playlist true", "segment false", "segment true", "key false", "key true"]),
    );
    expect(unwrap(openGrant(named(v1.grants, "with everything").text, keys, now))).toHaveProperty("login");
  });
});
