const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

const values = new Int8Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i;

/** Bytes as base64url without padding (RFC 4648 §5), the only spelling that {@link decodeBase64url} accepts. */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = "";
  let i = 0;
  for (; i + 2 < bytes.length; i += 3) {
    const word = (byte(bytes, i) << 16) | (byte(bytes, i + 1) << 8) | byte(bytes, i + 2);
    text += letter(word >> 18) + letter(word >> 12) + letter(word >> 6) + letter(word);
  }
  const left = bytes.length - i;
  if (left === 1) {
    const word = byte(bytes, i) << 4;
    text += letter(word >> 6) + letter(word);
  } else if (left === 2) {
    const word = ((byte(bytes, i) << 8) | byte(bytes, i + 1)) << 2;
    text += letter(word >> 12) + letter(word >> 6) + letter(word);
  }
  return text;
}

/**
 * The bytes of canonical base64url, or undefined. Padding, white space, the standard alphabet and set bits after the
 * last byte are refused. Otherwise one token would have several spellings, and a revoked one could be sent again in
 * another.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const left = text.length % 4;
  if (left === 1) return undefined;
  const bytes = new Uint8Array((text.length * 3) >> 2);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (values[code] ?? -1) : -1;
    if (value < 0) return undefined;
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = word >> bits;
    }
  }
  return (word & ((1 << bits) - 1)) === 0 ? bytes : undefined;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function letter(value: number): string {
  return alphabet.charAt(value & 63);
}

const encoder = new TextEncoder();

/** A text as its UTF-8 bytes, in their own buffer, as WebCrypto and `Response` require it. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  const bytes = encoder.encode(text);
  const { buffer, byteOffset, byteLength } = bytes;
  return buffer instanceof ArrayBuffer ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint8Array(bytes);
}

/**
 * The whole number in `text` from `from` to `to`: 1 to 15 ASCII digits and nothing else, or undefined. Leading zeros
 * are accepted; {@link hasLeadingZero} finds them.
 */
export function readDecimal(text: string, from = 0, to = text.length): number | undefined {
  if (to <= from || to - from > 15) return undefined;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether the digits from `from` to `to` are a second spelling of a number: `07`, but not `0`. */
export function hasLeadingZero(text: string, from = 0, to = text.length): boolean {
  return to - from > 1 && text.charCodeAt(from) === 0x30;
}
