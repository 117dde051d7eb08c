import { encode, Tagged } from "cborg";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { covers, type GrantClaims, mintGrant, openGrant, readClaims, writeClaims } from "../../../src/signing/grant.ts";
import type { SessionKeys } from "../../../src/signing/session-keys.ts";
import { claimsOf, keyOf, now, preparedKeys } from "./session.ts";

let keys: SessionKeys;
beforeAll(async () => {
  keys = await preparedKeys();
});

const bytes = (length: number, byte: number) => new Uint8Array(length).fill(byte);
const network = (family: 4 | 6, bits: number, ...start: number[]) => {
  const address = new Uint8Array(family === 4 ? 4 : 16);
  address.set(start);
  return { family, bits, bytes: address };
};

/** CBOR claims, with one of them replaced. */
function withClaim(label: number, value: unknown): Uint8Array {
  const claims = new Map<number, unknown>([
    [1, "stagedoor"],
    [2, "subject"],
    [4, now + 60],
    [6, now],
    [7, bytes(16, 7)],
    [310, 1],
    [312, new Map([[3, new Map([[1, "/film/"]])]])],
    [313, ["GET", "HEAD"]],
  ]);
  return encode(claims.set(label, value));
}

/** A catu claim with a regular expression for the path. */
function pattern(text: string) {
  return new Map([[3, new Map([[4, [text]]])]]);
}

describe("an optional claim of a grant", () => {
  const optional: readonly (readonly [string, Partial<GrantClaims>])[] = [
    ["a token", { token: encodeBase64url(bytes(16, 9)) }],
    ["a login", { login: encodeBase64url(bytes(16, 8)) }],
    ["a token and a login", { token: encodeBase64url(bytes(16, 9)), login: encodeBase64url(bytes(16, 8)) }],
    ["a /24 of IPv4", { network: network(4, 24, 192, 0, 2) }],
    ["a prefix with zeros at its end", { network: network(4, 24, 10) }],
    ["one IPv4 address", { network: network(4, 32, 192, 0, 2, 7) }],
    ["a /48 of IPv6", { network: network(6, 48, 0x20, 1, 0x0d, 0xb8) }],
    ["one IPv6 address", { network: network(6, 128, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) }],
    ["a user agent", { userAgent: encodeBase64url(bytes(32, 3)) }],
    ["a second asset", { otherPrefixes: ["/film-2/"] }],
    ["seven more prefixes", { otherPrefixes: ["/a/", "/b/", "/c/", "/d/", "/e/", "/f/", "/g/"] }],
    ["prefixes with special characters of a pattern", { otherPrefixes: ["/a.b/", "/$&(1)*+?|[x]{2}^\\/", "/\\|/"] }],
  ];

  it.each(optional)("is read as it was written: %s", (_, more) => {
    const claims = claimsOf(more);
    const opened = openGrant(mintGrant(claims, keyOf(keys, "2026-a")), keys, now);
    expect(opened).toMatchObject({ ok: true, value: claims });
  });

  it("with more prefixes covers exactly the paths below each of them", () => {
    const claims = claimsOf({ otherPrefixes: ["/film-2/", "/a.b/"] });
    const paths = ["/film/1.ts", "/film-2/1.ts", "/a.b/1.ts", "/film-3/1.ts", "/film-2", "/aXb/1.ts", "/x/film/1.ts"];
    expect(paths.map((path) => covers(claims, path))).toEqual([true, true, true, false, false, false, false]);
  });

  it("cannot list more than 8 prefixes or one without a final slash", () => {
    const nine = Array.from({ length: 8 }, (_, i) => `/${i}/`);
    expect(() => writeClaims(claimsOf({ otherPrefixes: nine }))).toThrow(TypeError);
    expect(() => writeClaims(claimsOf({ otherPrefixes: ["/film-2"] }))).toThrow(TypeError);
  });

  it("is absent if it is not set", () => {
    expect(readClaims(writeClaims(claimsOf()))).toEqual(claimsOf());
  });

  it("for a login does not change the bytes of grants without one, so that old grants stay valid", () => {
    const before = [
      "2D3RhEuiAQUERjIwMjYtYaBYd6kBaXN0YWdlZG9vcgJ2YzNWaWFtVmpkSE4xWW1wbFkzUnpkUQQaav3bIAYaav2GwAdQBwcHBwcHBwcHBwcHBw",
      "cHBxkBNgEZATihA6EBZi9maWxtLxkBOYJjR0VUZEhFQUQ6AAEAAFAJCQkJCQkJCQkJCQkJCQkJWCAnR1u0cJGZGSCkeh09-iHSOzG1xTr5zgyh",
      "GKZYFAOVbg",
    ].join("");
    const claims = claimsOf({ token: encodeBase64url(bytes(16, 9)) });
    expect(openGrant(before, keys, now)).toMatchObject({ ok: true, value: claims });
    expect(mintGrant(claims, keyOf(keys, "2026-a"))).toBe(before);
  });

  it("for a network is encoded as in RFC 9164, with its length and its bytes without trailing zeros", () => {
    const written = writeClaims(claimsOf({ network: network(4, 24, 192, 0, 2) }));
    // 52([24, h'c00002'])
    const expected = [0xd8, 0x34, 0x82, 0x18, 0x18, 0x43, 0xc0, 0x00, 0x02];
    expect(Buffer.from(written).toString("hex")).toContain(Buffer.from(expected).toString("hex"));
  });
});

describe("the parser of an authentic grant's claims", () => {
  it("accepts the claims that the following tests change", () => {
    expect(readClaims(withClaim(310, 1))).toBeDefined();
  });

  it.each<readonly [string, number, unknown]>([
    ["an unknown claim", 309, 1],
    ["an empty list of networks", 311, []],
    ["two networks", 311, [new Tagged(52, bytes(4, 1)), new Tagged(52, bytes(4, 2))]],
    ["an AS number", 311, [64496]],
    ["an address of another length", 311, [new Tagged(52, bytes(3, 1))]],
    ["another tag", 311, [new Tagged(53, bytes(4, 1))]],
    ["a prefix longer than an address", 311, [new Tagged(52, [33, bytes(4, 1)])]],
    ["more bytes than the prefix has", 311, [new Tagged(52, [8, bytes(2, 1)])]],
    ["a header other than the user agent", 315, new Map([["referer", new Map([[-1, bytes(32, 1)]])]])],
    ["another match", 315, new Map([["user-agent", new Map([[0, "Mozilla"]])]])],
    ["a hash of another length", 315, new Map([["user-agent", new Map([[-1, bytes(20, 1)]])]])],
    ["a token of another length", -65537, bytes(8, 1)],
    ["a token that is not a byte string", -65537, "token"],
    ["a login of another length", -65538, bytes(32, 1)],
    ["a login that is not a byte string", -65538, "login"],
    ["another private claim", -65539, bytes(16, 1)],
    ["a pattern that lists one prefix", 312, pattern("^(?:/film/)")],
    ["a pattern without its start", 312, pattern("(?:/film/|/b/)")],
    ["a pattern with an unescaped dot", 312, pattern("^(?:/film/|/a.b/)")],
    ["a pattern with a wildcard", 312, pattern("^(?:/film/|/.*/)")],
    ["a pattern with an end", 312, pattern("^(?:/film/|/b/)$")],
    ["a pattern with a prefix without a final slash", 312, pattern("^(?:/film/|/b)")],
    ["an empty pattern", 312, pattern("")],
    ["a pattern with a flag", 312, new Map([[3, new Map([[4, ["^(?:/film/|/b/)", "i"]]])]])],
    ["a pattern that is not a list", 312, new Map([[3, new Map([[4, "^(?:/film/|/b/)"]])]])],
  ])("refuses %s, which could restrict access", (_, label, value) => {
    expect(readClaims(withClaim(label, value))).toBeUndefined();
  });
});
