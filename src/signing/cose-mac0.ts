import { type DecodeOptions, decode, encode } from "cborg";

/** CBOR tags 61 (CWT, RFC 8392 §6) and 17 (COSE_Mac0, RFC 9052 §2), then an array of four. */
const head = [0xd8, 0x3d, 0xd1, 0x84];
const algorithmLabel = 1;
const kidLabel = 4;
const hmacSha256 = 5; // RFC 9053 §3.1: HMAC 256/256
const tagLength = 32;

export interface Envelope {
  readonly kid: string;
  readonly payload: Uint8Array;
  readonly tag: Uint8Array;
}

/**
 * The input of the MAC: the MAC_structure of RFC 9052 §6.3. The kid is protected, so an attacker cannot point to
 * another key.
 */
export function macBytes(kid: string, payload: Uint8Array): Uint8Array {
  return encode(["MAC0", protectedHeader(kid), new Uint8Array(), payload]);
}

/** A tagged COSE_Mac0 (RFC 9052 §6.2) with an empty unprotected header. */
export function envelopeBytes(kid: string, payload: Uint8Array, tag: Uint8Array): Uint8Array {
  const parts = [new Uint8Array(head), encode(protectedHeader(kid)), encode(new Map()), encode(payload), encode(tag)];
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Parses a COSE_Mac0, or returns undefined. Only the bytes that {@link envelopeBytes} would write are accepted: the MAC
 * does not cover the envelope, and a second spelling would be a second name for the same session.
 */
export function openEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (!head.every((byte, at) => bytes[at] === byte)) return undefined;
  const array = decodeStrictly(bytes.subarray(head.length - 1));
  if (!Array.isArray(array)) return undefined;
  const [header, , payload, tag]: unknown[] = array;
  if (!(header instanceof Uint8Array) || !(payload instanceof Uint8Array) || !(tag instanceof Uint8Array))
    return undefined;
  if (tag.length !== tagLength) return undefined;
  const kid = readKid(header);
  if (kid === undefined) return undefined;
  const onlySpelling = envelopeBytes(kid, payload, tag);
  if (onlySpelling.length !== bytes.length || !onlySpelling.every((byte, at) => byte === bytes[at])) return undefined;
  return { kid, payload, tag };
}

function protectedHeader(kid: string): Uint8Array {
  return encode(
    new Map<number, unknown>([
      [algorithmLabel, hmacSha256],
      [kidLabel, new TextEncoder().encode(kid)],
    ]),
  );
}

function readKid(header: Uint8Array): string | undefined {
  const map = decodeStrictly(header);
  const kid: unknown = map instanceof Map ? map.get(kidLabel) : undefined;
  return kid instanceof Uint8Array ? new TextDecoder().decode(kid) : undefined;
}

/** Decodes deterministic CBOR (RFC 8949 §4.2). Undefined for anything else, such as a tag without a decoder. */
export function decodeStrictly(bytes: Uint8Array, tags: DecodeOptions["tags"] = {}): unknown {
  try {
    return decode(bytes, {
      strict: true,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      allowIndefinite: false,
      allowUndefined: false,
      tags,
    });
  } catch {
    return undefined; // cborg throws on whatever is not CBOR, which is what a stranger sends
  }
}
