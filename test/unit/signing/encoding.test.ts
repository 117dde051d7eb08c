import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeCloudFrontBase64, encodeCloudFrontBase64 } from "../../../src/signing/cloudfront/wire-format.ts";
import { cloudFrontBase64 } from "./samples.ts";

test("CloudFront's base64 is standard base64 with three replacements", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(encodeCloudFrontBase64(bytes)).toBe(cloudFrontBase64(bytes));
    }),
  );
});

test("CloudFront's base64 decodes to the bytes that were encoded", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(decodeCloudFrontBase64(encodeCloudFrontBase64(bytes))).toEqual(bytes);
    }),
  );
});

test("CloudFront's base64 is accepted in only one spelling", () => {
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
  ["incomplete padding", "QQ_"],
  ["too much padding", "QUE__"],
  ["nothing but padding", "____"],
  ["padding in the middle", "QQ__QQ__"],
  ["standard padding", "QQ=="],
  ["the standard alphabet", "+/+/"],
  ["set bits after the last byte", "QR__"],
  ["white space", "QUFB "],
  ["an escape", "QUF%2D"],
])("CloudFront's base64 is refused with %s", (_, text) => {
  expect(decodeCloudFrontBase64(text)).toBeUndefined();
});
