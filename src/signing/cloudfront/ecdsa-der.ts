const sequence = 0x30;
const integer = 0x02;
const coordinate = 32;

/**
 * A P-256 signature as WebCrypto has it, r‖s of 64 bytes, from the DER that CloudFront's wire holds (RFC 3279 §2.2.3);
 * undefined where the DER is not the one spelling that X.690 §10 and §8.3 allow: long lengths, a needless zero in front, a
 * negative or an empty number, bytes behind the end. Otherwise anybody could write one signature in many ways.
 */
export function rawFromDer(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der[0] !== sequence || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(2 * coordinate);
  const second = readInteger(der, 2, raw, 0);
  if (second === undefined) return undefined;
  return readInteger(der, second, raw, coordinate) === der.length ? raw : undefined;
}

/**
 * Copies the INTEGER at `at` to the right of its place in `raw`; gives the place behind it. One that is cut off ends
 * behind the DER, where the caller finds neither another INTEGER nor the end.
 */
function readInteger(der: Uint8Array, at: number, raw: Uint8Array, place: number): number | undefined {
  const length = der[at + 1] ?? 0;
  const end = at + 2 + length;
  if (der[at] !== integer || length === 0) return undefined;
  const first = der[at + 2] ?? 0;
  if (first >= 0x80) return undefined;
  if (first === 0 && (length === 1 || (der[at + 3] ?? 0) < 0x80)) return undefined;
  const digits = der.subarray(first === 0 ? at + 3 : at + 2, end);
  if (digits.length > coordinate) return undefined;
  raw.set(digits, place + coordinate - digits.length);
  return end;
}
