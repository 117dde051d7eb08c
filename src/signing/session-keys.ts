import { makeRoom } from "../base/bounded-map.ts";
import type { Mac, MacPort, TextMac } from "../base/crypto.ts";
import { decodeBase64url } from "../base/encoding.ts";
import { type MediaPurpose, mediaPurposes } from "../base/media-purpose.ts";
import type { EdgeKey, SessionKey } from "../keys/key.ts";
import { derivedFrom } from "../keys/key-material.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";

/** A session key whose MACs are ready, as synchronous functions. */
export interface PreparedSessionKey {
  readonly kid: string;
  readonly nbf?: number | undefined;
  readonly exp?: number | undefined;
  readonly state?: SessionKey["state"];
  /**
   * Authenticates grants, under the ring's key itself: a grant is a standard CWT that other software with the key can
   * verify.
   */
  readonly grant: Mac;
  /** Hashes subjects, so that no user id is in a URL. */
  readonly subject: Mac;
  /** Hashes the ids of bearer tokens, for the same reason. */
  readonly token: Mac;
  /** Authenticates the cookies of the operators' console. */
  readonly console: TextMac;
  /** Authenticates the marks of `doctor`'s requests. */
  readonly probe: TextMac;
  /** Signs URLs that every session may use; one derived key per purpose. */
  readonly url: Readonly<Record<MediaPurpose, TextMac>>;
  /** Signs URLs of one session, under a key derived from its grant; see {@link macFor}. */
  readonly bound: (purpose: MediaPurpose, grant: string) => TextMac;
}

/**
 * The MAC that signs and verifies URLs of a purpose. With a grant, the signature is bound to that session: the key is
 * HMAC-SHA256(key of `stagedoor/v1/session/<purpose>`, grant), so the message of each segment stays short.
 */
export function macFor(key: PreparedSessionKey, purpose: MediaPurpose, grant: string | undefined): TextMac {
  return grant === undefined ? key.url[purpose] : key.bound(purpose, grant);
}

/** The session keys of a ring by kid. */
export type SessionKeys = ReadonlyMap<string, PreparedSessionKey>;

/**
 * Prepares every session key of a ring, or those of CloudFront's function, or both: the latter are accepted for assets
 * there only. HKDF-SHA256 (RFC 5869, no salt, info `stagedoor/v1/<purpose>`) derives one key
 * per purpose, so a signature for one purpose is invalid for another. All expensive and asynchronous work happens here,
 * once per isolate.
 */
export async function prepareSessionKeys(
  ring: KeyRing,
  hmac: MacPort,
  purposes: readonly (SessionKey | EdgeKey)["purpose"][] = ["session"],
): Promise<SessionKeys> {
  const keys = purposes.flatMap((purpose) => keysFor(ring, purpose));
  const prepared = await Promise.all(keys.map((key) => prepare(key, hmac)));
  return new Map(prepared.map((key) => [key.kid, key]));
}

async function prepare(key: SessionKey | EdgeKey, hmac: MacPort): Promise<PreparedSessionKey> {
  const bytes = decodeBase64url(key.k);
  if (bytes === undefined) throw new TypeError(`session key "${key.kid}" was not checked before it was prepared`);
  const derived = await derivedFrom(key);
  const derive = async (purpose: string) => hmac(await derived(purpose));
  const perPurpose = async (prefix: string): Promise<Readonly<Record<MediaPurpose, TextMac>>> => {
    const macs = await Promise.all(mediaPurposes.map((purpose) => derive(prefix + purpose)));
    const [playlist, segment, decryptionKey, file] = macs;
    if (!playlist || !segment || !decryptionKey || !file) throw new TypeError("a purpose has no key");
    return { playlist, segment, key: decryptionKey, file };
  };
  const [[subject, token, console, probe], url, session] = await Promise.all([
    Promise.all([derive("subject"), derive("token"), derive("console"), derive("probe")]),
    perPurpose(""),
    perPurpose("session/"),
  ]);
  return {
    kid: key.kid,
    nbf: key.nbf,
    exp: key.exp,
    state: key.state,
    grant: hmac(bytes),
    subject,
    token,
    console,
    probe,
    url,
    bound: rememberSessions((purpose, grant) => hmac(session[purpose](grant))),
  };
}

/** The most MACs cached per ring key (one per session and purpose), at a few hundred bytes each. */
const maxCachedMacs = 1000;

/**
 * Caches the keys of the latest sessions, so they are not imported again per request. The edge verifies the grant
 * first, so forged grants cannot fill this cache.
 */
function rememberSessions(make: PreparedSessionKey["bound"]): PreparedSessionKey["bound"] {
  const macs = new Map<string, TextMac>();
  return (purpose, grant) => {
    const name = `${purpose} ${grant}`;
    const known = macs.get(name);
    if (known !== undefined) return known;
    const mac = make(purpose, grant);
    makeRoom(macs, maxCachedMacs);
    macs.set(name, mac);
    return mac;
  };
}
