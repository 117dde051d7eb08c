import type { OriginFile } from "../../base/alias.ts";
import { type Refusal, refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import { isUnixSeconds, type UnixSeconds } from "../../base/seconds.ts";
import { assertDistribution, type CloudFrontDistribution } from "./distribution.ts";
import { parseIpv4Range } from "./ipv4.ts";
import { type CloudFrontWindow, latestEpochTime } from "./policy.ts";
import { liesDirectlyIn } from "./rendition-directory.ts";
import { spellExactly, spellPath, spellQuery } from "./spelling.ts";
import type { CloudFrontWire } from "./wire.ts";

/** A plain, canonical path and the origin's own query (without `?`, empty where there is none) → the signed URL. */
export type SignCloudFrontUrl = (path: string, query: string) => Result<string, Refusal>;

export type CloudFrontSigner = {
  /**
   * The URL of one file. The policy is canned where the window has an end alone, else custom for exactly this file; a
   * query is refused there (`path_invalid`), since its question mark would be a wildcard.
   */
  readonly file: (path: string, query: string, window: CloudFrontWindow) => Result<string, Refusal>;
  /**
   * The URL of one file whose path or query is not canonical, in the spelling that its origin expects. The policy is canned:
   * a wildcard covers canonical paths only. Refuses what `spellExactly` refuses.
   */
  readonly exact: (file: OriginFile, expires: UnixSeconds) => Result<string, Refusal>;
  /**
   * One custom policy for all that lies in a directory (plain, canonical, with a slash at its end), signed once. The
   * function that it gives refuses a path that does not lie directly in it (`path_not_covered`). Only for a directory
   * that `renditionDirectory` found.
   */
  readonly directory: (directory: string, window: CloudFrontWindow) => Result<SignCloudFrontUrl, Refusal>;
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
function checkedWindow(window: CloudFrontWindow): Result<CloudFrontWindow, Refusal> {
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
