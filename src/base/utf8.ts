const encoder = new TextEncoder();

/** A text as its UTF-8 bytes, in a buffer of its own, as WebCrypto and `Response` want it. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(bytes);
}
