import { isPlain, type OriginFile } from "../../base/alias.ts";
import { directoryOf, pathFault } from "../../base/canonical-path.ts";
import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/time.ts";
import { type CloudFrontWindow, latestEpochTime, parseIpv4Range } from "./cloudfront-policy.ts";
import { spellExactly, spellPath, spellQuery } from "./signed-parameters.ts";
import { assertDistribution, type CloudFrontDistribution, type CloudFrontWire } from "./wire-format.ts";

/** A plain, canonical path and the origin's own query (without `?`, empty where there is none) → the signed URL. */
type SignCloudFrontUrl = (path: string, query: string) => Result<string, Refusal<"path_invalid" | "path_not_covered">>;

export type CloudFrontSigner = {
  /**
   * The URL of one file. The policy is canned where the window has an end alone, else custom for exactly this file; a
   * query is refused there (`path_invalid`), since its question mark would be a wildcard.
   */
  readonly file: (
    path: string,
    query: string,
    window: CloudFrontWindow,
  ) => Result<string, Refusal<"path_invalid" | "address_not_covered">>;
  /**
   * The URL of one file whose path or query is not canonical, in the spelling that its origin expects. The policy is canned:
   * a wildcard covers canonical paths only. Refuses what `spellExactly` refuses.
   */
  readonly exact: (file: OriginFile, expires: UnixSeconds) => Result<string, Refusal<"path_invalid">>;
  /**
   * One custom policy for all that lies in a directory (plain, canonical, with a slash at its end), signed once. The
   * function that it gives refuses a path that does not lie directly in it (`path_not_covered`). Only for a directory
   * that `renditionDirectory` found.
   */
  readonly directory: (
    directory: string,
    window: CloudFrontWindow,
  ) => Result<SignCloudFrontUrl, Refusal<"path_invalid" | "address_not_covered">>;
};

/**
 * Signs URLs of a distribution, and says no wherever the SDK would sign something other than what was meant.
 *
 * Throws a TypeError for a wrong distribution, and a RangeError for a window that no caller may ask for: milliseconds
 * for seconds, a start that is not before the end. Refuses `path_invalid` for a path or query that cannot be signed (see
 * `spelling.ts`), and `address_not_covered` for an address that CloudFront cannot check, such as one of IPv6.
 */
export function cloudFrontSigner(distribution: CloudFrontDistribution, wire: CloudFrontWire): CloudFrontSigner {
  assertDistribution(distribution);
  const { baseUrl } = distribution;
  return {
    file(path, query, given) {
      const window = checkedWindow(given);
      if (!window.ok) return window;
      const spelledPath = spellPath(path);
      if (!spelledPath.ok) return spelledPath;
      const spelledQuery = spellQuery(query);
      if (!spelledQuery.ok) return spelledQuery;
      const url = join(baseUrl, spelledPath.value, spelledQuery.value);
      if (isCanned(window.value)) return ok(wire.canned(url, window.value.expires));
      if (spelledQuery.value !== "")
        return refusal("path_invalid", "in a custom policy for one file the question mark of its query is a wildcard");
      return ok(wire.custom(url, window.value)(url));
    },

    exact(file, expires) {
      assertEpochTime("expires", expires);
      const spelled = spellExactly(file);
      return spelled.ok ? ok(wire.canned(join(baseUrl, spelled.value.path, spelled.value.query), expires)) : spelled;
    },

    directory(directory, given) {
      const window = checkedWindow(given);
      if (!window.ok) return window;
      const spelled = spellPath(directory);
      if (!spelled.ok) return spelled;
      if (!directory.endsWith("/") || directory.indexOf("/", 1) === directory.length - 1 || directory === "/")
        return refusal("path_invalid", "a wildcard stands behind a directory that lies below an asset's own");
      const signed = wire.custom(`${baseUrl}${spelled.value}*`, window.value);
      return ok((path, query) => {
        if (!liesDirectlyIn(directory, path)) return refusal("path_not_covered", "it does not lie in the directory");
        const spelledPath = spellPath(path);
        if (!spelledPath.ok) return spelledPath;
        const spelledQuery = spellQuery(query);
        if (!spelledQuery.ok) return spelledQuery;
        return ok(signed(join(baseUrl, spelledPath.value, spelledQuery.value)));
      });
    },
  };
}

/** The window with its address in CIDR notation. */
function checkedWindow(window: CloudFrontWindow): Result<CloudFrontWindow, Refusal<"address_not_covered">> {
  const { expires, starts, address } = window;
  assertEpochTime("expires", expires);
  if (starts !== undefined) {
    assertEpochTime("starts", starts);
    if (starts >= expires) throw new RangeError("the URL would start when it has ended: starts is not before expires");
  }
  if (address === undefined) return ok(window);
  const range = address.includes("/") ? address : `${address}/32`;
  if (parseIpv4Range(range) === undefined)
    return refusal("address_not_covered", "CloudFront's IpAddress takes an IPv4 address or range, and no IPv6");
  return ok({ ...window, address: range });
}

/**
 * CloudFront takes 32 bits; a time in milliseconds does not fit in, so it cannot pass for one in seconds. The SDK drops a
 * start of 0 as if it were none.
 */
function assertEpochTime(name: string, time: number): void {
  if (!isUnixSeconds(time) || time === 0 || time > latestEpochTime)
    throw new RangeError(`${name} is a time in whole seconds since 1970, from 1 to ${latestEpochTime}`);
}

function isCanned(window: CloudFrontWindow): boolean {
  return window.starts === undefined && window.address === undefined;
}

function join(baseUrl: string, path: string, query: string): string {
  return query === "" ? baseUrl + path : `${baseUrl}${path}?${query}`;
}

/** A rendition as far as its signatures go. Paths are those of the origin, below the asset's prefix on the media host. */
export type CloudFrontRendition = {
  /** The media playlist's path. */
  readonly playlist: string;
  /** The paths of the asset's other playlists, the multivariant one included. */
  readonly others: Iterable<string>;
  /** The asset's prefix, as `/film/`. */
  readonly assetPrefix: string;
  /** The latest time that any URL of the rendition's playlist holds until. */
  readonly expires: UnixSeconds;
};

/** A path, the origin's own query, both in its spelling, and the expiry → the signed URL. Called once per URI, synchronously. */
export type SignCloudFrontSegment = (
  path: string,
  query: string,
  expires: UnixSeconds,
) => Result<string, Refusal<"path_invalid" | "path_not_covered" | "address_not_covered">>;

/**
 * How the URIs of one media playlist are signed.
 *
 * - `canned`: each has a policy of its own that ends at its own time.
 * - `custom`: what lies directly in the rendition's directory shares one policy that ends with the rendition; anything
 *   else, what has a query of its own (a wildcard would let the viewer write it), and everything where no directory is
 *   the rendition's alone, is signed as `canned`.
 *
 * What is not canonical has a canned policy for the origin's own spelling, always.
 */
export function cloudFrontRendition(
  signer: CloudFrontSigner,
  policy: "canned" | "custom",
  rendition: CloudFrontRendition,
): Result<SignCloudFrontSegment, Refusal<"path_invalid" | "address_not_covered">> {
  const canned: SignCloudFrontSegment = (path, query, expires) =>
    isPlain({ path: path.slice(rendition.assetPrefix.length), query })
      ? signer.file(path, query, { expires })
      : signer.exact({ path, query }, expires);
  if (policy === "canned") return ok(canned);
  const directory = renditionDirectory(rendition.playlist, rendition.others, rendition.assetPrefix);
  if (directory === undefined || pathFault(directory) !== undefined) return ok(canned);
  const shared = signer.directory(directory, { expires: rendition.expires });
  if (!shared.ok) return shared;
  return ok((path, query, expires) =>
    query === "" && liesDirectlyIn(directory, path) && pathFault(path) === undefined
      ? shared.value(path, query)
      : canned(path, query, expires),
  );
}

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
