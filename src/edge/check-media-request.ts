import { isAlias, originFileOf } from "../base/alias.ts";
import { equalInConstantTime } from "../base/crypto.ts";
import type { MediaPurpose } from "../base/media-purpose.ts";
import { type Refusal, type Result, refusal } from "../base/result.ts";
import type { UnixSeconds } from "../base/time.ts";
import type { Asset } from "../catalog/asset.ts";
import type { Catalog } from "../catalog/catalog.ts";
import { isAllowedFile } from "../catalog/file-globs.ts";
import { isAccepted } from "../keys/ring.ts";
import { type Client, isBindingMet } from "../sessions/client-network.ts";
import { downloadIn } from "../signing/download-name.ts";
import { covers, type Grant, openGrant } from "../signing/grant.ts";
import { type MediaTarget, parseMediaTarget, type SignatureParameter, signatureOf } from "../signing/media-url.ts";
import { macFor, type PreparedSessionKey, type SessionKeys } from "../signing/session-keys.ts";

/** The inputs of the check besides the request. */
export interface CheckContext {
  readonly keys: SessionKeys;
  /** `keys` and those of CloudFront's function, which are accepted for assets there only; `keys` if there are none. */
  readonly cloudFrontKeys?: SessionKeys | undefined;
  readonly catalog: Catalog;
  readonly now: UnixSeconds;
  /** The accepted `iss` of grants: two deployments that share a key do not accept each other's grants. */
  readonly grantIssuer: string;
  /** The client, for grants that are bound to a network or a user agent; "anybody" before there is one. */
  readonly client: Client | "anybody";
  /** Opens grants, with a cache (`rememberGrants`). */
  readonly open?: typeof openGrant;
}

/** A request that passed the check, with everything that serving it needs. */
export interface MediaAccess {
  readonly asset: Asset;
  readonly grant: Grant;
  readonly key: PreparedSessionKey;
  readonly purpose: MediaPurpose;
  /** The signed path and query on the media host. */
  readonly path: string;
  readonly signedQuery: string;
  /** The origin's path below the asset's prefix; decoded if the path is an alias. */
  readonly rest: string;
  readonly query: string;
  /** The name under which a browser saves the file; only for `file` URLs. */
  readonly download: string | undefined;
  readonly expiry: UnixSeconds;
  readonly appended: string;
}

/** Why the grant of a URL is refused. */
export type GrantRefusal = Refusal<
  "signature_missing" | "grant_invalid" | "key_unknown" | "grant_expired" | "path_not_covered" | "binding_mismatch"
>;

/** Why a media URL is refused. */
export type MediaRefusal =
  | GrantRefusal
  | Refusal<
      "path_invalid" | "signature_invalid" | "signature_expired" | "asset_unknown" | "uri_foreign" | "file_forbidden"
    >;

/** `expired`: authentic except for its expiry. Only then can a segment's URL be renewed. */
export type MediaVerdict =
  | { readonly verdict: "passed"; readonly access: MediaAccess }
  | { readonly verdict: "expired"; readonly access: MediaAccess; readonly refusal: Refusal<"signature_expired"> }
  | { readonly verdict: "refused"; readonly refusal: MediaRefusal };

/**
 * The edge check: the grant (which viewer, which asset, until when) and the signature (this file, now) must both be
 * valid. Pure, synchronous, without I/O. `explain` calls the same function, so it reports what the edge does. `target`
 * is path and query from the wire.
 *
 * The order matters. A refusal reveals nothing about a grant's claims before its MAC is verified, nothing about a URL's
 * expiry before its signature is, and nothing about existing files before both are.
 */
export function checkMediaRequest(target: string, context: CheckContext): MediaVerdict {
  const parsed = parseMediaTarget(target);
  return parsed.ok ? checkMediaTarget(parsed.value, context) : refused(parsed);
}

/** {@link checkMediaRequest} for a parsed target. */
export function checkMediaTarget(target: MediaTarget, given: CheckContext): MediaVerdict {
  const { catalog, cloudFrontKeys } = given;
  const isAtCloudFront = cloudFrontKeys !== undefined && catalog.assetOfPath(target.path)?.cdn === "cloudfront";
  const context = isAtCloudFront ? { ...given, keys: cloudFrontKeys } : given;
  const session = checkGrant(target, context);
  return session.ok ? checkSignature(target, session.value, context) : refused(session);
}

/** The first half of {@link checkMediaRequest}: the grant, and whether it covers this path and client. */
export function checkGrant(
  target: Pick<MediaTarget, "grant" | "path" | "signature">,
  { keys, now, grantIssuer, client, open = openGrant }: Omit<CheckContext, "catalog">,
): Result<Grant, GrantRefusal> {
  const opened = open(target.grant, keys, now);
  if (!opened.ok) {
    const bare = target.signature === undefined && opened.refusal.code === "grant_invalid";
    return bare ? refusal("signature_missing", "the URL carries neither a grant nor a signature") : opened;
  }
  if (opened.value.issuer !== grantIssuer) return refusal("grant_invalid", "the grant is of another issuer");
  if (now >= opened.value.expiresAt) return refusal("grant_expired", "the playback session has expired");
  if (!covers(opened.value, target.path)) return refusal("path_not_covered", "the grant is for another asset");
  if (client !== "anybody" && !isBindingMet(opened.value, client))
    return refusal("binding_mismatch", "the grant is bound to another network or user agent");
  return opened;
}

function checkSignature(target: MediaTarget, grant: Grant, { keys, catalog, now }: CheckContext): MediaVerdict {
  const { signature, path, query, appended } = target;
  if (signature === undefined)
    return refused(refusal("signature_missing", "the URL has no list, seg, key or file parameter of the right form"));
  const key = keys.get(grant.kid);
  if (key === undefined || !isAccepted(key, now))
    return refused(refusal("key_unknown", "the grant's key is not in the ring (any more)"));
  const { purpose, expiry } = signature;
  const asset = catalog.assetOfPath(path);
  const { qualityClass } = grant;
  if (!isSignatureValid({ path, query, grant: grant.text, qualityClass }, signature, key, asset)) {
    return refused(refusal("signature_invalid", `the ${purpose} signature is invalid for this URL`));
  }
  const use = useFault(grant, purpose);
  if (use !== undefined) return refused(refusal("path_not_covered", use));
  if (asset === undefined) return refused(refusal("asset_unknown", "the asset is no longer in the catalog"));
  let rest = path.slice(asset.id.length + 2);
  let ownQuery = query;
  if (isAlias(rest)) {
    // The path was signed, so this only refuses faults of another signer with our key.
    const file = originFileOf({ path: rest, query });
    if (!file.ok) return refused(file);
    ({ path: rest, query: ownQuery } = file.value);
  }
  const download = purpose === "file" ? downloadIn(ownQuery) : undefined;
  if (download !== undefined) ownQuery = "";
  if (purpose === "file" && !isAllowedFile(asset, rest))
    return refused(refusal("file_forbidden", "the asset's files do not (any longer) include this path"));
  const file = { path, signedQuery: query, rest, query: ownQuery, download };
  const access = { asset, grant, key, purpose, ...file, expiry, appended };
  if (now < expiry) return { verdict: "passed", access };
  const expired = refusal("signature_expired", `the URL expired ${now - expiry} s ago`);
  return { verdict: "expired", access, refusal: expired.refusal };
}

/**
 * Why a grant is for another purpose; undefined if it fits. A grant of `POST /files` holds no lease: if it opened
 * segments, whose signatures other viewers share, a viewer could play without a place under their stream limit. A
 * stream's grant opens no files, because their own grant expires and is limited separately.
 */
export function useFault({ use }: Pick<Grant, "use">, purpose: MediaPurpose): string | undefined {
  if (use === "files") return purpose === "file" ? undefined : "a grant for files opens file URLs only";
  return purpose === "file" ? "a stream's grant opens no file URL" : undefined;
}

/**
 * Whether a target's signature is valid under `key`, for the quality class of its grant, and for the grant itself if it is bound to
 * one. So a viewer cannot play the segment of another class with a friend's URL.
 */
export function isSignatureValid(
  { path, query, grant, qualityClass }: Pick<MediaTarget, "path" | "query" | "grant"> & Pick<Grant, "qualityClass">,
  { purpose, expiry, signature }: SignatureParameter,
  key: PreparedSessionKey,
  asset: Pick<Asset, "segmentSignature"> | undefined,
): boolean {
  const mac = macFor(key, purpose, isBound(purpose, asset) ? grant : undefined);
  return equalInConstantTime(signatureOf(mac, purpose, { qualityClass, path, query, expiry }), signature);
}

/** Whether a signature is valid for one session only, instead of all whose grant covers the path. */
export function isBound(purpose: MediaPurpose, asset: Pick<Asset, "segmentSignature"> | undefined): boolean {
  return purpose === "playlist" || purpose === "file" || asset?.segmentSignature === "session";
}

function refused({ refusal: why }: { readonly refusal: MediaRefusal }): MediaVerdict {
  return { verdict: "refused", refusal: why };
}
