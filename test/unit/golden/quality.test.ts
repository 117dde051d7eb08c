import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { type GrantClaims, mintGrant, openGrant } from "../../../src/signing/grant.ts";
import golden from "../../golden/quality-v1.json";
import { catalog, keyOf, keys, now } from "./version-1.ts";

describe("the golden file of a quality class", () => {
  it("is never edited", async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(golden)));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe("403308416ef3a2d33f38cf98e365fc85c3ef29143c3ba91d710eda745aec3e2a");
  });
});

describe("a grant and URLs of a quality class, of version 1", () => {
  const { claims, text } = golden.grant;
  const times = { issuedAt: unixSeconds(claims.issuedAt), expiresAt: unixSeconds(claims.expiresAt) };
  const own: GrantClaims = { ...claims, ...times };

  it("are still written the same way", () => {
    expect(openGrant(text, keys, now)).toEqual({ ok: true, value: { ...own, kid: golden.kid, text } });
    expect(mintGrant(own, keyOf(golden.kid))).toBe(text);
  });

  it.each(golden.urls)("are accepted: $purpose", ({ target }) => {
    const context = { keys, catalog, grantIssuer: "stagedoor", client: "anybody", now } as const;
    expect(checkMediaRequest(target, context)).toMatchObject({ verdict: "passed" });
  });
});
