import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readBearerToken } from "../../../src/credential/bearer.ts";

const token = "eyJhbGciOiJFUzI1NiJ9.e30.AAAA";

function read(header: string | undefined): string {
  const found = readBearerToken(header);
  return found.ok ? found.value : found.refusal.code;
}

describe("readBearerToken", () => {
  it.each([`Bearer ${token}`, `bearer ${token}`, `BEARER ${token}`, `Bearer  ${token}`, ` Bearer ${token} `])(
    "reads %j (RFC 6750 §2.1, RFC 9110 §11.1)",
    (header) => {
      expect(read(header)).toBe(token);
    },
  );

  const refused: readonly [code: string, ...headers: (string | undefined)[]][] = [
    [
      "token_missing",
      undefined,
      "",
      " ",
      "Basic dXNlcjpwYXNz",
      "DPoP a.b.c",
      token,
      `Bearer\t${token}`,
      `Bearer:${token}`,
    ],
    ["request_invalid", "Bearer", "Bearer ", `Bearer ${token} ${token}`, `Bearer ${token}, Bearer ${token}`],
    ["request_invalid", `Bearer ${token},${token}`, `Bearer ${token} x=1`],
    [
      "token_invalid",
      "Bearer x",
      "Bearer a.b",
      "Bearer ...",
      "Bearer e30.e30.",
      "Bearer .e30.AAAA",
      "Bearer e30..AAAA",
    ],
    [
      "token_invalid",
      "Bearer e30.e30.AAAA.AAAA.AAAA",
      "Bearer e30.e30.AAAA=",
      "Bearer e30.e30.AAA+",
      "Bearer e31.e30.AAAA",
    ],
    ["token_invalid", `Bearer "${token}"`, `Bearer ${token}\n`.replace("\n", "%0A"), `Bearer ${token}é`],
  ];
  it.each(refused)("says %s", (code, ...headers) => {
    expect(headers.map(read)).toEqual(headers.map(() => code));
  });

  it("takes no token beyond 8192 characters", () => {
    const of = (length: number) => `e30.e30.${"A".repeat(length - 8)}`;
    expect(read(`Bearer ${of(8192)}`)).toBe(of(8192));
    expect(read(`Bearer ${of(8194)}`)).toBe("token_invalid");
  });

  it("has an answer for every header, and quotes none of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("", "Bearer ", `Bearer ${token}`), (noise, start) => {
        const found = readBearerToken(start + noise);
        if (found.ok) expect(start + noise).toContain(found.value);
        else expect(found.refusal.reason).not.toContain("eyJ");
      }),
    );
  });
});
