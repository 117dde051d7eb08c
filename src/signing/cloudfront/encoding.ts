import { decodeBase64url, encodeBase64url } from "../../base/base64url.ts";

/**
 * Bytes in CloudFront's base64: the standard one with `-` for `+`, `~` for `/` and `_` for the padding `=` ("Create a
 * policy statement for a signed URL that uses a custom policy", step 4).
 */
export function encodeCloudFrontBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll("_", "~");
  return text + padding(text.length);
}

/**
 * The bytes of canonical CloudFront base64, or undefined. A missing or doubled padding, another alphabet, white space and
 * set bits behind the last byte are refused, so that one signature has one spelling.
 */
export function decodeCloudFrontBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  const end = text.endsWith("__") ? text.length - 2 : text.endsWith("_") ? text.length - 1 : text.length;
  const body = text.slice(0, end);
  if (body.includes("_") || text.slice(end) !== padding(body.length)) return undefined;
  return decodeBase64url(body.replaceAll("~", "_"));
}

function padding(length: number): string {
  return "_".repeat((4 - (length % 4)) % 4);
}
