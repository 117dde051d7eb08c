import { directoryOf } from "../../base/canonical-path.ts";

/**
 * The directory that one rendition alone uses, as `/film/v1/`, or undefined where there is none; only such a one may
 * stand in front of a wildcard. `*` matches slashes as well ("Values that you specify in the policy statement…",
 * Wildcard characters), so `/film/v1/*` opens everything below. What makes it safe:
 *
 * - The directory is that of the rendition's own media playlist, so what lies directly in it is the rendition's.
 * - No other playlist of the asset lies in it or anywhere below, so it is not the directory that several share, nor one
 *   that others are nested in.
 * - It lies below the asset's own prefix, so it is never a whole asset, nor the parent of other assets.
 *
 * One thing this cannot see: a playlist outside the directory whose segments lie inside it. Where assets are laid out
 * like that, they are signed with canned policies.
 *
 * @param playlist the plain, canonical path of the media playlist
 * @param others the same of every other playlist of the asset, the multivariant one included
 * @param assetPrefix the asset's prefix, as `/film/`
 */
export function renditionDirectory(
  playlist: string,
  others: Iterable<string>,
  assetPrefix: string,
): string | undefined {
  const directory = directoryOf(playlist);
  if (!directory.startsWith(assetPrefix) || directory.length === assetPrefix.length) return undefined;
  for (const other of others) if (other !== playlist && other.startsWith(directory)) return undefined;
  return directory;
}

/** True for a path directly in `directory`, which ends in a slash; false for what lies deeper. */
export function liesDirectlyIn(directory: string, path: string): boolean {
  return path.length > directory.length && path.startsWith(directory) && path.indexOf("/", directory.length) < 0;
}
