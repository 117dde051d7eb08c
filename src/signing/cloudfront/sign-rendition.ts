import { isPlain } from "../../base/alias.ts";
import { pathFault } from "../../base/canonical-path.ts";
import type { Refusal } from "../../base/refusal.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/seconds.ts";
import { liesDirectlyIn, renditionDirectory } from "./rendition-directory.ts";
import type { CloudFrontSigner } from "./sign.ts";

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
export type SignCloudFrontSegment = (path: string, query: string, expires: UnixSeconds) => Result<string, Refusal>;

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
): Result<SignCloudFrontSegment, Refusal> {
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
