import { isPlain, type OriginFile } from "../../base/alias.ts";
import { directoryOf, pathFault } from "../../base/canonical-path.ts";
import { ok, type Refusal, type Result, refusal } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/time.ts";
import { type CloudFrontWindow, latestEpochTime, parseIpv4Range } from "./cloudfront-policy.ts";
import { spellExactly, spellPath, spellQuery } from "./signed-parameters.ts";
import { assertDistribution, type CloudFrontDistribution, type CloudFrontWire } from "./wire-format.ts";

/** A plain, canonical path and the origin's query (without `?`, may be empty) → the signed URL. */
type SignCloudFrontUrl = (path: string, query: string) => Result<string, Refusal<"path_invalid" | "path_not_covered">>;

export type CloudFrontSigner = {
  /**
   * The URL of one file. A window with only an end gives a canned policy, any other a custom policy for this file. A
   * custom policy with a query is refused (`path_invalid`), because the question mark would be a wildcard.
   */
  readonly file: (
    path: string,
    query: string,
    window: CloudFrontWindow,
  ) => Result<string, Refusal<"path_invalid" | "address_not_covered">>;
  /**
   * The URL of a file whose path or query is not canonical, in the origin's spelling. The policy is canned, because a
   * wildcard covers only canonical paths.
   */
  readonly exact: (file: OriginFile, expires: UnixSeconds) => Result<string, Refusal<"path_invalid">>;
  /**
   * One custom policy, signed once, for all files in a directory (plain, canonical, with a trailing slash). The
   * returned function refuses a path that is not directly in it (`path_not_covered`). Only for a directory from
   * `renditionDirectory`.
   */
  readonly directory: (
    directory: string,
    window: CloudFrontWindow,
  ) => Result<SignCloudFrontUrl, Refusal<"path_invalid" | "address_not_covered">>;
};

/**
 * Signs URLs of a distribution, and refuses where the SDK would sign something else than intended.
 *
 * Throws a TypeError for an invalid distribution, and a RangeError for an invalid window: milliseconds for seconds, or
 * a start that is not before the end. `path_invalid`: the path or query cannot be signed (see `signed-parameters.ts`).
 * `address_not_covered`: CloudFront cannot check the address, such as IPv6.
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
        return refusal("path_invalid", "a wildcard needs a directory below the asset's own");
      const signed = wire.custom(`${baseUrl}${spelled.value}*`, window.value);
      return ok((path, query) => {
        if (!liesDirectlyIn(directory, path)) return refusal("path_not_covered", "it is not in the directory");
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
    if (starts >= expires) throw new RangeError("the URL would never be valid: starts is not before expires");
  }
  if (address === undefined) return ok(window);
  const range = address.includes("/") ? address : `${address}/32`;
  if (parseIpv4Range(range) === undefined)
    return refusal("address_not_covered", "CloudFront's IpAddress accepts an IPv4 address or range, but no IPv6");
  return ok({ ...window, address: range });
}

/** CloudFront accepts 32 bits, so a time in milliseconds is detected. The SDK ignores a start of 0. */
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

/** A rendition, as its signatures need it. Paths are the origin's, below the asset's prefix on the media host. */
export type CloudFrontRendition = {
  /** The media playlist's path. */
  readonly playlist: string;
  /** The paths of the asset's other playlists, including the multivariant one. */
  readonly others: Iterable<string>;
  /** The asset's prefix, as `/film/`. */
  readonly assetPrefix: string;
  /** The latest expiry of any URL in the rendition's playlist. */
  readonly expires: UnixSeconds;
};

/** Why CloudFront could not verify a signature for a URL. */
export type CloudFrontRefusal = Refusal<"path_invalid" | "path_not_covered" | "address_not_covered">;

/** A path, the origin's query and the expiry → the signed URL. Called once per URI, synchronously. */
export type SignCloudFrontSegment = (
  path: string,
  query: string,
  expires: UnixSeconds,
) => Result<string, CloudFrontRefusal>;

/**
 * Signs the URIs of one media playlist.
 *
 * - `canned`: each URI has its own policy and expiry.
 * - `custom`: files directly in the rendition's directory share one policy that expires with the rendition. A URI
 *   outside it or with a query (a wildcard would let the viewer write it) is signed as `canned`, and so are all URIs if
 *   no directory belongs to this rendition alone.
 *
 * A URI that is not canonical always has a canned policy for the origin's spelling.
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
 * The directory that belongs to one rendition alone, as `/film/v1/`, or undefined. Only such a directory may precede a
 * wildcard: `*` also matches slashes ("Values that you specify in the policy statement…", Wildcard characters), so
 * `/film/v1/*` opens everything below. The rules:
 *
 * - It is the directory of the rendition's own media playlist.
 * - No other playlist of the asset is in it or below, so renditions do not share it and none is nested in it.
 * - It is below the asset's prefix, so it is never a whole asset or the parent of assets.
 *
 * A playlist outside the directory may have segments inside it, which this cannot see. Use canned policies for such
 * assets.
 *
 * @param playlist the plain, canonical path of the media playlist
 * @param others the same of every other playlist of the asset, including the multivariant one
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

/** Whether a path is directly in `directory`, which ends with a slash, and not deeper. */
export function liesDirectlyIn(directory: string, path: string): boolean {
  return path.length > directory.length && path.startsWith(directory) && path.indexOf("/", directory.length) < 0;
}
