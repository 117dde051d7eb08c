import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { credentialClaims } from "../../../src/sessions/identifiers.ts";
import { type GrantClaims, mintGrant, openGrant } from "../../../src/signing/grant.ts";
import golden from "../../golden/backends-v1.json";
import { keyOf, keys, now } from "./version-1.ts";

describe("the golden files of backends' grants", () => {
  it("are never edited", async () => {
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(golden)));
    const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex).toBe("651ea1c377bcf66cdd6fd5a529ae12e2055999cbae2242f3a55e028de1eab6c1");
  });
});

describe("a grant of a backend's viewer, of version 1", () => {
  it.each(golden.grants)("is accepted, and still written the same way: $name", ({ claims, text }) => {
    const { issuedAt, expiresAt, use, ...texts } = claims;
    const times = { issuedAt: unixSeconds(issuedAt), expiresAt: unixSeconds(expiresAt) };
    const own: GrantClaims = { ...texts, ...times, ...(use === "files" && { use }) };
    expect(openGrant(text, keys, now)).toEqual({ ok: true, value: { ...own, kid: golden.kid, text } });
    expect(mintGrant(own, keyOf(golden.kid))).toBe(text);
  });

  it("names its credential as today, so that revoking the credential, its name or its key ends it", () => {
    const { signer, ...names } = golden.credential;
    const { subject, token, login } = golden.grants[0]?.claims ?? {};
    expect(credentialClaims({ ...names, backend: { kid: signer } }, keyOf(golden.kid))).toEqual({
      ...{ subject, token, login, signer },
    });
  });
});
