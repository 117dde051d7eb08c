import { describe, expect, it } from "vitest";
import { readAuthorization } from "../../../src/auth/read-credential.ts";
import { identityToken } from "./sources.ts";

const token = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";

function read(header: string | null): string {
  const result = readAuthorization(header);
  if (!result.ok) return result.refusal.code;
  const { value } = result;
  return "token" in value ? `${value.kind} ${value.form} ${value.token}` : value.kind;
}

describe("the Authorization header", () => {
  it.each([
    ["bearer", `Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`, `Bearer  ${token}`, ` Bearer ${token} `],
    ["dpop", `DPoP ${token}`, `dpop ${token}`, `DPOP ${token}`, `DPoP   ${token}`],
  ])("with the scheme %s in any letter case carries a token (RFC 9110 §11.1)", (is, ...headers) => {
    expect(headers.map(read)).toEqual(headers.map(() => `${is} jws ${token}`));
  });

  it.each(["x", "ory_at_AbC.dEf", "a.b", "00D8~x+y/z==", identityToken, `${"a".repeat(32)}.${"+/".repeat(21)}A=`])(
    "carries an opaque token: %s",
    (opaque) => {
      expect(read(`Bearer ${opaque}`)).toBe(`bearer opaque ${opaque}`);
    },
  );

  const withoutToken: readonly [code: string, ...headers: (string | null)[]][] = [
    ["none", null, "", " "],
    ["foreign", "Basic dXNlcjpwYXNz", token, `Bearer\t${token}`, `Bearer:${token}`, 'Digest a="b", c="d"'],
    ["request_invalid", "Bearer", "Bearer ", "DPoP", `Bearer ${token} ${token}`, `Bearer ${token} x=1`],
    ["request_invalid", `Bearer ${token}, Bearer ${token}`, `Bearer ${token},${token}`, `DPoP ${token}, Bearer x`],
    ["request_invalid", `Basic dXNlcjpwYXNz, Bearer ${token}`, `Basic x,DPoP ${token}`, 'Digest a="b", bearer x'],
    ["token_invalid", "Bearer ...", "Bearer e30.e30.", "Bearer .e30.AAAA", "Bearer e30..AAAA", "Bearer a.b.c.d"],
    ["token_invalid", "Bearer e30.e30.AAAA.AAAA.AAAA", "Bearer e30.e30.AAAA=", "Bearer e30.e30.AAA+"],
    ["token_invalid", "Bearer e31.e30.AAAA", `Bearer "${token}"`, `Bearer ${token}%0A`, `Bearer ${token}é`],
    ["token_invalid", 'Bearer "x"', "Bearer x!", "Bearer a=b", "Bearer =", "Bearer \u{1f511}", "Bearer x;y"],
  ];
  it.each(withoutToken)("is read as %s if it is %s", (code, ...headers) => {
    expect(headers.map(read)).toEqual(headers.map(() => code));
  });

  it("is refused with a token of more than 8192 characters", () => {
    const jws = (length: number) => `e30.e30.${"A".repeat(length - 8)}`;
    expect(read(`Bearer ${jws(8192)}`)).toBe(`bearer jws ${jws(8192)}`);
    expect(read(`Bearer ${jws(8194)}`)).toBe("token_invalid");
    expect(read(`Bearer ${"a".repeat(8192)}`)).toMatch(/^bearer opaque/);
    expect(read(`Bearer ${"a".repeat(8193)}`)).toBe("token_invalid");
  });
});
