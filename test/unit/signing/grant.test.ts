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
/** A grant whose last letter has unused bits, and that contains "-" or "_". */
const grant =
  [..."abcdefghij"]
    .map((subject) => grantOf(key, { subject: subject.repeat(subject.charCodeAt(0)) }))
    .find((text) => text.length % 4 !== 0 && /[-_]/.test(text)) ?? "";
const bytes = decoded(grant);

function decoded(text: string): Uint8Array {
  const result = decodeBase64url(text);
  if (result === undefined) throw new Error("not base64url");
  return result;
}

function outcomeOf(text: string, at = now): string {
  const opened = openGrant(text, keys, at);
  return opened.ok ? "open" : opened.refusal.code;
}

/** A grant with an authentic MAC over any payload, as a later version could mint it. */
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
  it("opens to the claims that it was minted with", () => {
    expect(openGrant(grantOf(key), keys, now)).toEqual({
      ok: true,
      value: { ...claimsOf(), kid: "2026-a", text: grantOf(key) },
    });
  });

  it("is the same text for the same claims and key", () => {
    expect(grantOf(key)).toBe(grantOf(key));
    expect(grantOf(keyOf(keys, "2026-b"))).not.toBe(grantOf(key));
  });

  it("is a CWT in a tagged COSE_Mac0 of at most 220 characters", () => {
    expect([...bytes.subarray(0, 4)]).toEqual([0xd8, 61, 0xc0 | 17, 0x84]);
    expect(grantOf(key)).toMatch(/^[A-Za-z0-9_-]{1,220}$/);
  });

  it("opens with the longest claims that the configuration allows", async () => {
    const kid = "k".repeat(64);
    const long = await preparedKeys([sessionKey(kid, 9)]);
    const claims = claimsOf({ issuer: "日".repeat(64), prefix: `/${"a".repeat(64)}/` });
    expect(openGrant(mintGrant(claims, keyOf(long, kid)), long, now).ok).toBe(true);
  });

  it("is not minted for a prefix without a final slash", () => {
    expect(() => grantOf(key, { prefix: "/film" })).toThrow(TypeError);
  });
});

describe("an authentic grant", () => {
  it("opens in the spelling that the following tests change", () => {
    expect(outcomeOf(grant)).toBe("open");
  });

  const payloadAt = bytes.indexOf(0x58, 4);
  it.each([
    ["padding", `${grant}=`],
    ["the standard alphabet", grant.replaceAll("-", "+").replaceAll("_", "/")],
    ["a space", `${grant} `],
    ["an additional letter", `${grant}A`],
    ["additional bytes", encodeBase64url(new Uint8Array([...bytes, 0]))],
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
    [
      "an array of five items",
      encodeBase64url(new Uint8Array([...bytes.subarray(0, 3), 0x85, ...bytes.subarray(4), 0])),
    ],
    [
      "a payload whose length takes four bytes",
      encodeBase64url(
        new Uint8Array([...bytes.subarray(0, payloadAt), 0x5a, 0, 0, 0, ...bytes.subarray(payloadAt + 1)]),
      ),
    ],
  ])("is refused with %s", (_, text) => {
    expect(outcomeOf(text)).toBe("grant_invalid");
  });

  it("is refused with any other letter in its unused bits", () => {
    const last = grant.slice(-1);
    const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const others = [...alphabet].filter((letter) => letter !== last).map((letter) => grant.slice(0, -1) + letter);
    expect(new Set(others.map((text) => outcomeOf(text)))).toEqual(new Set(["grant_invalid"]));
  });

  it("is refused with anything in its unprotected header, which the MAC does not cover", () => {
    const { payload, tag, header } = parts();
    for (const unprotected of [new Map([[4, utf8("2026-b")]]), new Map([[1, 5]]), []]) {
      const text = encodeBase64url(envelope(header, unprotected, payload, tag));
      expect(outcomeOf(text)).toBe("grant_invalid");
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
  ])("is refused with %s in its protected header, even with a valid MAC", (_, header) => {
    const { payload } = parts();
    const raw = _.includes("order") ? new Uint8Array([0xa2, 4, ...encode(utf8("2026-a")), 1, 5]) : encode(header);
    const tag = key.grant(encode(["MAC0", raw, new Uint8Array(), payload]));
    expect(outcomeOf(encodeBase64url(envelope(raw, new Map(), payload, tag)))).toBe("grant_invalid");
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

describe("an authentic grant with unusual claims", () => {
  it("opens with the claims that the following tests change", () => {
    expect(outcomeOf(grantWith(payloadOf()))).toBe("open");
  });

  const unusual: readonly [string, [number, unknown][]][] = [
    ["an unknown claim, which could restrict access", [[311, ["192.0.2.0/24"]]]],
    ["a not-before", [[5, now]]],
    ["no expiry", [[4, undefined]]],
    ["a negative expiry", [[4, -1]]],
    ["an expiry that is text", [[4, "1795021600"]]],
    ["an expiry with a fraction", [[4, 1_795_021_600.5]]],
    ["an expiry beyond the largest time", [[4, 2n ** 63n]]],
    ["another version", [[310, 2]]],
    ["a session id that is text", [[7, "id"]]],
    ["no subject", [[2, undefined]]],
    ["one method", [[313, ["GET"]]]],
    ["more methods", [[313, ["GET", "HEAD", "POST"]]]],
    ["a method that JSON cannot write", [[313, [2n ** 60n, "HEAD"]]]],
    ["methods in one string", [[313, "GET,HEAD"]]],
    ["a prefix without a final slash", [[312, new Map([[3, new Map([[1, "/film"]])]])]]],
    ["a prefix without a leading slash", [[312, new Map([[3, new Map([[1, "film/"]])]])]]],
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
  it.each(unusual)("is refused for %s", (_, changes) => {
    expect(outcomeOf(grantWith(payloadOf(changes)))).toBe("grant_invalid");
  });

  it("is refused for a payload that is not a map or has a duplicate claim", () => {
    const duplicate = new Uint8Array([0xb8, 9, ...payloadOf().subarray(1), 1, 0x61, 0x78]);
    for (const payload of [encode([1]), encode("x"), new Uint8Array(), duplicate])
      expect(outcomeOf(grantWith(payload))).toBe("grant_invalid");
  });
});

describe("a received grant", () => {
  it("is refused with a kid that is not in the ring", () => {
    const unknown = { ...key, kid: "2026-x" };
    expect(outcomeOf(grantOf(unknown))).toBe("key_unknown");
  });

  it("is refused with the kid of another key", () => {
    expect(outcomeOf(grantOf({ ...key, kid: "2026-b" }))).toBe("grant_invalid");
  });

  it("is refused after its key expires, and accepted before its key's window, because clocks differ", () => {
    const expired = grantOf(keyOf(keys, "2025-z"));
    expect([outcomeOf(expired), outcomeOf(grantOf(keyOf(keys, "2027-a")))]).toEqual(["key_unknown", "open"]);
  });

  it("is refused beyond 1024 characters", () => {
    expect(outcomeOf("A".repeat(1025))).toBe("grant_invalid");
    const opened = openGrant("A".repeat(1025), keys, now);
    expect(opened.ok ? "" : opened.refusal.reason).toContain("too long");
  });

  it("is refused without an exception if it is random bytes", () => {
    const head = [0xd8, 0x3d, 0xd1, 0x84];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (noise, headed) => {
        const text = encodeBase64url(new Uint8Array(headed ? [...head, ...noise] : noise));
        expect(outcomeOf(text)).toMatch(/^(grant_invalid|key_unknown)$/);
      }),
      { numRuns: 1000 },
    );
    expect(outcomeOf(encodeBase64url(new Uint8Array([...head, ...new Uint8Array(760).fill(0x81)])))).toBe(
      "grant_invalid",
    );
  });

  it("is never quoted in a refusal", () => {
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

describe("the hash of a subject", () => {
  it("differs per issuer, subject and key, and reveals neither name", () => {
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
