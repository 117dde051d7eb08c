import { describe, expect, it } from "vitest";
import { decodeBase64url } from "../../../src/base/encoding.ts";
import { loginName } from "../../../src/sessions/identifiers.ts";

describe("the name of a login", () => {
  it("is the same for whoever makes it: the log, the grant and the identity worker agree without a key", async () => {
    // printf '["login","https://id.example","s-1"]' | openssl dgst -sha256 -binary | head -c 16 | base64url
    expect(loginName("https://id.example", "s-1")).toBe("Avu4aUOc-BQ6Pae5AqZj3g");
  });

  it("has 128 bits, whatever it is made of", async () => {
    expect(decodeBase64url(loginName("", ""))).toHaveLength(16);
    expect(decodeBase64url(loginName("https://id.example", "ü".repeat(500)))).toHaveLength(16);
  });

  it("differs for another issuer, and wherever the two are cut apart otherwise", async () => {
    const names = await Promise.all([
      loginName("https://id.example", "s-1"),
      loginName("https://other.example", "s-1"),
      loginName('https://id.example","s', "-1"),
      loginName("https://id.example", "s-2"),
    ]);
    expect(new Set(names).size).toBe(4);
  });
});
