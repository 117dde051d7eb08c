/**
 * The names of viewers, tokens, logins and networks, all in one place. A *hash* is keyed with a session key, so it
 * changes when the key rotates. A *digest* has no key and never changes. A *name* is readable text.
 *
 * | Identifier | What it is | Where it appears | How long it lasts |
 * |---|---|---|---|
 * | `subjectHash` | HMAC of issuer and subject | grants (so in URLs), logs, telemetry, names of lease objects | its session key |
 * | `tokenHash` | HMAC of issuer and `jti` | grants | its session key |
 * | `ViewerHashes.network` | HMAC of a network name | telemetry | its session key |
 * | `loginDigest` | SHA-256 of issuer and `sid` | grants, lease rows, the revocation log | the sign-in session |
 * | `subjectDigest` | SHA-256 of issuer and subject | the revocation log, quotas; never in a URL | for good |
 * | `tokenDigest` | SHA-256 of issuer and `jti` | the revocation log, lease rows of backends' sessions; never in a URL | for good |
 * | `accountDigest` | SHA-256 of an e-mail address | quotas of sign-in attempts | for good |
 * | `networkName` | `4:192.0.2/24` or `6:2001:db8:0/48` | quotas | while the client stays there |
 * | `addressName` | `4:192.0.2.7/32` or `6:2001:db8:0:1/64` | quotas | while the client stays there |
 * | `networkHash` (`lease-rules.ts`) | HMAC of a network name, under a key of one subject's rows | lease rows | those rows |
 */
import { backendIssuer, type Credential } from "../auth/credential.ts";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { addressText, parseIpAddress } from "../base/ip-address.ts";
import { signingKey } from "../keys/ring.ts";
import type { PreparedSessionKey } from "../signing/session-keys.ts";
import { networkOf } from "./client-network.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/** A session id or a 128-bit hash in its one spelling: base64url, whose last character has four zero bits. */
export const idForm = /^[A-Za-z0-9_-]{21}[AQgw]$/;

/** A subject of an issuer in grants: 128 bits, base64url. */
export function subjectHash(key: PreparedSessionKey, issuer: string, subject: string): string {
  return encodeBase64url(key.subject(JSON.stringify([issuer, subject])).subarray(0, 16));
}

/** A bearer token in grants: 128 bits, base64url. A `jti` is only unique at its issuer. */
export function tokenHash(key: PreparedSessionKey, issuer: string, jti: string): string {
  return encodeBase64url(key.token(JSON.stringify([issuer, jti])).subarray(0, 16));
}

/** The {@link subjectHash} under the key that signs now, so that the log lines of edge and API can be compared. */
export function subjectHashNow(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  context: Pick<SessionContext, "keys" | "clock">,
): string | undefined {
  const key = keyInUse(context);
  return key === undefined ? undefined : subjectHash(key, issuer, subject);
}

/** A viewer and their network as telemetry counts them: readers can tell two networks apart, but not which they are. */
export interface ViewerHashes {
  readonly subject: string;
  /** Empty if the address is unknown. */
  readonly network: string;
}

export function viewerHashesNow(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  { address }: SessionRequest["client"],
  context: Pick<SessionContext, "keys" | "clock">,
): ViewerHashes | undefined {
  const key = keyInUse(context);
  if (key === undefined) return undefined;
  const network = networkName(address);
  // No issuer has an empty name, so no subject has this hash.
  const hashed = network === undefined ? "" : subjectHash(key, "", network);
  return { subject: subjectHash(key, issuer, subject), network: hashed };
}

function keyInUse({ keys, clock }: Pick<SessionContext, "keys" | "clock">): PreparedSessionKey | undefined {
  return signingKey([...keys.values()], clock());
}

/**
 * The issuer of a credential's `tokenId` and `loginId`: for a viewer that a backend named, the issuer of the backend's
 * credential, whatever issuer the viewer belongs to.
 */
export function tokenIssuerOf({ issuer, backend }: Pick<Credential, "issuer" | "backend">): string {
  return backend === undefined ? issuer : backendIssuer;
}

/** The claims of a grant by which revoking its viewer, their token or login, or a backend's key ends it. */
export function credentialClaims(
  credential: Pick<Credential, "issuer" | "subject" | "tokenId" | "loginId" | "backend">,
  key: PreparedSessionKey,
) {
  const { issuer, subject, tokenId, loginId, backend } = credential;
  const tokenIssuer = tokenIssuerOf(credential);
  return {
    subject: subjectHash(key, issuer, subject),
    ...(tokenId !== undefined && { token: tokenHash(key, tokenIssuer, tokenId) }),
    ...(loginId !== undefined && { login: loginDigest(tokenIssuer, loginId) }),
    ...(backend !== undefined && { signer: backend.kid }),
  };
}

/** A subject in the revocation log, which outlives session keys. */
export function subjectDigest(issuer: string, subject: string): string {
  return digest("subject", issuer, subject);
}

/** A bearer token in the revocation log, which outlives session keys. */
export function tokenDigest(issuer: string, jti: string): string {
  return digest("token", issuer, jti);
}

/** An account in the quota of its sign-in attempts, by one spelling of its e-mail address. */
export function accountDigest(spelling: string): string {
  return digest("account", spelling);
}

/**
 * A login (the sign-in session that an issuer's `sid` names) in grants and in the revocation log: 128 bits, base64url.
 * No key is needed, since a `sid` is random; so the identity worker, which has no key ring, can write it to the log.
 */
export function loginDigest(issuer: string, sid: string): string {
  return encodeBase64url(sha256Of(JSON.stringify(["login", issuer, sid])).subarray(0, 16));
}

function digest(...parts: readonly string[]): string {
  return encodeBase64url(sha256Of(JSON.stringify(parts)));
}

/** The network of an address, `4:192.0.2/24` or `6:2001:db8:0/48`; undefined for anything that is not an address. */
export function networkName(address: string | undefined): string | undefined {
  const network = address === undefined ? undefined : networkOf(address);
  if (network === undefined) return undefined;
  const { family, bytes, bits } = network;
  return `${family}:${addressText(bytes, family)}/${bits}`;
}

/**
 * A client's own address: `4:192.0.2.7/32`, or `6:2001:db8:0:1/64`, since a device chooses its addresses within a /64
 * (RFC 8981). Undefined for anything that is not an address.
 */
export function addressName(address: string | undefined): string | undefined {
  const bytes = address === undefined ? undefined : parseIpAddress(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? `4:${addressText(bytes, 4)}/32` : `6:${addressText(bytes.subarray(0, 8), 6)}/64`;
}
