import { parseIpv4 } from "../../base/ip-address.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import { utf8 } from "../../base/utf8.ts";
import { isInRange } from "./ipv4.ts";
import { readParameters, type SignedParameters } from "./parameters.ts";
import { cannedPolicy } from "./policy.ts";
import type { CloudFrontPublicKey } from "./public-key.ts";
import { resourceCovers } from "./resource.ts";
import { openedPath } from "./spelling.ts";
import { type CloudFrontStatement, readStatement } from "./statement.ts";

/** A request as the viewer sent it. Nothing in it has been decoded, normalised or put in another order. */
export type CloudFrontRequest = {
  readonly method: string;
  /** Scheme and host of the distribution, as in `CloudFrontDistribution`. */
  readonly baseUrl: string;
  /** The raw path. */
  readonly path: string;
  /** The raw query without its `?`; empty or undefined where there is none. */
  readonly query: string | undefined;
  readonly now: UnixSeconds;
  /** The viewer's address, where it is known. */
  readonly address: string | undefined;
};

/** The public keys of the distribution's trusted key group, by `Key-Pair-Id`. */
export type CloudFrontPublicKeys = (keyPairId: string) => CloudFrontPublicKey | undefined;

/** What an authentic URL opens. */
export type CloudFrontAccess = {
  readonly policy: "canned" | "custom";
  readonly keyPairId: string;
  /** The canonical path, without the escapes that CloudFront's spelling adds; or the origin's own spelling, as it is. */
  readonly path: string;
  /** The viewer's query without CloudFront's parameters; undefined where none is left. */
  readonly query: string | undefined;
  readonly expires: UnixSeconds;
};

/**
 * Checks a CloudFront signed URL as CloudFront does ("How signed URLs work"): the key, the signature, then the policy.
 * What is said of time, path and address is said of authentic URLs alone, so that a forgery learns nothing.
 *
 * Refuses `method_not_covered`, `path_invalid` (not canonical), `signature_missing`, `signature_invalid`, `key_unknown`,
 * `path_not_covered` (the Resource is another), `signature_not_yet_valid`, `signature_expired`, `address_not_covered`.
 */
export async function verifyCloudFront(
  request: CloudFrontRequest,
  keys: CloudFrontPublicKeys,
): Promise<Result<CloudFrontAccess, Refusal>> {
  if (request.method !== "GET" && request.method !== "HEAD")
    return refusal("method_not_covered", "a signed URL is for GET and HEAD");
  const read = readParameters(request.query ?? "");
  const opened = openedPath(request.path, read.ok ? read.value.policy.kind : undefined);
  if (!opened.ok) return refusal("path_invalid", opened.refusal);
  if (!read.ok) return read;
  const path = opened.value;
  const { keyPairId, hash, signature, policy, query } = read.value;
  const key = keys(keyPairId);
  if (key === undefined) return refusal("key_unknown", "no trusted public key has the Key-Pair-Id of the URL");
  if (!(await key(hash, signature, signedBytes(request, read.value))))
    return refusal("signature_invalid", "the signature does not stand for the URL and its policy");

  const statement = policy.kind === "canned" ? ok(statementOf(policy.expires)) : readStatement(policy.bytes);
  if (!statement.ok)
    return refusal("signature_invalid", `the policy is not one that CloudFront takes: ${statement.refusal}`);
  const against = refusalBy(statement.value, request, query);
  return against ?? ok({ policy: policy.kind, keyPairId, path, query, expires: statement.value.expires });
}

/** A canned policy is made again from the URL, so its Resource is the URL; a custom one is what the URL holds. */
function signedBytes(request: CloudFrontRequest, { policy, query }: SignedParameters): Uint8Array<ArrayBuffer> {
  if (policy.kind === "custom") return policy.bytes;
  const url = request.baseUrl + request.path + (query === undefined ? "" : `?${query}`);
  return utf8(cannedPolicy(url, policy.expires));
}

function statementOf(expires: UnixSeconds): CloudFrontStatement {
  return { resource: undefined, expires, starts: undefined, range: undefined };
}

/**
 * The conditions of an authentic policy. "Users are not allowed to access the file on or before" DateGreaterThan, and
 * DateLessThan is "the date and time that you want the URL to stop allowing access": at the very second of either, no.
 */
function refusalBy(statement: CloudFrontStatement, request: CloudFrontRequest, query: string | undefined) {
  const { resource, expires, starts, range } = statement;
  if (resource !== undefined && !resourceCovers(resource, sectionsOf(request, query)))
    return refusal("path_not_covered", "the Resource of the policy does not cover the URL");
  if (starts !== undefined && request.now <= starts)
    return refusal("signature_not_yet_valid", "the policy's DateGreaterThan has not passed");
  if (request.now >= expires) return refusal("signature_expired", "the policy's DateLessThan has come");
  if (range === undefined) return undefined;
  const address = request.address === undefined ? undefined : parseIpv4(request.address);
  if (address === undefined || !isInRange(range, address))
    return refusal("address_not_covered", "the policy is for another IPv4 address or range");
  return undefined;
}

function sectionsOf({ baseUrl, path }: CloudFrontRequest, query: string | undefined) {
  const schemeEnd = baseUrl.indexOf("://");
  return { scheme: baseUrl.slice(0, schemeEnd), host: baseUrl.slice(schemeEnd + 3), path, query };
}
