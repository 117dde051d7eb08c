import { type Check, fault, notLookedAt } from "../finding.ts";
import { told } from "./ask.ts";
import { eachOf } from "./each-of.ts";
import { isListing } from "./listing.ts";
import { assetsOf, giveCatalog, type Live } from "./live.ts";

/** R2's public addresses: `https://pub-….r2.dev`, or a custom domain that was put on the bucket. */
export const publicBucketsCheck: Check<Live> = {
  name: "public buckets",
  held: "no public address of a bucket gives anything away",
  run: async (live) => {
    const { publicBuckets, ask } = live;
    if (publicBuckets.length === 0 || live.catalog === undefined)
      return [
        notLookedAt(
          "R2's public address",
          `Give --public-bucket https://pub-….r2.dev (the dashboard has it), and ${giveCatalog}.`,
        ),
      ];
    const files = assetsOf(live).flatMap(({ origin, entry }) => (origin.type === "r2" ? [origin.prefix + entry] : []));
    return eachOf(publicBuckets, async (bucket) => {
      for (const path of ["/", ...files.map((file) => `/${file}`)]) {
        const answer = await ask(bucket + path, { follow: true });
        if (answer === "silent") return [notLookedAt(bucket + path, "It does not answer.")];
        const open = path === "/" ? isListing(answer) : answer.status === 200 || answer.status === 206;
        if (open)
          return [
            fault(
              "public_bucket_open",
              bucket,
              `It answers ${told(answer)} to ${path}: the bucket is open to everybody.`,
              "Turn off the public development URL, and take custom domains off the bucket: `npx wrangler r2 bucket dev-url disable <bucket>`.",
            ),
          ];
      }
      return [];
    });
  },
};
