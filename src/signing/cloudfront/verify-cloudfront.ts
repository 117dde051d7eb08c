import { utf8 } from "../../base/encoding.ts";
import { parseIpv4 } from "../../base/ip-address.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../../base/result.ts";
import type { Clock, UnixSeconds } from "../../base/time.ts";
import type { CloudFrontKey } from "../../keys/key.ts";
import { publicHalf } from "../../keys/key-material.ts";
import { isAccepted, type KeyRing, keysFor } from "../../keys/ring.ts";
import { type CloudFrontStatement, cannedPolicy, isInRange, readStatement } from "./cloudfront-policy.ts";
import { type CloudFrontPublicKey, importCloudFrontPublicKey } from "./public-key.ts";
import { openedPath, readParameters, type SignedParameters } from "./signed-parameters.ts";

/** A request as the viewer sent it: nothing is decoded, normalized or reordered. */
export type CloudFrontRequest = {
  readonly method: string;
  /** Scheme and host of the distribution, as in `CloudFrontDistribution`. */
  readonly baseUrl: string;
  /** The raw path. */
  readonly path: string;
  /** The raw query without its `?`; empty or undefined where there is none. */
  readonly query: string | undefined;
  readonly now: UnixSeconds;
  /** The viewer's address, if known. */
  readonly address: string | undefined;
};

/** The public keys of the distribution's trusted key group, by `Key-Pair-Id`. */
export type CloudFrontPublicKeys = (keyPairId: string) => CloudFrontPublicKey | undefined;

/** The file that an authentic URL opens. */
export type CloudFrontAccess = {
  readonly policy: "canned" | "custom";
  readonly keyPairId: string;
  /** The canonical path, without the escapes of CloudFront's spelling; or the origin's own spelling. */
  readonly path: string;
  /** The viewer's query without CloudFront's parameters; undefined if nothing remains. */
  readonly query: string | undefined;
  readonly expires: UnixSeconds;
};

/** Why a CloudFront signed URL is refused. */
export type CloudFrontRefusal = Refusal<
  | "method_not_covered"
  | "path_invalid"
  | "signature_missing"
  | "signature_invalid"
  | "signature_expired"
  | "signature_not_yet_valid"
  | "key_unknown"
  | "path_not_covered"
  | "address_not_covered"
>;

/**
 * Verifies a CloudFront signed URL as CloudFront does ("How signed URLs work"): key, signature, then policy. Time, path
 * and address are compared only for authentic URLs, so a forgery learns nothing. `path_not_covered`: the policy has
 * another Resource.
 */
export async function verifyCloudFront(
  request: CloudFrontRequest,
  keys: CloudFrontPublicKeys,
): Promise<Result<CloudFrontAccess, CloudFrontRefusal>> {
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
    return refusal("signature_invalid", "the signature is invalid for the URL and its policy");

  const statement = policy.kind === "canned" ? ok(statementOf(policy.expires)) : readStatement(policy.bytes);
  if (!statement.ok) return refusal("signature_invalid", `CloudFront does not accept the policy: ${statement.refusal}`);
  const against = refusalBy(statement.value, request, query);
  return against ?? ok({ policy: policy.kind, keyPairId, path, query, expires: statement.value.expires });
}

/** A canned policy is made again from the URL, which is its Resource. A custom one is in the URL. */
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
 * DateLessThan is "the date and time that you want the URL to stop allowing access", so both exclude their own second.
 */
function refusalBy(statement: CloudFrontStatement, request: CloudFrontRequest, query: string | undefined) {
  const { resource, expires, starts, range } = statement;
  if (resource !== undefined && !resourceCovers(resource, sectionsOf(request, query)))
    return refusal("path_not_covered", "the policy's Resource does not cover the URL");
  if (starts !== undefined && request.now <= starts)
    return refusal("signature_not_yet_valid", "the policy's DateGreaterThan is in the future");
  if (request.now >= expires) return refusal("signature_expired", "the policy's DateLessThan is in the past");
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

/** A viewer's URL in the four sections that CloudFront compares ("Values that you specify…", Wildcard characters). */
export type UrlSections = {
  readonly scheme: string;
  readonly host: string;
  /** From its first slash, as it was on the wire. */
  readonly path: string;
  /** Without the question mark; undefined if there is none. */
  readonly query: string | undefined;
};

/** The schemes of a Resource; `http*` matches what `*` does. */
const schemes = ["http", "https", "*", "http*"];

const anyNumber = -1;
const exactlyOne = -2;
const queryBegins = -3;

/**
 * Whether the Resource of a custom policy covers a URL ("Values that you specify in the policy statement for a signed
 * URL that uses a custom policy").
 *
 * - `*` matches any number of characters and `?` one, within one section: an asterisk in the path covers slashes, but
 *   not the query.
 * - An asterisk at the end of the path also covers any query; one at the end of the host any path and query.
 * - The question mark that begins a query is not escaped in a Resource, so `?` matches it too. `\?` matches only that
 *   one.
 * - Without a scheme the Resource begins with `*`, and any scheme matches. `*` alone matches every URL.
 *
 * Nothing is decoded, and case counts.
 */
export function resourceCovers(resource: string, url: UrlSections): boolean {
  if (resource === "*") return true;
  const schemeEnd = resource.indexOf("://");
  if (schemeEnd < 0 && !resource.startsWith("*")) return false;
  const scheme = schemeEnd < 0 ? "*" : resource.slice(0, schemeEnd);
  if (!schemes.includes(scheme) || !matches(pattern(scheme), url.scheme, -1)) return false;
  const rest = schemeEnd < 0 ? resource : resource.slice(schemeEnd + 3);
  const slash = rest.indexOf("/");
  const host = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash >= 0 ? rest.slice(slash) : host.endsWith("*") ? "/*" : "/";
  if (!matches(pattern(host), url.host, -1)) return false;
  return url.query === undefined
    ? matches(pattern(path), url.path, -1)
    : matches(pattern(path), `${url.path}?${url.query}`, url.path.length);
}

function pattern(text: string): readonly number[] {
  const tokens: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === "*") tokens.push(anyNumber);
    else if (character === "?") tokens.push(exactlyOne);
    else if (character === "\\" && text.charAt(i + 1) === "?") {
      tokens.push(queryBegins);
      i++;
    } else tokens.push(text.charCodeAt(i));
  }
  return tokens;
}

/**
 * Follows all ways through the pattern at once, so the work is one step per token and character, however many asterisks
 * there are. `border` is where the query begins, or -1: only the pattern's last asterisk matches across it.
 */
function matches(tokens: readonly number[], text: string, border: number): boolean {
  let here = new Uint8Array(tokens.length + 1);
  let next = new Uint8Array(tokens.length + 1);
  here[0] = 1;
  skipEmptyMatches(anyNumber, tokens, here);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    next.fill(0);
    for (let i = 0; i < tokens.length; i++) {
      if (here[i] === 0) continue;
      const token = tokens[i];
      if (token === anyNumber) {
        if (at !== border || i === tokens.length - 1) next[i] = 1;
      } else if (token === code || token === exactlyOne || (token === queryBegins && at === border)) next[i + 1] = 1;
    }
    skipEmptyMatches(anyNumber, tokens, next);
    [here, next] = [next, here];
  }
  // A URL without a query matches like one with an empty query: `hello*` means `hello*\?*` and matches both.
  if (border < 0) {
    skipEmptyMatches(queryBegins, tokens, here);
    skipEmptyMatches(anyNumber, tokens, here);
  }
  return here[tokens.length] === 1;
}

/** Marks the positions that are reachable without a character, where `token` may match nothing. */
function skipEmptyMatches(token: number, tokens: readonly number[], reached: Uint8Array): void {
  for (let i = 0; i < tokens.length; i++) if (reached[i] === 1 && tokens[i] === token) reached[i + 1] = 1;
}

/**
 * The public halves of a ring's CloudFront keys, imported once, each until it expires; or why keys cannot be imported.
 */
export async function publicKeysOf(
  ring: KeyRing,
  clock: Clock,
): Promise<Result<CloudFrontPublicKeys, readonly string[]>> {
  const keys = new Map<string, Pick<CloudFrontKey, "exp" | "state"> & { readonly verify: CloudFrontPublicKey }>();
  const faults: string[] = [];
  for (const key of keysFor(ring, "cloudfront")) {
    const imported = await importCloudFrontPublicKey(publicHalf(key));
    if (imported.ok) keys.set(key.kid, { exp: key.exp, state: key.state, verify: imported.value });
    else faults.push(`STAGEDOOR_KEYS: key "${key.kid}": ${imported.refusal}`);
  }
  if (faults.length > 0) return refuse(faults);
  return ok((keyPairId) => {
    const key = keys.get(keyPairId);
    return key !== undefined && isAccepted(key, clock()) ? key.verify : undefined;
  });
}
