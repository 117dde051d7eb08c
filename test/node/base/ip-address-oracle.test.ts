import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseIpAddress } from "../../../src/base/ip-address.ts";

const octet = fc.oneof(fc.nat(300).map(String), fc.constantFrom("00", "01", "0x1", "", "1e1", "-1"));
const dotted = fc.array(octet, { minLength: 3, maxLength: 5 }).map((octets) => octets.join("."));
const group = fc.oneof(
  fc.nat(0xffff).map((value) => value.toString(16)),
  fc.constantFrom("", "0000", "ABCD", "10000", "g"),
);
const groups = fc.array(fc.oneof({ weight: 12, arbitrary: group }, { weight: 1, arbitrary: dotted }), { maxLength: 9 });
const colons = fc
  .tuple(groups, groups, fc.constantFrom("::", ":", ""))
  .map(([head, tail, gap]) => `${head.join(":")}${gap}${tail.join(":")}`);
const noise = fc.string({ unit: fc.constantFrom(..."0123456789abcdefF:.%/ ") });

/** The family that Node reports for an address. Zone ids are refused, unlike in Node. */
const familyOf = (text: string) => (text.includes("%") ? 0 : isIP(text));

describe("parseIpAddress", () => {
  it.each([
    ["dotted", dotted],
    ["colons", colons],
    ["noise", noise],
    ["ipV4", fc.ipV4()],
    ["ipV6", fc.ipV6()],
  ])("accepts the same texts as Node: %s", (_, texts) => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseIpAddress(text) !== undefined).toBe(familyOf(text) !== 0);
      }),
      { numRuns: 3000 },
    );
  });

  it("returns the bytes that the URL standard's serializer writes", () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        const bytes = parseIpAddress(text);
        const sixteen = bytes?.length === 4 ? [...new Uint8Array(10), 255, 255, ...bytes] : [...(bytes ?? [])];
        const spelled = Array.from({ length: 8 }, (_, i) =>
          (((sixteen[2 * i] ?? 0) << 8) | (sixteen[2 * i + 1] ?? 0)).toString(16),
        ).join(":");
        expect(new URL(`http://[${spelled}]/`).hostname).toBe(new URL(`http://[${text}]/`).hostname);
      }),
    );
  });
});
