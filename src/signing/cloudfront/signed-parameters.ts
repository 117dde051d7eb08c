import { mediaPlaceOf, type OriginFile } from "../../base/alias.ts";
import { canonicalQuery, pathFault } from "../../base/canonical-path.ts";
import { ok, type Refusal, type Result, refusal, refuse } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/time.ts";
import { type CloudFrontHash, latestEpochTime } from "./cloudfront-policy.ts";
import { decodeCloudFrontBase64 } from "./wire-format.ts";

/** CloudFront's parameters of a URL, and the rest of its query. */
export type SignedParameters = {
  readonly keyPairId: string;
  readonly hash: CloudFrontHash;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** The expiry of a canned policy, or the bytes of a custom one. */
  readonly policy:
    | { readonly kind: "canned"; readonly expires: UnixSeconds }
    | { readonly kind: "custom"; readonly bytes: Uint8Array<ArrayBuffer> };
  /** The viewer's own query in its original order and spelling; undefined if there is none. */
  readonly query: string | undefined;
};

type Found = Partial<Record<(typeof cloudFrontParameters)[number], string>>;

/**
 * Separates CloudFront's parameters from the rest of a raw query, at any position ("You can specify the following query
 * parameters in any order"). Nothing is decoded.
 *
 * `signature_missing`: a required parameter is missing. `signature_invalid`: a parameter is repeated, both kinds of
 * policy are present, or a value is not canonical. Otherwise one URL could be read in two ways.
 */
export function readParameters(
  query: string,
): Result<SignedParameters, Refusal<"signature_missing" | "signature_invalid">> {
  const found: Found = {};
  const others: string[] = [];
  for (const pair of query === "" ? [] : query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!isCloudFrontParameter(name)) others.push(pair);
    else if (found[name] !== undefined) return refusal("signature_invalid", `${name} is repeated in the query`);
    else found[name] = equals < 0 ? "" : pair.slice(equals + 1);
  }
  const { Signature: signatureText, "Key-Pair-Id": keyPairId, "Hash-Algorithm": hash = "SHA1" } = found;
  if (signatureText === undefined || keyPairId === undefined)
    return refusal("signature_missing", "the query has no Signature or no Key-Pair-Id");
  const signature = decodeCloudFrontBase64(signatureText);
  if (signature === undefined) return refusal("signature_invalid", "Signature is not canonical base64");
  if (hash !== "SHA1" && hash !== "SHA256") return refusal("signature_invalid", "Hash-Algorithm is not SHA1 or SHA256");
  const policy = readPolicy(found);
  if (!policy.ok) return policy;
  const own = others.length === 0 ? undefined : others.join("&");
  return ok({ keyPairId, hash, signature, policy: policy.value, query: own });
}

function readPolicy({
  Expires: end,
  Policy: text,
}: Found): Result<SignedParameters["policy"], Refusal<"signature_missing" | "signature_invalid">> {
  if (end !== undefined && text !== undefined)
    return refusal("signature_invalid", "the query has both a canned policy's Expires and a custom Policy");
  if (text !== undefined) {
    const bytes = decodeCloudFrontBase64(text);
    return bytes === undefined
      ? refusal("signature_invalid", "Policy is not canonical base64")
      : ok({ kind: "custom", bytes });
  }
  if (end === undefined) return refusal("signature_missing", "the query has neither Expires nor Policy");
  const expires = Number(end);
  if (!isUnixSeconds(expires) || expires > latestEpochTime || String(expires) !== end)
    return refusal("signature_invalid", "Expires is not a time in whole seconds");
  return ok({ kind: "canned", expires });
}

/**
 * Characters that a canonical path contains unescaped and the SDK escapes before it signs. S3 reads a bare `+` as a
 * space, so the escape is also the safe spelling for an S3 origin.
 */
const escapes = new Map([..."$&+,:=@"].map((character) => [character, encodeURIComponent(character)]));

/** The names that a viewer's own parameters cannot have ("Create a signed URL…", step 2, value 3 of either page). */
const cloudFrontParameters = ["Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"] as const;
const parameterNames: readonly string[] = cloudFrontParameters;

/**
 * A canonical path as the SDK writes it in a signed URL. Refused:
 *
 * - a path that is not canonical: the SDK decodes `%2E%2E` to dot segments and signs them
 * - an asterisk: CloudFront would read it as a wildcard if the canned policy were sent as a custom one
 * - escapes that are not UTF-8: the SDK encodes them twice and so signs another file
 */
export function spellPath(path: string): Result<string, Refusal<"path_invalid">> {
  const fault = pathFault(path);
  if (fault !== undefined) return refusal("path_invalid", fault);
  if (path.includes("*")) return refusal("path_invalid", "it contains an asterisk, which is a wildcard to CloudFront");
  if (path.includes("%") && !isUtf8(path)) return refusal("path_invalid", "it contains escapes that are not UTF-8");
  return ok(translate(path));
}

/**
 * A query (without its `?`) as the SDK writes it: canonical, each name with its `=`, no empty pairs. Refused if a
 * parameter has one of CloudFront's names.
 */
export function spellQuery(query: string): Result<string, Refusal<"path_invalid">> {
  if (query === "") return ok("");
  const pairs = canonicalQuery(query)
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  const reserved = pairs.find((pair) => isCloudFrontParameter(pair.slice(0, pair.indexOf("="))));
  if (reserved !== undefined) return refusal("path_invalid", "a parameter of its query has one of CloudFront's names");
  return ok(pairs.join("&"));
}

/**
 * A file that is not canonical, in its origin's spelling, which CloudFront passes on. The path begins with a slash.
 * Wildcards in the query are escaped: a client that sends the canned policy as a custom one could fill them in.
 * Refused: files that {@link mediaPlaceOf} refuses, an asterisk in the path, and a parameter with one of CloudFront's
 * names.
 */
export function spellExactly({ path, query }: OriginFile): Result<OriginFile, Refusal<"path_invalid">> {
  const place = mediaPlaceOf({ path: path.slice(1), query });
  if (!place.ok) return refusal("path_invalid", place.refusal.reason);
  if (path.includes("*")) return refusal("path_invalid", "it contains an asterisk, which is a wildcard to CloudFront");
  const reserved = query.split("&").find((pair) => isCloudFrontParameter(pair.split("=", 1)[0] ?? ""));
  if (reserved !== undefined) return refusal("path_invalid", "a parameter of its query has one of CloudFront's names");
  return ok({ path, query: query.replaceAll("*", "%2A").replaceAll("?", "%3F") });
}

/**
 * The origin path that a signed URL opens, from the raw path in it. Under a canned policy it may be a path from
 * {@link spellExactly}. The refusal says why there is none.
 */
export function openedPath(raw: string, policy: "canned" | "custom" | undefined): Result<string, string> {
  const plain = plainPath(raw);
  const fault = pathFault(plain);
  if (fault === undefined) return ok(plain);
  const exact = policy === "canned" && mediaPlaceOf({ path: raw.slice(1), query: "" }).ok;
  return exact && raw.startsWith("/") ? ok(raw) : refuse(fault);
}

/** The path before {@link spellPath} escaped it. Canonical only if `pathFault` says so. */
function plainPath(spelled: string): string {
  if (!spelled.includes("%")) return spelled;
  let path = spelled;
  for (const [character, escaped] of escapes) path = path.replaceAll(escaped, character);
  return path;
}

export function isCloudFrontParameter(name: string): name is (typeof cloudFrontParameters)[number] {
  return parameterNames.includes(name);
}

function translate(path: string): string {
  let out = "";
  let from = 0;
  for (let i = 0; i < path.length; i++) {
    const escaped = escapes.get(path.charAt(i));
    if (escaped === undefined) continue;
    out += path.slice(from, i) + escaped;
    from = i + 1;
  }
  return from === 0 ? path : out + path.slice(from);
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}
