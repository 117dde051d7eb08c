import { isAlias, originFileOf } from "../base/alias.ts";
import { canonicalQuery, pathFault } from "../base/canonical-path.ts";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { type MediaPurpose, mediaPurposes } from "../base/media-purpose.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { systemClock, unixSeconds } from "../base/time.ts";
import { checkGrant, type GrantRefusal, isBound, isSignatureValid, useFault } from "../edge/check-media-request.ts";
import { newSessionKey as newKey } from "../keys/generate.ts";
import { parseKeyRing, signingKey } from "../keys/ring.ts";
import { nobleHmac } from "../platform/cloudflare/noble-hmac.ts";
import { idForm, subjectHash } from "../sessions/identifiers.ts";
import { type Grant, mintGrant as mint, type openGrant, rememberGrants } from "../signing/grant.ts";
import { parseMediaTarget, signedParameter, signedQuery } from "../signing/media-url.ts";
import { macFor, prepareSessionKeys, type SessionKeys } from "../signing/session-keys.ts";
import {
  absolutePath,
  checkOptions,
  flag,
  list,
  type MemberRules,
  oneOf,
  required,
  someText,
  unixTime,
} from "./check-options.ts";

export {
  type CloudFrontKeys,
  type CloudFrontOptions,
  type CloudFrontUrl,
  cloudFront,
  cloudFrontKeys,
  type VerifiedCloudFrontUrl,
  verifyCloudFrontUrl,
} from "./cloudfront.ts";

/** Session keys that are ready to sign and verify. They are the result of {@link sessionKeys}. */
export interface SigningKeys {
  readonly kids: readonly string[];
}

/** A JWK Set with the keys of one deployment, as `npx stagedoor keys new` writes it. */
export interface KeyRingDocument {
  readonly keys: readonly object[];
}

/** The most grants of which the claims are remembered, per ring. */
const mostGrants = 1000;

const prepared = new WeakMap<SigningKeys, { readonly all: SessionKeys; readonly open: typeof openGrant }>();

/**
 * Prepares the session keys of a ring, once per process. Throws a TypeError with every fault of the ring; none quotes a key.
 */
export async function sessionKeys(ring: KeyRingDocument): Promise<SigningKeys> {
  const parsed = parseKeyRing(ring);
  if (!parsed.ok) throw new TypeError(`the key ring is invalid:\n  ${parsed.refusal.join("\n  ")}`);
  const keys = await prepareSessionKeys(parsed.value, nobleHmac);
  if (keys.size === 0)
    throw new TypeError("the key ring has no key of purpose session: `npx stagedoor keys new` makes one");
  const ready: SigningKeys = { kids: [...keys.keys()] };
  prepared.set(ready, { all: keys, open: rememberGrants(mostGrants) });
  return ready;
}

/** A new session key for a ring: 32 random bytes. */
export function newSessionKey(kid: string): object {
  return newKey(kid, (length) => crypto.getRandomValues(new Uint8Array(length)));
}

/** What a grant says. Times are seconds since 1970-01-01T00:00:00Z. */
export interface GrantOptions {
  /** The `iss` of the deployment's grants. */
  readonly issuer: string;
  /** The viewer. The grant contains a keyed hash of it only. */
  readonly subject: string;
  /** The asset's path on the media host, with a slash at its end, and those of up to 7 further assets. */
  readonly prefixes: readonly [string, ...string[]];
  readonly expiresAt: number;
  /** The default is now. */
  readonly issuedAt?: number;
  /** `files`: a grant for files that no playlist names. It opens URLs of the purpose `file` only. */
  readonly use?: "files";
  /** 16 bytes in base64url. The default is random. */
  readonly sessionId?: string;
}

const grantRules: MemberRules<GrantOptions> = {
  issuer: required(someText()),
  subject: required(someText()),
  prefixes: required(
    list(
      "an array of 1 to 8 paths that begin and end with a slash, such as /film/",
      (prefix) => /^\/(.*\/)?$/.test(prefix),
      { least: 1, most: 8 },
    ),
  ),
  expiresAt: required(unixTime),
  issuedAt: unixTime,
  use: oneOf(["files"]),
  sessionId: someText("22 characters of A-Z a-z 0-9 - _ (16 bytes in base64url)", idForm),
};

/**
 * Mints a grant, a Common Access Token (CTA-5007), under the ring's active key. Throws a TypeError for an
 * option that is misspelt, missing or not allowed, and a RangeError for a time in milliseconds.
 */
export function mintGrant(keys: SigningKeys, options: GrantOptions): string {
  checkOptions("mintGrant", options, grantRules);
  const issuedAt = unixSeconds(options.issuedAt ?? systemClock());
  const key = signingKey(keysOf(keys).all.values(), issuedAt);
  if (key === undefined) throw new TypeError("no session key of the ring signs at this time");
  const [prefix, ...otherPrefixes] = options.prefixes;
  return mint(
    {
      issuer: options.issuer,
      subject: subjectHash(key, options.issuer, options.subject),
      sessionId: options.sessionId ?? encodeBase64url(crypto.getRandomValues(new Uint8Array(16))),
      prefix,
      ...(otherPrefixes.length > 0 && { otherPrefixes }),
      ...(options.use !== undefined && { use: options.use }),
      issuedAt,
      expiresAt: unixSeconds(options.expiresAt),
    },
    key,
  );
}

/** The client of a request, for grants that are bound to a network or a User-Agent. */
export interface VerifyOptions {
  /** The only accepted `iss` of grants. */
  readonly issuer: string;
  /** Seconds since 1970. The default is the machine's clock. */
  readonly now?: number;
  readonly address?: string;
  readonly userAgent?: string;
}

const verifyRules: MemberRules<VerifyOptions> = {
  issuer: required(someText()),
  now: unixTime,
  address: someText("an IP address"),
  userAgent: someText("text", /^/),
};
const verifyGrantRules = { ...verifyRules, path: required(absolutePath) };
const verifyUrlRules = { ...verifyRules, session: flag };

/** A verified grant. Times are seconds since 1970. */
export interface VerifiedGrant {
  readonly sessionId: string;
  /** The keyed hash of the viewer. */
  readonly subject: string;
  readonly prefixes: readonly string[];
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/**
 * Verifies that a grant is authentic, not expired and for `path`. A grant that is bound to a network or a User-Agent is refused
 * (`binding_mismatch`) unless the options name that client.
 */
export function verifyGrant(
  keys: SigningKeys,
  grant: string,
  options: VerifyOptions & { readonly path: string },
): Result<VerifiedGrant, GrantRefusal> {
  checkOptions("verifyGrant", options, verifyGrantRules);
  const opened = openFor(keys, { grant, path: options.path, signature: undefined }, options);
  return opened.ok ? ok(describe(opened.value)) : opened;
}

export interface MediaUrlOptions {
  readonly grant: string;
  /** The canonical path: `/film/360p/0.ts`. */
  readonly path: string;
  /** The origin's own query, without `?`. */
  readonly query?: string;
  readonly purpose: MediaPurpose;
  /** Seconds since 1970. */
  readonly expiry: number;
  /** Whether a segment's or key's signature is for this session only. URLs of playlists and files always are. */
  readonly session?: boolean;
}

const urlRules: MemberRules<MediaUrlOptions> = {
  grant: required(someText()),
  path: required(absolutePath),
  query: someText("a query without ?", /^[^?#\s]*$/),
  purpose: required(oneOf(mediaPurposes)),
  expiry: required(unixTime),
  session: flag,
};

/**
 * The signed path and query of a URL: `/<grant>/film/360p/0.ts?seg=<expiry>.<signature>`, to append to the media host.
 *
 * `path_invalid`: the path is not in its canonical spelling. `grant_invalid`, `key_unknown`: the grant is not authentic. Its
 * expiry is not compared. Throws a TypeError for an option that is misspelt, missing or not allowed, and a RangeError for an expiry
 * that is not in whole seconds.
 */
export function signMediaUrl(
  keys: SigningKeys,
  options: MediaUrlOptions,
): Result<string, Refusal<"path_invalid" | "grant_invalid" | "key_unknown">> {
  checkOptions("signMediaUrl", options, urlRules);
  const { grant, path, query = "", purpose, expiry, session = false } = options;
  const fault = pathFault(path);
  if (fault !== undefined) return refusal("path_invalid", `the path is not canonical: ${fault}`);
  const key = keyOfGrant(keys, grant);
  if (!key.ok) return key;
  const { qualityClass } = key.value;
  const mac = macFor(key.value.key, purpose, isForOneSession(purpose, session) ? grant : undefined);
  const parts = { qualityClass, path, query: canonicalQuery(query), expiry: unixSeconds(expiry) };
  return ok(`/${grant}${path}?${signedQuery(mac, purpose, parts)}`);
}

/**
 * The `sign` of `rewritePlaylist` in stagedoor/playlist, for the URLs of one session; they stay relative. The grant is opened
 * once. Throws a TypeError for a grant that is not authentic.
 */
export function mediaSigner(
  keys: SigningKeys,
  options: Pick<MediaUrlOptions, "grant" | "session">,
): (url: Pick<MediaUrlOptions, "path" | "purpose" | "expiry"> & { readonly query: string }) => { query: string } {
  checkOptions("mediaSigner", options, { grant: urlRules.grant, session: urlRules.session });
  const { grant, session = false } = options;
  const key = keyOfGrant(keys, grant);
  if (!key.ok) throw new TypeError(key.refusal.reason);
  return ({ path, query, purpose, expiry }) => {
    const { qualityClass } = key.value;
    const mac = macFor(key.value.key, purpose, isForOneSession(purpose, session) ? grant : undefined);
    return { query: signedParameter(mac, purpose, { qualityClass, path, query, expiry: unixSeconds(expiry) }) };
  };
}

function isForOneSession(purpose: MediaPurpose, session: boolean): boolean {
  return isBound(purpose, { segmentSignature: session ? "session" : "shared" });
}

/** The key of a grant, and the quality class of its URLs. */
function keyOfGrant(keys: SigningKeys, grant: string) {
  const { all, open } = keysOf(keys);
  const opened = open(grant, all, systemClock());
  if (!opened.ok) return opened;
  const key = all.get(opened.value.kid);
  return key === undefined
    ? refusal("key_unknown", "the grant's key is not in the key ring")
    : ok({ key, qualityClass: opened.value.qualityClass });
}

/** Why a media URL is refused. The reason is for logs; a client should learn no more than 403. */
export type MediaUrlRefusal =
  | GrantRefusal
  | Refusal<"path_invalid" | "signature_invalid" | "signature_expired" | "uri_foreign">;

/** The file that an authentic URL opens. */
export interface VerifiedMediaUrl {
  readonly grant: VerifiedGrant;
  readonly purpose: MediaPurpose;
  /** The prefix of the grant that covers the file, `/film/`, and the origin's path and query below it. */
  readonly prefix: string;
  readonly file: string;
  readonly query: string;
  /** Seconds since 1970. */
  readonly expiry: number;
  /** What a player appended after the signature, such as `_HLS_msn=7`. It is not signed. */
  readonly appended: string;
}

/**
 * Verifies path and query of a request to the media host, in the order of the edge worker: a refusal reveals nothing of a
 * grant before its MAC, and nothing of an expiry before its signature.
 *
 * @param target path and query exactly as they were on the wire: a URL parser folds dot segments
 * @param options `session`: segments and keys are signed for one session only
 */
export function verifyMediaUrl(
  keys: SigningKeys,
  target: string,
  options: VerifyOptions & { readonly session?: boolean },
): Result<VerifiedMediaUrl, MediaUrlRefusal> {
  checkOptions("verifyMediaUrl", options, verifyUrlRules);
  const parsed = parseMediaTarget(target);
  if (!parsed.ok) return parsed;
  const { path, query, signature, appended } = parsed.value;
  const opened = openFor(keys, parsed.value, options);
  if (!opened.ok) return opened;
  if (signature === undefined) return refusal("signature_missing", "the URL has no list, seg, key or file parameter");
  const grant = opened.value;
  const key = keysOf(keys).all.get(grant.kid);
  if (key === undefined) return refusal("key_unknown", "the grant's key is not in the key ring");
  const { purpose, expiry } = signature;
  const asset = { segmentSignature: options.session === true ? ("session" as const) : ("shared" as const) };
  const { text, qualityClass } = grant;
  if (!isSignatureValid({ path, query, grant: text, qualityClass }, signature, key, asset))
    return refusal("signature_invalid", `the ${purpose} signature is invalid for this URL`);
  const use = useFault(grant, purpose);
  if (use !== undefined) return refusal("path_not_covered", use);
  if ((options.now ?? systemClock()) >= expiry) return refusal("signature_expired", "the URL has expired");
  const prefix = prefixesOf(grant).find((one) => path.startsWith(one)) ?? "/";
  const place = { path: path.slice(prefix.length), query };
  const file = isAlias(place.path) ? originFileOf(place) : ok(place);
  if (!file.ok) return file;
  const opens = { prefix, file: file.value.path, query: file.value.query };
  return ok({ grant: describe(grant), purpose, ...opens, expiry, appended });
}

function openFor(
  keys: SigningKeys,
  target: Parameters<typeof checkGrant>[0],
  { issuer, now, address, userAgent = "" }: VerifyOptions,
): Result<Grant, GrantRefusal> {
  const { all, open } = keysOf(keys);
  const client = { address, userAgentHash: () => encodeBase64url(sha256Of(userAgent)) };
  return checkGrant(target, { keys: all, now: unixSeconds(now ?? systemClock()), grantIssuer: issuer, client, open });
}

function describe(grant: Grant): VerifiedGrant {
  const { sessionId, subject, issuedAt, expiresAt } = grant;
  return { sessionId, subject, prefixes: prefixesOf(grant), issuedAt, expiresAt };
}

function prefixesOf({ prefix, otherPrefixes = [] }: Grant): readonly string[] {
  return [prefix, ...otherPrefixes];
}

function keysOf(keys: SigningKeys) {
  return prepared.get(keys) ?? fail();
}

function fail(): never {
  throw new TypeError("the keys are not a result of sessionKeys");
}
