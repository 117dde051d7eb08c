import type { Asset } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { type Finding, fault } from "../finding.ts";
import type { Live } from "./live.ts";
import { isContent } from "./origin-files.ts";
import { checkEach, statusText } from "./probe.ts";

/** `films.s3.eu-central-1.amazonaws.com`, with the forms of other endpoints and of earlier years. */
const virtualHost = /^(.+)\.s3(?:[.-](?:dualstack\.)?([a-z0-9-]+))?\.(amazonaws\.com(?:\.cn)?)$/;
/** `s3.eu-central-1.amazonaws.com/films/`. */
const pathHost = /^s3(?:[.-](?:dualstack\.)?([a-z0-9-]+))?\.(amazonaws\.com(?:\.cn)?)$/;

/**
 * The other public addresses of the files at a URL of S3: of the bucket in the path, of a website, and of transfer
 * acceleration. A website serves public files over plain HTTP, and its own rules may allow what the API's do not. Empty if
 * the URL is not of S3.
 */
export function bucketAddresses(url: string): readonly string[] {
  const { host, pathname } = new URL(url);
  const virtual = virtualHost.exec(host);
  const [, bucketInPath = "", rest = ""] = /^\/([^/]+)\/(.*)$/s.exec(pathname) ?? [];
  const inPath = virtual === null && bucketInPath !== "" ? pathHost.exec(host) : null;
  const [bucket, region = "us-east-1", domain, key] =
    virtual === null
      ? [bucketInPath, inPath?.[1], inPath?.[2], rest]
      : [virtual[1] ?? "", virtual[2], virtual[3], pathname.slice(1)];
  if (domain === undefined) return [];
  const addresses = [
    `https://${bucket}.s3.${region}.${domain}/`,
    `https://s3.${region}.${domain}/${bucket}/`,
    `http://${bucket}.s3-website-${region}.${domain}/`,
    `http://${bucket}.s3-website.${region}.${domain}/`,
    `https://${bucket}.s3-accelerate.${domain}/`,
  ];
  return addresses.map((address) => address + key).filter((address) => address !== url);
}

/** Whether a bucket of S3 serves an asset's entry at another of its public addresses. */
export function bucketFindings(asset: Asset, origin: HttpAssetOrigin, { probe }: Live): Promise<Finding[]> {
  return checkEach(bucketAddresses(origin.url + asset.entry), async (url) => {
    const response = await probe(url);
    // Most buckets have no website, so no answer is the usual one.
    if (response === "silent" || !isContent(response)) return [];
    return [
      fault(
        "origin_open",
        `asset ${asset.id}`,
        `Its bucket answers ${statusText(response)} to a plain GET of its entry at ${new URL(url).host}: anyone who knows the URL can download every file without Stagedoor.`,
        "Close the bucket: Block Public Access on, no static website hosting, no policy for Principal *.",
      ),
    ];
  });
}
