import { isPlaylist, originFileOf } from "../base/alias.ts";
import { canonicalQuery } from "../base/canonical-path.ts";
import type { RefusalCode } from "../base/result.ts";
import type { Asset } from "../catalog/asset.ts";
import { type Enforcement, isServedIn, type ModeNow, modeOf } from "../catalog/enforcement.ts";
import { covers, type Grant, openGrant } from "../signing/grant.ts";
import type { MediaTarget } from "../signing/media-url.ts";
import type { CheckContext, MediaAccess } from "./check-media-request.ts";

/** A file of an asset whose protection is not enforced, for a request that would be refused. */
export interface UnenforcedFile extends ModeNow {
  readonly asset: Asset;
  /** The origin's path below the asset's prefix, and its query. */
  readonly path: string;
  readonly query: string;
  /** The query on the media host: equal to `query`, or empty for an alias. */
  readonly ownQuery: string;
  /** Whether it is a playlist, by its path or by the purpose that its URL states. */
  readonly isPlaylist: boolean;
  /** The session's grant, if it is valid apart from its binding. */
  readonly grant: Grant | undefined;
}

export interface UnenforcedContext extends Pick<CheckContext, "catalog" | "keys" | "now" | "grantIssuer" | "open"> {
  /** STAGEDOOR_ENFORCEMENT. */
  readonly enforcement: Enforcement | undefined;
}

/**
 * The file that a refused request names, if its asset's mode serves such requests; otherwise undefined. A request needs no
 * grant: `/film-42/360p/0.ts` names the asset first, and `/<anything>/film-42/360p/0.ts` second. A request that names two assets
 * is for the first: its file is below that asset's prefix, so it never opens a file of another one.
 */
export function unenforcedFile(
  target: MediaTarget,
  code: RefusalCode,
  { catalog, enforcement, now, keys, grantIssuer, open = openGrant }: UnenforcedContext,
): UnenforcedFile | undefined {
  const plain = catalog.asset(target.grant);
  const asset = plain ?? catalog.assetOfPath(target.path);
  if (asset === undefined) return undefined;
  const mode = modeOf(asset, enforcement, now);
  if (!isServedIn(mode.mode, code)) return undefined;
  const path = target.path.slice(plain === undefined ? asset.id.length + 2 : 1);
  const ownQuery = target.signature === undefined ? canonicalQuery(target.appended) : target.query;
  const file = originFileOf({ path, query: ownQuery });
  if (!file.ok || file.value.path === "" || file.value.path.endsWith("/")) return undefined;
  const opened = plain === undefined ? open(target.grant, keys, now) : undefined;
  const isValid =
    opened?.ok === true &&
    opened.value.issuer === grantIssuer &&
    now < opened.value.expiresAt &&
    covers(opened.value, target.path) &&
    opened.value.use !== "files";
  const grant = isValid ? opened.value : undefined;
  const isList = isPlaylist(file.value.path) || target.signature?.purpose === "playlist";
  return { ...mode, asset, ...file.value, ownQuery, isPlaylist: isList, grant };
}

/**
 * The access to a playlist for a valid grant whose URL is not: the playlist is rewritten, so that the session's next URLs are
 * valid. Undefined for other files, and without such a grant.
 */
export function playlistAccess(
  { path, signature, appended }: MediaTarget,
  { asset, grant, path: rest, query, ownQuery, ...file }: UnenforcedFile,
  { keys, now }: Pick<CheckContext, "keys" | "now">,
): MediaAccess | undefined {
  const key = grant && keys.get(grant.kid);
  if (grant === undefined || key === undefined || !file.isPlaylist) return undefined;
  const purpose = "playlist" as const;
  const place = { path, signedQuery: ownQuery, rest, query, download: undefined };
  // Of an unsigned URL everything after the path is the origin's query.
  const told = signature === undefined ? { expiry: now, appended: "" } : { expiry: signature.expiry, appended };
  return { asset, grant, key, purpose, ...place, ...told };
}
