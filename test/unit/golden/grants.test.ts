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
 * What an earlier release wrote is in players' hands while this one is deployed, and what this one writes when it is rolled
 * back. Where a test here fails, the format has changed: give it a new version beside the old one, which is still read, and
 * golden files of its own (docs/operate/upgrade.md). The old ones stay as they are.
 */
describe("the golden files of version 1", () => {
  it("are never edited", async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(v1)));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe("25380948a97c6eb3e1d99062d41b2f5949ed94a17ed2b19a749e343f811444cb");
  });
});

describe("a grant of version 1", () => {
  it.each(v1.grants)("is taken: $name", (golden) => {
    const opened = openGrant(golden.text, keys, now);
    expect(opened).toEqual({ ok: true, value: { ...claimsOf(golden), kid: golden.kid, text: golden.text } });
  });

  it.each(v1.grants)("is written so today: $name", (golden) => {
    expect(mintGrant(claimsOf(golden), keyOf(golden.kid))).toBe(golden.text);
  });

  it("names its subject, token and login as today's does, so that they can be revoked", async () => {
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

  it.each(v1.mediaUrls)("is taken until it ends: $name", ({ target, purpose, path, query, expiry }) => {
    const judge = (at: number) => checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    expect(judge(expiry - 1)).toMatchObject({ verdict: "passed", access: { purpose, path, query, expiry } });
    expect(judge(expiry)).toMatchObject({ verdict: "expired", refusal: { code: "signature_expired" } });
  });

  it.each(v1.mediaUrls)("is written so today: $name", (golden) => {
    const { kid, text } = named(v1.grants, golden.grant);
    const parts = { path: golden.path, query: golden.query, expiry: unixSeconds(golden.expiry) };
    const purpose = (["playlist", "segment", "key"] as const).find((name) => name === golden.purpose) ?? "playlist";
    const signed = signedQuery(macFor(keyOf(kid), purpose, golden.bound ? text : undefined), purpose, parts);
    expect(`/${text}${golden.path}?${signed}`).toBe(golden.target);
  });

  it.each(v1.redirects)("is renewed by the same redirect: $of", ({ of, at, lifetime, step, location }) => {
    const { target } = named(v1.mediaUrls, of);
    const checked = checkMediaRequest(target, { ...context, now: unixSeconds(at) });
    if (checked.verdict !== "expired") throw new Error(`it is ${checked.verdict}`);
    const answer = renewUrl(checked.access, unixSeconds(at), seconds(lifetime), seconds(step));
    expect({ status: answer.status, location: answer.headers.get("Location") }).toEqual({ status: 307, location });
    const followed = checkMediaRequest(new URL(location, `https://media.example${target}`).href.slice(21), {
      ...context,
      now: unixSeconds(at),
    });
    expect(followed.verdict).toBe("passed");
  });

  it("covers each purpose, shared and bound", () => {
    const kinds = v1.mediaUrls.map(({ purpose, bound }) => `${purpose} ${bound}`);
    expect(new Set(kinds)).toEqual(
      new Set(["playlist true", "segment false", "segment true", "key false", "key true"]),
    );
    expect(unwrap(openGrant(named(v1.grants, "with everything").text, keys, now))).toHaveProperty("login");
  });
});
