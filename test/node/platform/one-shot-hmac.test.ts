import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";

const repeat = (byte: number, times: number) => new Uint8Array(times).fill(byte);
const text = (value: string) => new TextEncoder().encode(value);

/** RFC 4231 §4.2 to §4.8, without test case 5, which is about truncation. */
const vectors = [
  [repeat(0x0b, 20), text("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
  [
    text("Jefe"),
    text("what do ya want for nothing?"),
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [repeat(0xaa, 20), repeat(0xdd, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"],
  [
    Uint8Array.from({ length: 25 }, (_, i) => i + 1),
    repeat(0xcd, 50),
    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
  ],
  [
    repeat(0xaa, 131),
    text("Test Using Larger Than Block-Size Key - Hash Key First"),
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
  [
    repeat(0xaa, 131),
    text(
      "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.",
    ),
    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
  ],
] as const;

describe.each([
  ["oneShotHmac", oneShotHmac],
  ["nobleHmac", nobleHmac],
])("%s", (_, port) => {
  it.each(vectors)("matches test vector %# of RFC 4231", (key, message, mac) => {
    expect(Buffer.from(port(key)(message)).toString("hex")).toBe(mac);
  });

  it("equals HMAC-SHA256 for every key and sequence of messages, as bytes and as text", () => {
    const keyed = fc.uint8Array({ maxLength: 200 });
    const messages = fc.array(fc.oneof(fc.string({ unit: "binary", maxLength: 3000 }), fc.string({ maxLength: 300 })), {
      maxLength: 8,
    });
    fc.assert(
      fc.property(keyed, messages, (key, all) => {
        const mac = port(key);
        for (const message of all) {
          const expected = createHmac("sha256", key).update(message).digest();
          expect(Buffer.from(mac(message)).equals(expected)).toBe(true);
          expect(Buffer.from(mac(text(message))).equals(expected)).toBe(true);
          expect(mac.base64url(message)).toBe(expected.toString("base64url"));
        }
      }),
    );
  });
});
