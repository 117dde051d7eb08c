import type { Credential } from "../auth/credential.ts";
import { sha256Of } from "../base/crypto.ts";
import { encodeBase64url } from "../base/encoding.ts";
import { signingKey } from "../keys/ring.ts";
import { subjectHash } from "../signing/grant.ts";
import type { PreparedSessionKey } from "../signing/session-keys.ts";
import { addressNameOf, type Client, networkNameOf } from "./client-network.ts";
import type { SessionContext, SessionRequest } from "./session-context.ts";

/**
 * What a subject is called in the log and in telemetry: the keyed hash that a grant of now would hold, so that the lines of
 * the edge and of the API can be laid side by side. Undefined where no key is in use.
 */
export function subjectName(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  context: Pick<SessionContext, "keys" | "clock">,
): string | undefined {
  const key = keyInUse(context);
  return key === undefined ? undefined : subjectHash(key, issuer, subject);
}

/**
 * Tells telemetry of a subject who started a stream, and where he was. Networks are hashed under the same key, as names of
 * nobody's: whoever reads the counts can tell two of them apart, and not which they are.
 */
export function tellSeen(
  credential: Credential,
  { country, client }: Pick<SessionRequest, "country" | "client">,
  context: Pick<SessionContext, "keys" | "clock" | "telemetry">,
): void {
  const key = keyInUse(context);
  if (key === undefined) return;
  const network = networkName(client);
  context.telemetry({
    event: "seen",
    subject: subjectHash(key, credential.issuer, credential.subject),
    country: country ?? "XX",
    // No issuer's name is empty, so no subject has this hash.
    network: network === undefined ? "" : subjectHash(key, "", network),
  });
}

function keyInUse({ keys, clock }: Pick<SessionContext, "keys" | "clock">): PreparedSessionKey | undefined {
  return signingKey([...keys.values()], clock());
}

/**
 * Names of subjects and bearer tokens in the revocation log that outlast the session keys, for starts: the keyed hashes of
 * grants are other ones under each key, and a key may have left the ring. They never stand in a URL.
 */
export function lastingSubject(issuer: string, subject: string): string {
  return digest("subject", issuer, subject);
}

export function lastingToken(issuer: string, jti: string): string {
  return digest("token", issuer, jti);
}

/** The name of an account of sign-in, by one spelling of its address, where attempts are counted: it does not say whose it is. */
export function lastingAccount(spelling: string): string {
  return digest("account", spelling);
}

function digest(...parts: readonly string[]): string {
  return encodeBase64url(sha256Of(JSON.stringify(parts)));
}

/**
 * What a client is counted by: his network, since with one of IPv6 an attacker has more addresses than anybody can count.
 * Undefined where his address is not known, or is none.
 */
export function networkName({ address }: Client): string | undefined {
  return address === undefined ? undefined : networkNameOf(address);
}

/** A client's own address, by which it is counted before its network is: its neighbours do not pay for it. */
export function addressName({ address }: Client): string | undefined {
  return address === undefined ? undefined : addressNameOf(address);
}

/**
 * The name of a login, the session of sign-in that an issuer's `sid` tells of, in grants and in the revocation log: 128 bits,
 * base64url. It needs no key: a `sid` is random, so nobody finds it from its hash, and who appends a sign-out to the log need
 * not hold the ring.
 */
export function loginName(issuer: string, sid: string): string {
  return encodeBase64url(sha256Of(JSON.stringify(["login", issuer, sid])).subarray(0, 16));
}
