import { utf8 } from "./encoding.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Marks a byte that is not UTF-8: a low surrogate without a high one, which no UTF-8 decodes to. */
const escapes = 0xdc00;

/**
 * Decodes bytes to text so that {@link textBytes} restores the same bytes. A byte that is not UTF-8, such as the `ç` of
 * a Latin-1 name, becomes a lone surrogate U+DC80 to U+DCFF; byte order marks stay. Such a text is not well formed
 * (`String.isWellFormed`).
 *
 * @example bytesText(Uint8Array.of(0x61, 0xe7, 0xc3, 0xa7)) // "a\uDCE7ç"
 */
export function bytesText(bytes: Uint8Array<ArrayBuffer>): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escaped(bytes);
  }
}

/** The bytes that {@link bytesText} decoded. */
export function textBytes(text: string): Uint8Array<ArrayBuffer> {
  if (text.isWellFormed()) return utf8(text);
  const bytes = new Uint8Array(3 * text.length);
  let length = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.codePointAt(i) ?? 0;
    if (code > 0xffff) i++;
    const byte = code - escapes;
    if (byte < 0x80 || byte > 0xff) continue;
    length += encoder.encodeInto(text.slice(from, i), bytes.subarray(length)).written;
    bytes[length++] = byte;
    from = i + 1;
  }
  length += encoder.encodeInto(text.slice(from), bytes.subarray(length)).written;
  return bytes.slice(0, length);
}

/** The same for the body of a response or a part of a Blob. Well-formed text stays text, which the runtime encodes. */
export function textBody(text: string): string | Uint8Array<ArrayBuffer> {
  return text.isWellFormed() ? text : textBytes(text);
}

const encoder = new TextEncoder();

/** Code units per piece: a call accepts a limited number of arguments. */
const pieceLength = 8192;

function escaped(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; ) {
    const size = sequenceLength(bytes, i);
    if (size === 0) {
      units[length++] = escapes + (bytes[i++] ?? 0);
      continue;
    }
    const code = codePoint(bytes, i, size);
    if (code > 0xffff) {
      units[length++] = 0xd800 + ((code - 0x10000) >> 10);
      units[length++] = 0xdc00 + ((code - 0x10000) & 0x3ff);
    } else units[length++] = code;
    i += size;
  }
  const pieces: string[] = [];
  for (let i = 0; i < length; i += pieceLength)
    pieces.push(String.fromCharCode(...units.subarray(i, Math.min(length, i + pieceLength))));
  return pieces.join("");
}

/** The length in bytes of the well-formed UTF-8 sequence at `at` (RFC 3629 §4), or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  const second = bytes[at + 1] ?? 0;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return continues(second) ? 2 : 0;
  // Overlong forms, surrogates and code points above U+10FFFF are not UTF-8.
  const [least, most] = [
    first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80,
    first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf,
  ];
  if (second < least || second > most || !continues(bytes[at + 2])) return 0;
  if (first < 0xf0) return 3;
  return continues(bytes[at + 3]) ? 4 : 0;
}

function continues(byte = 0): boolean {
  return byte >= 0x80 && byte <= 0xbf;
}

function codePoint(bytes: Uint8Array, at: number, size: number): number {
  const first = bytes[at] ?? 0;
  let code = size === 1 ? first : first & (0x7f >> size);
  for (let i = 1; i < size; i++) code = (code << 6) | ((bytes[at + i] ?? 0) & 0x3f);
  return code;
}
