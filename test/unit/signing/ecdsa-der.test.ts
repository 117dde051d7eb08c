import fc from "fast-check";
import { expect, test } from "vitest";
import { rawFromDer } from "../../../src/signing/cloudfront/public-key.ts";

const half = (...front: number[]) => Uint8Array.from({ length: 32 }, (_, i) => front[i] ?? 0x11);
const raw = (r: Uint8Array, s: Uint8Array) => Uint8Array.of(...r, ...s);
const integer = (...value: number[]) => [0x02, value.length, ...value];
const sequence = (...body: number[]) => Uint8Array.of(0x30, body.length, ...body);

/** The only DER encoding of a raw signature (X.690 §8.3 and §10). */
const derOf = (signature: Uint8Array) =>
  sequence(...shortest(signature.subarray(0, 32)), ...shortest(signature.subarray(32)));

function shortest(number: Uint8Array): number[] {
  const start = number.findIndex((byte) => byte !== 0);
  const digits = start < 0 ? [0] : [...number.subarray(start)];
  return integer(...((digits[0] ?? 0) >= 0x80 ? [0, ...digits] : digits));
}

test("an ECDSA signature survives a round trip through DER, with any leading zeros and high bits", () => {
  const byte = fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(byte, { minLength: 64, maxLength: 64 }), (bytes) => {
      const signature = Uint8Array.from(bytes);
      expect(rawFromDer(derOf(signature))).toEqual(signature);
    }),
  );
});

test("a DER signature is accepted only in its canonical encoding", () => {
  const start = derOf(raw(half(0x80), half(0, 0x7f)));
  fc.assert(
    fc.property(fc.nat({ max: start.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
      const der = start.slice();
      der[at] = value;
      const signature = rawFromDer(der);
      if (signature !== undefined) expect(derOf(signature)).toEqual(der);
    }),
    { numRuns: 5000 },
  );
});

test("a DER signature has a leading zero before a high bit only", () => {
  expect(rawFromDer(sequence(...integer(0, ...half(0x80)), ...integer(0x05, ...half().slice(3))))).toEqual(
    raw(half(0x80), half(0, 0, 0x05)),
  );
});

test.each([
  ["no bytes", Uint8Array.of()],
  ["another type", Uint8Array.of(0x31, 6, ...integer(1), ...integer(1))],
  ["a long length", Uint8Array.of(0x30, 0x81, 6, ...integer(1), ...integer(1))],
  ["bytes after the sequence", Uint8Array.of(...sequence(...integer(1), ...integer(1)), 0)],
  ["bytes after the numbers", sequence(...integer(1), ...integer(1), 0)],
  ["a third number", sequence(...integer(1), ...integer(1), ...integer(1))],
  ["one number", sequence(...integer(1))],
  ["an unnecessary leading zero", sequence(...integer(0, 1), ...integer(1))],
  ["a negative number", sequence(...integer(0x80), ...integer(1))],
  ["an empty number", sequence(...integer(), ...integer(1))],
  ["a number of 33 bytes", sequence(...integer(1, ...half()), ...integer(1))],
  ["a truncated number", Uint8Array.of(0x30, 6, 0x02, 1, 1, 0x02, 2, 1)],
])("a DER signature with %s is refused", (_, der) => {
  expect(rawFromDer(der)).toBeUndefined();
});
