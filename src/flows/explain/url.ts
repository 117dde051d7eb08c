import { type CloudFrontCheckContext, cloudFrontAsset } from "../serve-cloudfront.ts";
import { explainCloudFrontUrl } from "./cloudfront-url.ts";
import type { Explanation } from "./explanation.ts";
import { type ExplainMediaContext, explainMediaUrl } from "./media-url.ts";

export type ExplainContext = ExplainMediaContext & CloudFrontCheckContext;

/**
 * What the media host does with a request target (path and query as they go over the wire), and why: the same checks as
 * the edge's, in its order. Whether the origin has the file is not looked at.
 */
export async function explainUrl(target: string, context: ExplainContext): Promise<Explanation> {
  const asset = cloudFrontAsset(target, context.catalog);
  return asset === undefined ? explainMediaUrl(target, context) : explainCloudFrontUrl(target, asset, context);
}
