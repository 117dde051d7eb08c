import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/seconds.ts";
import { decodeCloudFrontBase64 } from "./encoding.ts";
import { type CloudFrontHash, latestEpochTime } from "./policy.ts";
import { type cloudFrontParameters, isCloudFrontParameter } from "./spelling.ts";

/** CloudFront's parameters of a URL, and what of its query is not CloudFront's. */
export type SignedParameters = {
  readonly keyPairId: string;
  readonly hash: CloudFrontHash;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** A canned policy's end, or the bytes of a custom policy. */
  readonly policy:
    | { readonly kind: "canned"; readonly expires: UnixSeconds }
    | { readonly kind: "custom"; readonly bytes: Uint8Array<ArrayBuffer> };
  /** The viewer's own query in his own order and spelling; undefined where he has none. */
  readonly query: string | undefined;
};

type Found = Partial<Record<(typeof cloudFrontParameters)[number], string>>;

/**
 * Takes CloudFront's parameters out of a raw query, wherever they stand ("You can specify the following query parameters
 * in any order"), and leaves the rest as it is. Names and values are taken as they came: nothing is decoded.
 *
 * Refuses `signature_missing` where one that is needed is not there, and `signature_invalid` where one stands twice, where
 * both kinds of policy are given, and where a value is not in its one spelling: otherwise one URL could be read in two
 * ways.
 */
export function readParameters(query: string): Result<SignedParameters, Refusal> {
  const found: Found = {};
  const others: string[] = [];
  for (const pair of query === "" ? [] : query.split("&")) {
    const equals = pair.indexOf("=");
    const name = equals < 0 ? pair : pair.slice(0, equals);
    if (!isCloudFrontParameter(name)) others.push(pair);
    else if (found[name] !== undefined) return refusal("signature_invalid", `${name} stands twice in the query`);
    else found[name] = equals < 0 ? "" : pair.slice(equals + 1);
  }
  const { Signature: signatureText, "Key-Pair-Id": keyPairId, "Hash-Algorithm": hash = "SHA1" } = found;
  if (signatureText === undefined || keyPairId === undefined)
    return refusal("signature_missing", "the query holds no Signature or no Key-Pair-Id");
  const signature = decodeCloudFrontBase64(signatureText);
  if (signature === undefined) return refusal("signature_invalid", "Signature is not canonical base64");
  if (hash !== "SHA1" && hash !== "SHA256") return refusal("signature_invalid", "Hash-Algorithm is not SHA1 or SHA256");
  const policy = readPolicy(found);
  if (!policy.ok) return policy;
  const own = others.length === 0 ? undefined : others.join("&");
  return ok({ keyPairId, hash, signature, policy: policy.value, query: own });
}

function readPolicy({ Expires: end, Policy: text }: Found): Result<SignedParameters["policy"], Refusal> {
  if (end !== undefined && text !== undefined)
    return refusal("signature_invalid", "the query holds both a canned policy's Expires and a custom Policy");
  if (text !== undefined) {
    const bytes = decodeCloudFrontBase64(text);
    return bytes === undefined
      ? refusal("signature_invalid", "Policy is not canonical base64")
      : ok({ kind: "custom", bytes });
  }
  if (end === undefined) return refusal("signature_missing", "the query holds neither Expires nor Policy");
  const expires = Number(end);
  if (!isUnixSeconds(expires) || expires > latestEpochTime || String(expires) !== end)
    return refusal("signature_invalid", "Expires is not a time in whole seconds");
  return ok({ kind: "canned", expires });
}
