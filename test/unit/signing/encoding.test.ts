import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCloudFrontBase64, encodeCloudFrontBase64 } from "../../../src/signing/cloudfront/wire-format.ts";
import { cloudFrontBase64 } from "./samples.ts";

test("encodes as standard base64 with CloudFront's three replacements", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(encodeCloudFrontBase64(bytes)).toBe(cloudFrontBase64(bytes));
    }),
  );
});

test("takes back exactly what it encodes", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeCloudFrontBase64(encodeCloudFrontBase64(bytes))).toEqual(bytes);
    }),
  );
});

test("takes one spelling of any bytes alone", () => {
  const spelling = fc.string({ unit: fc.constantFrom(..."AQgw-~_+/=% "), maxLength: 12 });
  fc.assert(
    fc.property(spelling, (text) => {
      const bytes = decodeCloudFrontBase64(text);
      if (bytes !== undefined) expect(encodeCloudFrontBase64(bytes)).toBe(text);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["no padding", "QQ"],
  ["half a padding", "QQ_"],
  ["too much padding", "QUE__"],
  ["padding alone", "____"],
  ["padding in the middle", "QQ__QQ__"],
  ["standard padding", "QQ=="],
  ["the standard alphabet", "+/+/"],
  ["set bits behind the last byte", "QR__"],
  ["white space", "QUFB "],
  ["an escape", "QUF%2D"],
])("refuses %s", (_, text) => {
  expect(decodeCloudFrontBase64(text)).toBeUndefined();
});
