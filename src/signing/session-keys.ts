import { decodeBase64url } from "../base/base64url.ts";
import type { Mac, MacPort, TextMac } from "../base/hmac.ts";
import { derivedFrom } from "../keys/derive.ts";
import type { SessionKey } from "../keys/key.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";
import { type MediaPurpose, mediaPurposes } from "./media-url.ts";

/** One session key, ready for use: every MAC is a synchronous function from here on. */
export interface PreparedSessionKey {
  readonly kid: string;
  readonly nbf?: number | undefined;
  readonly exp?: number | undefined;
  readonly state?: SessionKey["state"];
  /** MACs grants, under the key itself: a grant is a standard CWT, and other software that knows the key can check it. */
  readonly grant: Mac;
  /** MACs subjects, so that no user id stands in a URL. */
  readonly subject: Mac;
  /** MACs the ids of bearer tokens, for the same reason. */
  readonly token: Mac;
  /** MACs the cookies of the operators' console. */
  readonly console: TextMac;
  /** Signs URLs, under a key derived for one purpose each. */
  readonly url: Readonly<Record<MediaPurpose, TextMac>>;
}

/** The session keys of a ring by kid. */
export type SessionKeys = ReadonlyMap<string, PreparedSessionKey>;

/**
 * Prepares every session key of a ring: derives a key a purpose by HKDF-SHA256 (RFC 5869, no salt, info
 * `stagedoor/v1/<purpose>`), so that a signature made for one purpose is worth nothing for another. All that is costly
 * or asynchronous about signing and checking URLs happens here, once an isolate.
 */
export async function prepareSessionKeys(ring: KeyRing, hmac: MacPort): Promise<SessionKeys> {
  const prepared = await Promise.all(keysFor(ring, "session").map((key) => prepare(key, hmac)));
  return new Map(prepared.map((key) => [key.kid, key]));
}

async function prepare(key: SessionKey, hmac: MacPort): Promise<PreparedSessionKey> {
  const bytes = decodeBase64url(key.k);
  if (bytes === undefined) throw new TypeError(`session key "${key.kid}" was not checked before it was prepared`);
  const derived = await derivedFrom(key);
  const derive = async (purpose: string) => hmac(await derived(purpose));
  const [[subject, token, console], macs] = await Promise.all([
    Promise.all([derive("subject"), derive("token"), derive("console")]),
    Promise.all(mediaPurposes.map(derive)),
  ]);
  const [playlist, segment, decryptionKey] = macs;
  if (!playlist || !segment || !decryptionKey) throw new TypeError("a purpose has no key");
  return {
    kid: key.kid,
    nbf: key.nbf,
    exp: key.exp,
    state: key.state,
    grant: hmac(bytes),
    subject,
    token,
    console,
    url: { playlist, segment, key: decryptionKey },
  };
}
