import { isObject } from "../base/body-text.ts";
import { adviceOn, fieldText } from "../base/issue-advice.ts";
import { ok, type Result, refuse } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import {
  backendKeySchema,
  cloudFrontKeySchema,
  edgeKeySchema,
  type KeyPurpose,
  operatorKeySchema,
  type RingKey,
  sessionKeySchema,
  tokenKeySchema,
} from "./key.ts";

type KeyOf<Purpose extends KeyPurpose> = Extract<RingKey, { purpose: Purpose }>;

/** All keys of a worker, several per purpose, so that a rotation invalidates nothing. */
export interface KeyRing {
  readonly keys: readonly RingKey[];
}

const schemas = {
  session: sessionKeySchema,
  "cloudfront-session": edgeKeySchema,
  cloudfront: cloudFrontKeySchema,
  token: tokenKeySchema,
  operator: operatorKeySchema,
  backend: backendKeySchema,
} as const;

function isPurpose(purpose: unknown): purpose is KeyPurpose {
  return typeof purpose === "string" && Object.hasOwn(schemas, purpose);
}

/**
 * Parses a ring, `{"keys": [...]}`: a JWK Set (RFC 7517 §5) of {@link RingKey}s. Returns every fault at once. A fault
 * names the key by its position or kid and never quotes its bytes.
 */
export function parseKeyRing(document: unknown): Result<KeyRing, readonly string[]> {
  if (!isObject(document) || !Array.isArray(document.keys))
    return refuse(['the key ring is not JSON of the form {"keys": [...]}']);
  const faults: string[] = [];
  const keys: RingKey[] = [];
  const kids = new Set<string>();
  const active = new Map<KeyPurpose, string>();
  for (const [place, candidate] of document.keys.entries()) {
    const name = nameOf(candidate, place);
    const purpose = isObject(candidate) ? candidate.purpose : undefined;
    if (!isPurpose(purpose)) {
      faults.push(
        `${name} has no purpose: set "purpose" to session, cloudfront-session, cloudfront, token, operator or backend`,
      );
      continue;
    }
    const parsed = schemas[purpose].safeParse(candidate);
    if (!parsed.success) {
      for (const issue of parsed.error.issues)
        faults.push(`${name}: ${fieldText(issue.path) || "the key"}: ${adviceOn(issue, candidate)}`);
      continue;
    }
    const key = parsed.data;
    if (key.nbf !== undefined && key.exp !== undefined && key.exp <= key.nbf)
      faults.push(`${name} expires (exp) before it starts (nbf)`);
    if (kids.has(key.kid)) faults.push(`${name} is in the ring twice: a kid must be unique`);
    kids.add(key.kid);
    const other = key.state === "active" ? active.get(key.purpose) : undefined;
    if (other !== undefined)
      faults.push(
        `${name} and "${other}" are both active: only one key per purpose may be, and \`npx stagedoor keys rotate\` says which`,
      );
    if (key.state === "active") active.set(key.purpose, key.kid);
    keys.push(key);
  }
  return faults.length > 0 ? refuse(faults) : ok({ keys });
}

/** The keys of one purpose, in the ring's order. */
export function keysFor<Purpose extends KeyPurpose>(ring: KeyRing, purpose: Purpose): readonly KeyOf<Purpose>[] {
  return ring.keys.filter((key): key is KeyOf<Purpose> => key.purpose === purpose);
}

/** The members of a key that decide when it is used. */
interface Window {
  readonly nbf?: number | undefined;
  readonly exp?: number | undefined;
  readonly state?: RingKey["state"];
}

/**
 * The key to sign with at `now`: of the keys whose window and state allow it, the one that came into use last. A new
 * key takes over at its `nbf`, or once it is active, and the old one still verifies until its `exp`.
 */
export function signingKey<Key extends Window>(keys: Iterable<Key>, now: UnixSeconds): Key | undefined {
  let newest: Key | undefined;
  for (const key of keys) {
    if ((key.nbf ?? 0) > now || !isAccepted(key, now)) continue;
    if (key.state === "next" || key.state === "retiring") continue;
    if (newest === undefined || (key.nbf ?? 0) > (newest.nbf ?? 0)) newest = key;
  }
  return newest;
}

/** Whether signatures of a key are accepted at `now`. A key before its `nbf` is accepted, because clocks differ. */
export function isAccepted(key: Window, now: UnixSeconds): boolean {
  return key.state !== "retired" && (key.exp === undefined || now < key.exp);
}

/** Whether `other` signed before `key`, which signs now: by its state, or by the clock if it has none. */
export function signedBefore(other: Window, key: Window): boolean {
  if (other === key || other.state === "next") return false;
  return other.state === undefined ? (other.nbf ?? 0) < (key.nbf ?? 0) : true;
}

function nameOf(candidate: unknown, place: number): string {
  const kid = isObject(candidate) ? candidate.kid : undefined;
  return typeof kid === "string" && kid.length <= 64 ? `key ${JSON.stringify(kid)}` : `key ${place + 1}`;
}
