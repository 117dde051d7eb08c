import { makeRoom } from "../base/bounded-map.ts";
import { type MediaPurpose, mediaPurposes } from "../base/constants.ts";
import type { Mac, MacPort, TextMac } from "../base/crypto.ts";
import { decodeBase64url } from "../base/encoding.ts";
import type { SessionKey } from "../keys/key.ts";
import { derivedFrom } from "../keys/key-material.ts";
import { type KeyRing, keysFor } from "../keys/ring.ts";

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
  /** Signs URLs that every session may use, under a key derived for one purpose each. */
  readonly url: Readonly<Record<MediaPurpose, TextMac>>;
  /** The same for URLs of one session alone, under a key of that session: see {@link macFor}. */
  readonly bound: (purpose: MediaPurpose, grant: string) => TextMac;
}

/**
 * What signs and checks the URLs of a purpose. With a grant the signature is bound to that session: its key is
 * HMAC-SHA256(the key of `stagedoor/v1/session/<purpose>`, the grant), so the message of each segment stays short.
 */
export function macFor(key: PreparedSessionKey, purpose: MediaPurpose, grant: string | undefined): TextMac {
  return grant === undefined ? key.url[purpose] : key.bound(purpose, grant);
}

/** The session keys of a ring by kid. */
export type SessionKeys = ReadonlyMap<string, PreparedSessionKey>;

/**
 * Prepares every session key of a ring: derives a key per purpose by HKDF-SHA256 (RFC 5869, no salt, info
 * `stagedoor/v1/<purpose>`), so that a signature made for one purpose is worth nothing for another. Everything costly or
 * asynchronous about signing and checking URLs happens here, once per isolate.
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
  const perPurpose = async (prefix: string): Promise<Readonly<Record<MediaPurpose, TextMac>>> => {
    const macs = await Promise.all(mediaPurposes.map((purpose) => derive(prefix + purpose)));
    const [playlist, segment, decryptionKey] = macs;
    if (!playlist || !segment || !decryptionKey) throw new TypeError("a purpose has no key");
    return { playlist, segment, key: decryptionKey };
  };
  const [[subject, token, console], url, session] = await Promise.all([
    Promise.all([derive("subject"), derive("token"), derive("console")]),
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
    url,
    bound: rememberSessions((purpose, grant) => hmac(session[purpose](grant))),
  };
}

/** How many sessions' keys one prepared key remembers: a few hundred bytes each. */
const mostSessions = 1000;

/**
 * Remembers the keys of the latest sessions, so that a viewer's key is not imported again for each request. The edge
 * opens the grant first, so a made-up grant never takes a place here.
 */
function rememberSessions(make: PreparedSessionKey["bound"]): PreparedSessionKey["bound"] {
  const macs = new Map<string, TextMac>();
  return (purpose, grant) => {
    const name = `${purpose} ${grant}`;
    const known = macs.get(name);
    if (known !== undefined) return known;
    const mac = make(purpose, grant);
    makeRoom(macs, mostSessions);
    macs.set(name, mac);
    return mac;
  };
}
