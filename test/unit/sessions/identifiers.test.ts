import { describe, expect, it } from "vitest";
import { decodeBase64url } from "../../../src/base/encoding.ts";
import { loginDigest } from "../../../src/sessions/identifiers.ts";

describe("the digest of a login", () => {
  it("is SHA-256 of issuer and sid without a key, so that log, grants and identity worker agree", async () => {
    // printf '["login","https://id.example","s-1"]' | openssl dgst -sha256 -binary | head -c 16 | base64url
    expect(loginDigest("https://id.example", "s-1")).toBe("Avu4aUOc-BQ6Pae5AqZj3g");
  });

  it("has 128 bits for input of any length", async () => {
    expect(decodeBase64url(loginDigest("", ""))).toHaveLength(16);
    expect(decodeBase64url(loginDigest("https://id.example", "ü".repeat(500)))).toHaveLength(16);
  });

  it("differs for another issuer, another sid, and another split of the same text", async () => {
    const names = await Promise.all([
      loginDigest("https://id.example", "s-1"),
      loginDigest("https://other.example", "s-1"),
      loginDigest('https://id.example","s', "-1"),
      loginDigest("https://id.example", "s-2"),
    ]);
    expect(new Set(names).size).toBe(4);
  });
});
