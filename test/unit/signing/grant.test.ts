import { encode } from "cborg";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url } from "../../../src/base/encoding.ts";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { envelopeBytes, macBytes } from "../../../src/signing/cose-mac0.ts";
import { mintGrant, openGrant } from "../../../src/signing/grant.ts";
import type { PreparedSessionKey } from "../../../src/signing/session-keys.ts";
import { claimsOf, grantOf, in6Hours, keyOf, now, preparedKeys, sessionKey } from "./session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
/** One whose last letter has bits that no byte needs, and that holds a letter of base64url's own. */
const grant =
  [..."abcdefghij"]
    .map((subject) => grantOf(key, { subject: subject.repeat(subject.charCodeAt(0)) }))
    .find((text) => text.length % 4 !== 0 && /[-_]/.test(text)) ?? "";
const bytes = decoded(grant);

function decoded(text: string): Uint8Array {
  const found = decodeBase64url(text);
  if (found === undefined) throw new Error("not base64url");
  return found;
}

function judge(text: string, at = now): string {
  const opened = openGrant(text, keys, at);
  return opened.ok ? "open" : opened.refusal.code;
}

/** A grant with an authentic MAC over whatever payload: what the key's holder could mint, or a later version will. */
function grantWith(payload: Uint8Array, by: PreparedSessionKey = key): string {
  return encodeBase64url(envelopeBytes(by.kid, payload, by.grant(macBytes(by.kid, payload))));
}

function payloadOf(changes: Iterable<[number, unknown]> = []): Uint8Array {
  const usual: [number, unknown][] = [
    [1, "stagedoor"],
    [2, "subject"],
    [4, in6Hours],
    [6, now],
    [7, new Uint8Array(16)],
    [310, 1],
    [312, new Map([[3, new Map([[1, "/film/"]])]])],
    [313, ["GET", "HEAD"]],
  ];
  const claims = new Map([...usual, ...changes]);
  for (const [label, value] of claims) if (value === undefined) claims.delete(label);
  return encode(claims);
}

describe("a grant", () => {
  it("gives back the claims that it was minted with", () => {
    expect(openGrant(grantOf(key), keys, now)).toEqual({
      ok: true,
      value: { ...claimsOf(), kid: "2026-a", text: grantOf(key) },
    });
  });

  it("is the same text for the same claims and key", () => {
    expect(grantOf(key)).toBe(grantOf(key));
    expect(grantOf(keyOf(keys, "2026-b"))).not.toBe(grantOf(key));
  });

  it("is a CWT in a tagged COSE_Mac0, and short", () => {
    expect([...bytes.subarray(0, 4)]).toEqual([0xd8, 61, 0xc0 | 17, 0x84]);
    expect(grantOf(key)).toMatch(/^[A-Za-z0-9_-]{1,220}$/);
  });

  it("still opens where every claim is as long as the configuration allows", async () => {
    const kid = "k".repeat(64);
    const long = await preparedKeys([sessionKey(kid, 9)]);
    const claims = claimsOf({ issuer: "日".repeat(64), prefix: `/${"a".repeat(64)}/` });
    expect(openGrant(mintGrant(claims, keyOf(long, kid)), long, now).ok).toBe(true);
  });

  it("is not minted for a prefix without a boundary", () => {
    expect(() => grantOf(key, { prefix: "/film" })).toThrow(TypeError);
  });
});

describe("a grant has one spelling", () => {
  it("which opens, so that the cases below prove something", () => {
    expect(judge(grant)).toBe("open");
  });

  const payloadAt = bytes.indexOf(0x58, 4);
  it.each([
    ["padding", `${grant}=`],
    ["the standard alphabet", grant.replaceAll("-", "+").replaceAll("_", "/")],
    ["a space", `${grant} `],
    ["a letter more", `${grant}A`],
    ["bytes behind it", encodeBase64url(new Uint8Array([...bytes, 0]))],
    ["no CWT tag", encodeBase64url(bytes.subarray(2))],
    ["no tag", encodeBase64url(bytes.subarray(3))],
    ["tag 18, COSE_Sign1", encodeBase64url(bytes.with(2, 0xd2))],
    ["the tag 61 in three bytes", encodeBase64url(new Uint8Array([0xd9, 0, 61, ...bytes.subarray(2)]))],
    [
      "an array of indefinite length",
      encodeBase64url(new Uint8Array([...bytes.subarray(0, 3), 0x9f, ...bytes.subarray(4), 0xff])),
    ],
    [
      "an array whose length takes two bytes",
      encodeBase64url(new Uint8Array([...bytes.subarray(0, 3), 0x98, 4, ...bytes.subarray(4)])),
    ],
    ["an array of five", encodeBase64url(new Uint8Array([...bytes.subarray(0, 3), 0x85, ...bytes.subarray(4), 0]))],
    [
      "a payload whose length takes four bytes",
      encodeBase64url(
        new Uint8Array([...bytes.subarray(0, payloadAt), 0x5a, 0, 0, 0, ...bytes.subarray(payloadAt + 1)]),
      ),
    ],
  ])("and is refused with %s", (_, text) => {
    expect(judge(text)).toBe("grant_invalid");
  });

  it("and is refused with any bit set that no byte needs", () => {
    const last = grant.slice(-1);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const others = [...alphabet].filter((letter) => letter !== last).map((letter) => grant.slice(0, -1) + letter);
    expect(new Set(others.map((text) => judge(text)))).toEqual(new Set(["grant_invalid"]));
  });

  it("and is refused with anything in its unprotected header, which the MAC does not cover", () => {
    const { payload, tag, header } = parts();
    for (const unprotected of [new Map([[4, utf8("2026-b")]]), new Map([[1, 5]]), []]) {
      const text = encodeBase64url(envelope(header, unprotected, payload, tag));
      expect(judge(text)).toBe("grant_invalid");
    }
    expect(encodeBase64url(envelope(header, new Map(), payload, tag))).toBe(grant);
  });

  it.each<[string, Map<number, unknown>]>([
    [
      "another algorithm",
      new Map<number, unknown>([
        [1, 4],
        [4, utf8("2026-a")],
      ]),
    ],
    ["no algorithm", new Map<number, unknown>([[4, utf8("2026-a")]])],
    ["no kid", new Map<number, unknown>([[1, 5]])],
    [
      "a kid that is text",
      new Map<number, unknown>([
        [1, 5],
        [4, "2026-a"],
      ]),
    ],
    [
      "a critical header",
      new Map<number, unknown>([
        [1, 5],
        [2, [-1]],
        [4, utf8("2026-a")],
      ]),
    ],
    [
      "its labels in another order",
      new Map<number, unknown>([
        [4, utf8("2026-a")],
        [1, 5],
      ]),
    ],
  ])("and is refused with %s in its protected header, though the MAC holds", (_, header) => {
    const { payload } = parts();
    const raw = _.includes("order") ? new Uint8Array([0xa2, 4, ...encode(utf8("2026-a")), 1, 5]) : encode(header);
    const tag = key.grant(encode(["MAC0", raw, new Uint8Array(), payload]));
    expect(judge(encodeBase64url(envelope(raw, new Map(), payload, tag)))).toBe("grant_invalid");
  });

  function parts() {
    const payload = payloadOfGrant();
    const header = encode(
      new Map<number, unknown>([
        [1, 5],
        [4, utf8("2026-a")],
      ]),
    );
    return { header, payload, tag: key.grant(macBytes("2026-a", payload)) };
  }

  function payloadOfGrant(): Uint8Array {
    const length = bytes[payloadAt + 1] ?? 0;
    return bytes.slice(payloadAt + 2, payloadAt + 2 + length);
  }

  function envelope(header: Uint8Array, unprotected: unknown, payload: Uint8Array, tag: Uint8Array): Uint8Array {
    return new Uint8Array([0xd8, 61, 0xd1, ...encode([header, unprotected, payload, tag])]);
  }
});

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe("claims that an authentic grant may not have", () => {
  it("takes the usual ones, so that the cases below prove something", () => {
    expect(judge(grantWith(payloadOf()))).toBe("open");
  });

  const strange: readonly [string, [number, unknown][]][] = [
    ["one that is not known here, which may forbid something", [[311, ["192.0.2.0/24"]]]],
    ["a not-before", [[5, now]]],
    ["no end", [[4, undefined]]],
    ["an end that is no time", [[4, -1]]],
    ["an end that is text", [[4, "1795021600"]]],
    ["an end with a fraction", [[4, 1_795_021_600.5]]],
    ["an end beyond all time", [[4, 2n ** 63n]]],
    ["another version", [[310, 2]]],
    ["a session id that is text", [[7, "id"]]],
    ["no subject", [[2, undefined]]],
    ["one method", [[313, ["GET"]]]],
    ["more methods", [[313, ["GET", "HEAD", "POST"]]]],
    ["a method that JSON cannot write", [[313, [2n ** 60n, "HEAD"]]]],
    ["methods as one text", [[313, "GET,HEAD"]]],
    ["a prefix without a boundary", [[312, new Map([[3, new Map([[1, "/film"]])]])]]],
    ["a prefix without a slash", [[312, new Map([[3, new Map([[1, "film/"]])]])]]],
    ["a suffix match", [[312, new Map([[3, new Map([[2, "/film/"]])]])]]],
    [
      "two matches",
      [
        [
          312,
          new Map([
            [
              3,
              new Map([
                [1, "/film/"],
                [2, ".ts/"],
              ]),
            ],
          ]),
        ],
      ],
    ],
    ["another part of the URI", [[312, new Map([[1, new Map([[1, "/film/"]])]])]]],
    [
      "a host as well",
      [
        [
          312,
          new Map([
            [1, new Map([[0, "h"]])],
            [3, new Map([[1, "/film/"]])],
          ]),
        ],
      ],
    ],
    ["no catu", [[312, undefined]]],
  ];
  it.each(strange)("%s", (_, changes) => {
    expect(judge(grantWith(payloadOf(changes)))).toBe("grant_invalid");
  });

  it("a payload that is no map, or holds a claim twice", () => {
    const twice = new Uint8Array([0xb8, 9, ...payloadOf().subarray(1), 1, 0x61, 0x78]);
    for (const payload of [encode([1]), encode("x"), new Uint8Array(), twice])
      expect(judge(grantWith(payload))).toBe("grant_invalid");
  });
});

describe("a grant and its key", () => {
  it("is refused under a kid that is not in the ring", () => {
    const stranger = { ...key, kid: "2026-x" };
    expect(judge(grantOf(stranger))).toBe("key_unknown");
  });

  it("is refused under the kid of another key", () => {
    expect(judge(grantOf({ ...key, kid: "2026-b" }))).toBe("grant_invalid");
  });

  it("is refused once its key has ended, and taken before its key begins, since clocks differ", () => {
    const ended = grantOf(keyOf(keys, "2025-z"));
    expect([judge(ended), judge(grantOf(keyOf(keys, "2027-a")))]).toEqual(["key_unknown", "open"]);
  });

  it("is not opened for its length beyond 1024 characters", () => {
    expect(judge("A".repeat(1025))).toBe("grant_invalid");
    const opened = openGrant("A".repeat(1025), keys, now);
    expect(opened.ok ? "" : opened.refusal.reason).toContain("too long");
  });

  it("is refused without an exception, whatever bytes a stranger sends", () => {
    const head = [0xd8, 0x3d, 0xd1, 0x84];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, headed) => {
        const text = encodeBase64url(new Uint8Array(headed ? [...head, ...noise] : noise));
        expect(judge(text)).toMatch(/^(grant_invalid|key_unknown)$/);
      }),
      { numRuns: 1000 },
    );
    expect(judge(encodeBase64url(new Uint8Array([...head, ...new Uint8Array(760).fill(0x81)])))).toBe("grant_invalid");
  });

  it("says nothing of itself in a refusal", () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const text = encodeBase64url(bytes.with(at, (bytes[at] ?? 0) ^ flip));
        const opened = openGrant(text, keys, now);
        expect(opened.ok).toBe(false);
        if (!opened.ok) expect(opened.refusal.reason).not.toMatch(/[A-Za-z0-9_-]{20}/);
      }),
    );
  });
});

describe("subjectHash", () => {
  it("tells issuers, subjects and keys apart, and nothing of either", () => {
    const pairs: readonly [string, string][] = [
      ["https://a", "b"],
      ["https://ab", ""],
      ["https://a\nb", ""],
      ['https://a","b', ""],
      ["", "https://ab"],
      ["https://a", "\ud800"],
    ];
    const hashes = pairs.map(([issuer, subject]) => subjectHash(key, issuer, subject));
    hashes.push(subjectHash(keyOf(keys, "2026-b"), "https://a", "b"));
    expect(new Set(hashes).size).toBe(7);
    for (const hash of hashes) expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });
});
