import { encodeBase64url } from "../../../src/base/encoding.ts";
import type { MediaPurpose } from "../../../src/base/media-purpose.ts";
import { seconds, after as timeAfter, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { type Catalog, parseCatalog } from "../../../src/catalog/catalog.ts";
import type { SessionKey } from "../../../src/keys/key.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { type GrantClaims, mintGrant } from "../../../src/signing/grant.ts";
import { signedQuery } from "../../../src/signing/media-url.ts";
import {
  macFor,
  type PreparedSessionKey,
  prepareSessionKeys,
  type SessionKeys,
} from "../../../src/signing/session-keys.ts";

/** The current time in tests. */
export const now = unixSeconds(1_795_000_000);
/** The client in tests that do not depend on it. */
export const client = "anybody" as const;
/** The `iss` of grants in tests. */
export const grantIssuer = "stagedoor";
export const in5Minutes = timeAfter(now, seconds(300));
export const in6Hours = timeAfter(now, seconds(21_600));

/** A session key whose bytes are all `byte`. */
export function sessionKey(kid: string, byte: number, window: { nbf?: number; exp?: number } = {}): SessionKey {
  const k = encodeBase64url(new Uint8Array(32).fill(byte));
  return { kid, purpose: "session", kty: "oct", alg: "HS256", k, ...window };
}

/** `2026-a` signs, `2025-z` has expired, and the window of `2027-a` starts later. */
export const ringKeys = [
  sessionKey("2026-a", 1),
  sessionKey("2026-b", 2),
  sessionKey("2025-z", 3, { exp: now }),
  sessionKey("2027-a", 4, { nbf: now + 1000 }),
];

export function preparedKeys(keys: readonly SessionKey[] = ringKeys): Promise<SessionKeys> {
  return prepareSessionKeys({ keys }, nobleHmac);
}

/** `film` and `film-2`, with a common prefix, and `premiere`, whose segments are bound to the session. */
export const catalog: Catalog = (() => {
  const asset = (id: string, fields = {}) => ({
    id,
    origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
    entry: "index.m3u8",
    ...fields,
  });
  const files = ["**/*.jpg", "downloads/*.mp4", "thumbs/*.vtt"];
  const bound = { segmentSignature: "session", files };
  const assets = [asset("film", { files }), asset("film-2"), asset("premiere", bound)];
  const parsed = parseCatalog({ version: 1, assets });
  if (!parsed.ok) throw new Error("the test catalog is invalid");
  return parsed.value;
})();

export function keyOf(keys: SessionKeys, kid: string): PreparedSessionKey {
  const key = keys.get(kid);
  if (key === undefined) throw new Error(`no key ${kid}`);
  return key;
}

export function claimsOf(changes: Partial<GrantClaims> = {}): GrantClaims {
  return {
    issuer: grantIssuer,
    subject: "c3ViamVjdHN1YmplY3RzdQ",
    sessionId: encodeBase64url(new Uint8Array(16).fill(7)),
    prefix: "/film/",
    issuedAt: now,
    expiresAt: in6Hours,
    ...changes,
  };
}

export interface UrlParts {
  readonly purpose: MediaPurpose;
  /** The grant in the path. `signedGrant` is the one in the signature if it differs, or "" for none. */
  readonly grant: string;
  readonly signedGrant?: string;
  readonly path: string;
  readonly query?: string;
  readonly expiry?: UnixSeconds;
  readonly qualityClass?: string;
}

/** A URL's target as the service writes it. By default only the signature of a playlist or file is bound to the grant. */
export function signedTarget(key: PreparedSessionKey, parts: UrlParts): string {
  const { purpose, grant, path, query = "", expiry = in5Minutes, qualityClass } = parts;
  const { signedGrant = purpose === "playlist" || purpose === "file" ? grant : "" } = parts;
  const mac = macFor(key, purpose, signedGrant === "" ? undefined : signedGrant);
  return `/${grant}${path}?${signedQuery(mac, purpose, { qualityClass, path, query, expiry })}`;
}

export function grantOf(key: PreparedSessionKey, changes: Partial<GrantClaims> = {}): string {
  return mintGrant(claimsOf(changes), key);
}
