import { hasPrefix, latest } from "./signed-target.ts";
import type { Bytes, Primitives, VerifiedGrant, VerifiedNetwork, VerifierKey } from "./verifier-types.ts";

/**
 * The CBOR that is being read, and where. One grant is read at a time, and a module's variables cost less in interpreters
 * than members. After a fault `at` is beyond every length, so whatever follows is read as zeros or as nothing.
 */
let bytes: Bytes;
let at: number;

const lost = 1e9;

export interface OpenedGrant {
  readonly grant: VerifiedGrant;
  readonly key: VerifierKey;
}

/**
 * Opens a grant: verifies its MAC under the key that its kid names, then reads its claims, by the rules of `openGrant`
 * (`signing/grant.ts`). Undefined if it is no grant, not authentic, or has claims that this version does not write. An
 * envelope has only one accepted spelling.
 */
export function openSealed(
  text: string,
  keys: readonly VerifierKey[],
  now: number,
  primitives: Primitives,
): OpenedGrant | "key_unknown" | undefined {
  // An envelope is 61(17([header, {}, payload, MAC])), and its MAC covers ["MAC0", header, h'', payload] (RFC 9052 §6.3):
  // the same bytes except for the start and the {}. With another start the message is a part of the envelope.
  const replaced = `AIRkTUFD${text.slice(4)}`;
  bytes = primitives.decode(replaced);
  at = 6;
  if (text.length > 1024 || !hasPrefix(text, "2D3R") || bytes.toString("base64url") !== replaced) return undefined;
  next(0x84);
  const headerLength = head(2);
  const headerEnd = at + headerLength;
  demand("a2010504");
  const kid = textOf(2);
  const unprotected = at;
  if (unprotected !== headerEnd) at = lost;
  next(0xa0);
  const payloadLength = head(2);
  const payload = at;
  const payloadEnd = payload + payloadLength;
  at = payloadEnd;
  demand("5820");
  const tag = at;
  if (tag + 32 !== bytes.length) return undefined;
  const key = keys.filter((each) => each.kid === kid)[0];
  // A kid that is not UTF-8 has no spelling, and with a byte order mark it would have two.
  if (!key) return /^\ufeff|\ufffd/.test(kid) ? undefined : "key_unknown";
  if (Number(key.exp) <= now) return "key_unknown";
  bytes[6] = 0x30;
  bytes[unprotected] = 0x40;
  const mac = primitives.mac(primitives.decode(key.grant), bytes.subarray(1, payloadEnd));
  if (!beginsWith(mac, bytes.subarray(tag, tag + 32))) return undefined;
  at = payload;
  const grant = claimsOf(kid, payloadEnd);
  return grant && { grant, key };
}

/** Whether `a` begins with the bytes `b`, in a time that depends only on the length of `b`. */
export function beginsWith(a: Bytes, b: Bytes): boolean {
  let difference = 0;
  for (let i = b.length; i-- > 0; ) difference |= (a[i] || 0) ^ (b[i] || 0);
  return difference === 0;
}

/**
 * The claims of an authentic payload, which begins here and ends at `end`. Undefined for any that we do not write: an
 * unknown claim may forbid something. In deterministic CBOR (RFC 8949 §4.2) they have one order.
 */
function claimsOf(kid: string, end: number): VerifiedGrant | undefined {
  // How many of the members are not those that every grant has.
  let optional = head(5) - 8;
  const isPresent = (hex: string) => optional > 0 && read(hex) && optional-- > 0;
  const bytesIfPresent = (hex: string, length: number) => (isPresent(hex) ? base64urlOf(length) : undefined);
  next(1);
  const issuer = textOf(3);
  next(2);
  const subject = textOf(3);
  next(4);
  const expiresAt = head(0);
  next(6);
  const issuedAt = head(0);
  next(7);
  const sessionId = base64urlOf(head(2));
  // catv: 1
  demand("19013601");
  const network = isPresent("190137") ? networkOf() : undefined;
  demand("190138");
  const prefixes = prefixesOf();
  // catm: ["GET", "HEAD"]
  demand("19013982634745546448454144");
  // cath: {"user-agent": {-1: 32 bytes}}
  const userAgent = bytesIfPresent("19013ba16a757365722d6167656e74a1205820", 32);
  const token = bytesIfPresent("3a0001000050", 16);
  const login = bytesIfPresent("3a0001000150", 16);
  // "files"
  const use = isPresent("3a000100026566696c6573") ? "files" : undefined;
  const signer = isPresent("3a00010003") ? textOf(3) : undefined;
  return optional === 0 && at === end && Math.max(issuedAt, expiresAt) <= latest
    ? { kid, issuer, subject, expiresAt, issuedAt, sessionId, network, prefixes, userAgent, token, login, use, signer }
    : undefined;
}

/** {3: {1: prefix}}, or {3: {4: [pattern]}} of two to eight, which is never executed: it must be what we write for them. */
function prefixesOf(): readonly string[] {
  const isOne = read("a103a101");
  if (!isOne) demand("a103a10481");
  const text = textOf(3);
  if (isOne) {
    if (!isPrefix(text)) at = lost;
    return [text];
  }
  const prefixes = text
    .slice(4, -2)
    .split("/|")
    .map((part) => `${part.replace(/\\(.)/g, "$1")}/`);
  const escaped = prefixes.map((prefix) => prefix.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  const isList = prefixes.length > 1 && prefixes.every(isPrefix);
  if (!isList || prefixes.length > 8 || `^(?:${escaped.join("|")})` !== text) at = lost;
  return prefixes;
}

function isPrefix(text: string): boolean {
  return text.charAt(0) + text.slice(-1) === "//";
}

/** A list of one: a whole address, or the length and the first bytes of a prefix (RFC 9164 §3.1). */
function networkOf(): VerifiedNetwork {
  const isIpv4 = read("81d834");
  if (!isIpv4) demand("81d836");
  const width = isIpv4 ? 32 : 128;
  const isShort = read("82");
  const bits = isShort ? head(0) : width;
  const length = head(2);
  if (isShort ? bits >= width || length * 8 >= bits + 8 : length * 8 !== width) at = lost;
  const from = at;
  at += length;
  return { digits: width / 4, bits, prefix: bytes.toString("hex", from, at) };
}

function base64urlOf(length: number): string {
  at += length;
  return bytes.toString("base64url", at - length, at);
}

/** A text (major type 3), or the text of a byte string (2). */
function textOf(major: number): string {
  const length = head(major);
  at += length;
  return bytes.toString("utf8", at - length, at);
}

/** By the size of an argument: the least number that needs it. */
const shortest = [24, 256, 65536, 4294967296];

/** The argument of the next item, which has to have this major type and its shortest form (RFC 8949 §4.2.1). */
function head(major: number): number {
  const low = (bytes[at++] || 0) - major * 32;
  if (low >= 0 && low < 24) return low;
  const least = shortest[low - 24];
  let value = 0;
  if (least) for (let size = 1 << (low - 24); size > 0; size--) value = value * 256 + (bytes[at++] || 0);
  if (!least || value < least) at = lost;
  return value;
}

/** Reads one byte, which has to be this one. */
function next(byte: number): void {
  if (bytes[at++] !== byte) at = lost;
}

/** Whether the next bytes are these, which are then read. */
function read(hex: string): boolean {
  const end = at + hex.length / 2;
  const isNext = bytes.toString("hex", at, end) === hex;
  if (isNext) at = end;
  return isNext;
}

function demand(hex: string): void {
  if (!read(hex)) at = lost;
}
