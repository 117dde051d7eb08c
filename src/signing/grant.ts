import { encode, Tagged } from "cborg";
import { makeRoom } from "../base/bounded-map.ts";
import { equalInConstantTime, type Mac } from "../base/crypto.ts";
import { decodeBase64url, encodeBase64url } from "../base/encoding.ts";
import { capOfClass } from "../base/quality.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/time.ts";
import { isAccepted } from "../keys/ring.ts";
import { decodeStrictly, envelopeBytes, macBytes, openEnvelope } from "./cose-mac0.ts";
import type { PreparedSessionKey, SessionKeys } from "./session-keys.ts";

/**
 * A verified grant: a playback session. It is a Common Access Token (CTA-5007): a CWT (RFC 8392) in a COSE_Mac0 (RFC
 * 9052 §6.2) with HMAC-SHA256. Verifying it needs no store.
 */
export interface Grant extends GrantClaims {
  readonly kid: string;
  /** Its only spelling, the first path segment of every URL of the session. */
  readonly text: string;
}

const longest = 1024;

/** The grant of `claims` in base64url, under `key`. Equal claims and keys give equal text. */
export function mintGrant(claims: GrantClaims, key: { readonly kid: string; readonly grant: Mac }): string {
  const payload = writeClaims(claims);
  const message = macBytes(key.kid, payload);
  return encodeBase64url(envelopeBytes(key.kid, payload, key.grant(message)));
}

/**
 * Opens a grant: verifies its MAC under the key that its protected kid names, then reads its claims. `key_unknown`: the ring
 * has no such key, or the key has expired. The caller checks the grant's own expiry.
 */
export function openGrant(
  text: string,
  keys: SessionKeys,
  now: UnixSeconds,
): Result<Grant, Refusal<"grant_invalid" | "key_unknown">> {
  if (text.length > longest) return refusal("grant_invalid", "the grant is too long");
  const bytes = decodeBase64url(text);
  const envelope = bytes === undefined ? undefined : openEnvelope(bytes);
  if (envelope === undefined) return refusal("grant_invalid", "the first path segment is not a grant");
  const key = keys.get(envelope.kid);
  if (key === undefined || !isAccepted(key, now))
    return refusal("key_unknown", "the grant's key is not in the key ring (any more)");
  if (!isMacValid(key, envelope.kid, envelope.payload, envelope.tag))
    return refusal("grant_invalid", "the grant's MAC is invalid");
  const claims = readClaims(envelope.payload);
  if (claims === undefined)
    return refusal("grant_invalid", "the grant is authentic, but has claims that this version does not support");
  return ok({ ...claims, kid: envelope.kid, text });
}

function isMacValid(key: PreparedSessionKey, kid: string, payload: Uint8Array, tag: Uint8Array): boolean {
  return equalInConstantTime(encodeBase64url(key.grant(macBytes(kid, payload))), encodeBase64url(tag));
}

/**
 * {@link openGrant} with a cache. A session sends the same grant with each request, so each isolate verifies it once.
 * Only valid grants are kept, under their whole text, so the cache reveals nothing to a caller without a valid grant. A
 * grant whose key expired or was replaced is opened again.
 */
export function rememberGrants(capacity: number): typeof openGrant {
  const opened = new Map<string, { readonly grant: Grant; readonly key: PreparedSessionKey }>();
  return (text, keys, now) => {
    const known = opened.get(text);
    if (known !== undefined && keys.get(known.grant.kid) === known.key && isAccepted(known.key, now))
      return ok(known.grant);
    const result = openGrant(text, keys, now);
    const key = result.ok ? keys.get(result.value.kid) : undefined;
    if (result.ok && key !== undefined) {
      makeRoom(opened, capacity);
      const own = ownCopy(text);
      opened.set(own, { grant: { ...result.value, text: own }, key });
    }
    return result;
  };
}

/** A copy of the text: a slice keeps its source alive, here a URL that a client may make long. */
function ownCopy(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

/** The claims of a grant: which viewer, which asset, until when, and from where. */
export interface GrantClaims {
  readonly issuer: string;
  /** A keyed hash of the token's issuer and subject, so that no user id is in a URL. */
  readonly subject: string;
  /** 16 random bytes in base64url; `cti` holds the bytes. */
  readonly sessionId: string;
  /** The asset's path prefix on the media host. It ends with a slash, so `/film/` does not cover `/film-2/`. */
  readonly prefix: string;
  /** Prefixes of up to 7 further assets that the session may read. */
  readonly otherPrefixes?: readonly string[] | undefined;
  readonly issuedAt: UnixSeconds;
  readonly expiresAt: UnixSeconds;
  /**
   * A keyed hash (16 bytes, base64url) of the bearer token's issuer and `jti`, so that revoking the token ends its
   * sessions.
   */
  readonly token?: string | undefined;
  /** The name of the login (16 bytes, base64url) of the credential, so that signing out ends its sessions. */
  readonly login?: string | undefined;
  /**
   * `files`: the grant opens `file` URLs and nothing else, and holds no lease. Without it, it opens everything except
   * those.
   */
  readonly use?: "files" | undefined;
  /**
   * The kid of the key that signed the credential of the backend that started the session, so that revoking this key
   * ends it. A session that its viewer started has none.
   */
  readonly signer?: string | undefined;
  /**
   * The quality class of the session's URLs (`base/quality.ts`), which is in the message of each signature. Without it the class
   * is empty: every quality.
   */
  readonly qualityClass?: string | undefined;
  /** The only network that may use the grant. */
  readonly network?: BoundNetwork | undefined;
  /** SHA-256 of the only User-Agent that may use it: 32 bytes in base64url. */
  readonly userAgent?: string | undefined;
}

/** A prefix of IP addresses. A single address if `bits` covers all of it. */
export interface BoundNetwork {
  readonly family: 4 | 6;
  readonly bits: number;
  /** The whole address, 4 or 16 bytes, with zeros after the prefix. */
  readonly bytes: Uint8Array;
}

/** Claims of CWT (RFC 8392 §4) and CTA-5007, and five of private use (below -65536). */
const label = {
  iss: 1,
  sub: 2,
  exp: 4,
  iat: 6,
  cti: 7,
  catv: 310,
  catnip: 311,
  catu: 312,
  catm: 313,
  cath: 315,
  token: -65537,
  login: -65538,
  use: -65539,
  signer: -65540,
  qualityClass: -65541,
} as const;

const uriPath = 3;
const prefixMatch = 1;
const regexMatch = 4;
const mostPrefixes = 8;
const sha256Match = -1;
const userAgentHeader = "user-agent";
/** Tags of addresses and prefixes (RFC 9164 §3). */
const familyTags = { 4: 52, 6: 54 } as const;
const knownLabels: ReadonlySet<unknown> = new Set(Object.values(label));

/** The claims as a CWT payload in deterministic CBOR: equal claims give equal bytes. */
export function writeClaims(claims: GrantClaims): Uint8Array {
  const prefixes = [claims.prefix, ...(claims.otherPrefixes ?? [])];
  if (prefixes.length > mostPrefixes) throw new TypeError(`a grant covers at most ${mostPrefixes} prefixes`);
  if (!prefixes.every((prefix) => prefix.endsWith("/"))) throw new TypeError("a grant's prefix ends with a slash");
  const map = new Map<number, unknown>([
    [label.iss, claims.issuer],
    [label.sub, claims.subject],
    [label.exp, claims.expiresAt],
    [label.iat, claims.issuedAt],
    [label.cti, bytesOf(claims.sessionId)],
    [label.catv, 1],
    [label.catu, new Map([[uriPath, writePrefixes(prefixes)]])],
    [label.catm, ["GET", "HEAD"]],
  ]);
  if (claims.network !== undefined) map.set(label.catnip, [writeNetwork(claims.network)]);
  if (claims.userAgent !== undefined)
    map.set(label.cath, new Map([[userAgentHeader, new Map([[sha256Match, bytesOf(claims.userAgent)]])]]));
  if (claims.token !== undefined) map.set(label.token, bytesOf(claims.token));
  if (claims.login !== undefined) map.set(label.login, bytesOf(claims.login));
  if (claims.use !== undefined) map.set(label.use, claims.use);
  if (claims.signer !== undefined) map.set(label.signer, claims.signer);
  if (claims.qualityClass !== undefined) map.set(label.qualityClass, claims.qualityClass);
  return encode(map);
}

/** Whether the session may read `path`, a canonical plain path of the media host. */
export function covers(
  { prefix, otherPrefixes }: Pick<GrantClaims, "prefix" | "otherPrefixes">,
  path: string,
): boolean {
  return path.startsWith(prefix) || otherPrefixes?.some((other) => path.startsWith(other)) === true;
}

/**
 * The claims of an authentic payload, or undefined. An unknown claim may forbid something, so it is refused and not
 * skipped. A release that adds a claim must be deployed to the edge and the manifest worker before the API issues it.
 */
export function readClaims(payload: Uint8Array): GrantClaims | undefined {
  const claims = decodeStrictly(payload, tagDecoders);
  if (!(claims instanceof Map) || ![...claims.keys()].every((key) => knownLabels.has(key))) return undefined;
  const issuer: unknown = claims.get(label.iss);
  const subject: unknown = claims.get(label.sub);
  const expiresAt: unknown = claims.get(label.exp);
  const issuedAt: unknown = claims.get(label.iat);
  const sessionId = readBytes(claims.get(label.cti));
  const [prefix, ...others] = readPrefixes(claims.get(label.catu)) ?? [];
  if (typeof issuer !== "string" || typeof subject !== "string" || sessionId === undefined) return undefined;
  if (!isUnixSeconds(expiresAt) || !isUnixSeconds(issuedAt) || prefix === undefined) return undefined;
  if (claims.get(label.catv) !== 1 || !isGetAndHead(claims.get(label.catm))) return undefined;
  const token = claims.has(label.token) ? readBytes(claims.get(label.token), 16) : null;
  const login = claims.has(label.login) ? readBytes(claims.get(label.login), 16) : null;
  const signer: unknown = claims.has(label.signer) ? claims.get(label.signer) : null;
  const qualityClass: unknown = claims.has(label.qualityClass) ? claims.get(label.qualityClass) : null;
  const network = claims.has(label.catnip) ? readNetwork(claims.get(label.catnip)) : null;
  const userAgent = claims.has(label.cath) ? readUserAgent(claims.get(label.cath)) : null;
  if (claims.has(label.use) && claims.get(label.use) !== "files") return undefined;
  if (token === undefined || login === undefined || network === undefined || userAgent === undefined) return undefined;
  if (signer !== null && typeof signer !== "string") return undefined;
  if (qualityClass !== null && !isQualityClass(qualityClass)) return undefined;
  return {
    ...{ issuer, subject, sessionId, prefix, issuedAt, expiresAt },
    ...(others.length > 0 && { otherPrefixes: others }),
    ...(token !== null && { token }),
    ...(login !== null && { login }),
    ...(claims.has(label.use) && { use: "files" as const }),
    ...(signer !== null && { signer }),
    ...(qualityClass !== null && { qualityClass }),
    ...(network !== null && { network }),
    ...(userAgent !== null && { userAgent }),
  };
}

/** One that this release does not know is refused with the grant: it may forbid something. */
function isQualityClass(value: unknown): value is string {
  return typeof value === "string" && value !== "" && capOfClass(value) !== undefined;
}

function bytesOf(text: string): Uint8Array {
  const bytes = decodeBase64url(text);
  if (bytes === undefined) throw new TypeError("a grant's ids and hashes are canonical base64url");
  return bytes;
}

function readBytes(value: unknown, length?: number): string | undefined {
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) return undefined;
  return encodeBase64url(value);
}

function isGetAndHead(catm: unknown): boolean {
  return Array.isArray(catm) && catm.length === 2 && catm[0] === "GET" && catm[1] === "HEAD";
}

/**
 * One prefix becomes a prefix match. All conditions of catu must be true, so several prefixes become one regular
 * expression (match 4), `^(?:/film-1/|/film-2/)`, which other CAT software can apply.
 */
function writePrefixes(prefixes: readonly string[]): Map<number, unknown> {
  const [only, ...others] = prefixes;
  return others.length === 0 ? new Map([[prefixMatch, only]]) : new Map([[regexMatch, [patternOf(prefixes)]]]);
}

function patternOf(prefixes: readonly string[]): string {
  return `^(?:${prefixes.map((prefix) => prefix.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")).join("|")})`;
}

/**
 * The prefixes, or undefined. A pattern is never executed: it must be exactly what {@link patternOf} writes for its
 * prefixes.
 */
function readPrefixes(catu: unknown): string[] | undefined {
  const path: unknown = catu instanceof Map && catu.size === 1 ? catu.get(uriPath) : undefined;
  if (!(path instanceof Map) || path.size !== 1) return undefined;
  const single: unknown = path.get(prefixMatch);
  if (typeof single === "string") return isPrefix(single) ? [single] : undefined;
  const [pattern, ...more]: unknown[] = Array.isArray(path.get(regexMatch)) ? path.get(regexMatch) : [];
  if (typeof pattern !== "string" || more.length > 0) return undefined;
  const prefixes = pattern
    .slice("^(?:".length, -1)
    .split(/(?<!\\)\|/)
    .map((part) => part.replace(/\\(.)/g, "$1"));
  const understood = prefixes.length > 1 && prefixes.length <= mostPrefixes && patternOf(prefixes) === pattern;
  return understood && prefixes.every(isPrefix) ? prefixes : undefined;
}

function isPrefix(text: string): boolean {
  return text.startsWith("/") && text.endsWith("/");
}

function readUserAgent(cath: unknown): string | undefined {
  const match: unknown = cath instanceof Map && cath.size === 1 ? cath.get(userAgentHeader) : undefined;
  return match instanceof Map && match.size === 1 ? readBytes(match.get(sha256Match), 32) : undefined;
}

/** A single address as it is; a prefix as its length and its bytes without trailing zeros (RFC 9164 §3.1). */
function writeNetwork({ family, bits, bytes }: BoundNetwork): Tagged {
  if (bytes.length !== widthOf(family)) throw new TypeError("an IPv4 address has 4 bytes, an IPv6 address 16");
  if (bits === bytes.length * 8) return new Tagged(familyTags[family], bytes);
  const last = bytes.findLastIndex((byte) => byte !== 0);
  return new Tagged(familyTags[family], [bits, bytes.subarray(0, last + 1)]);
}

function readNetwork(catnip: unknown): BoundNetwork | undefined {
  const [tagged, ...more]: unknown[] = Array.isArray(catnip) ? catnip : [];
  if (!(tagged instanceof Tagged) || more.length > 0) return undefined;
  const family = tagged.tag === familyTags[4] ? 4 : 6;
  const width = widthOf(family);
  const value: unknown = tagged.value;
  if (value instanceof Uint8Array)
    return value.length === width ? { family, bits: width * 8, bytes: value } : undefined;
  const [bits, start]: unknown[] = Array.isArray(value) && value.length === 2 ? value : [];
  if (typeof bits !== "number" || bits < 0 || bits >= width * 8) return undefined;
  if (!(start instanceof Uint8Array) || start.length > Math.ceil(bits / 8)) return undefined;
  const bytes = new Uint8Array(width);
  bytes.set(start);
  return { family, bits, bytes };
}

function widthOf(family: 4 | 6): number {
  return family === 4 ? 4 : 16;
}

const tagDecoders = Tagged.preserve(familyTags[4], familyTags[6]);
