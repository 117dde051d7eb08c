import { cloudFrontSign } from "../../../src/adapters/aws/cloudfront-key.ts";
import { after, seconds } from "../../../src/base/seconds.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { CloudFrontKey } from "../../../src/keys/key.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/signers.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { type Answer, told } from "./ask.ts";
import { eachOf } from "./each-of.ts";
import { assetsOf, type Live, missingFile } from "./live.ts";

/** Whether the distributions refuse who has no signature, and take each key of the ring. */
export const cloudFrontCheck: Check<Live> = {
  name: "cloudfront",
  held: "each distribution refuses unsigned URLs and takes the ring's keys",
  run: async (live) => {
    const { ring, catalog, mediaUrl } = live;
    const assets = assetsOf(live).filter(({ cdn }) => cdn === "cloudfront");
    if (catalog !== undefined && assets.length === 0) return [];
    if (ring === undefined || mediaUrl === undefined || catalog === undefined)
      return [notLookedAt("CloudFront", "Give --media, --ring and --catalog.")];
    const keys = keysFor(ring, "cloudfront").filter(({ d }) => d !== undefined);
    const baseOf = (asset: Asset) => asset.cloudfront?.url ?? mediaUrl;
    // A distribution trusts its keys for all its assets alike, as a rule; whether it asks for a signature may differ by path.
    const first = new Map(assets.toReversed().map((asset) => [baseOf(asset), asset]));
    const trying = [...first.values()].flatMap((asset) => keys.map((key) => ({ asset, key })));
    return [
      ...(await eachOf(assets, (asset) => unsigned(asset, baseOf(asset), live))),
      ...(await eachOf(trying, ({ asset, key }) => signed(asset, key, ring, mediaUrl, live))),
    ];
  },
};

/**
 * Whether a request got past CloudFront's own check. What S3 refuses behind it has S3's name on it: of a file that is not
 * there it says 403 to who may not list the bucket.
 */
function gotThrough({ status, code, headers, text }: Answer): boolean {
  if (status !== 403) return true;
  if (code !== undefined) return false;
  return headers.get("Server") === "AmazonS3" || text.includes("<HostId>");
}

async function unsigned(asset: Asset, base: string, { ask }: Live): Promise<Finding[]> {
  const answer = await ask(base + missingFile(asset));
  if (answer === "silent" || !gotThrough(answer) || refusedByUs(answer)) return [];
  return [
    fault(
      "cloudfront_open",
      `asset ${asset.id}`,
      `${new URL(base).host} does not refuse a URL without a signature (${told(answer)}): who learns a path takes the file.`,
      "Give the cache behaviour that serves this path a trusted key group: `npx stagedoor keys export --format cloudformation` prints one.",
    ),
  ];
}

/** Stagedoor's edge stands in where no CloudFront does: it refuses by code. */
function refusedByUs({ code = "" }: Answer): boolean {
  return /^(signature|grant|key)_/.test(code);
}

async function signed(asset: Asset, key: CloudFrontKey, ring: KeyRing, mediaUrl: string, { ask, clock }: Live) {
  const { kid } = key;
  const state = keyStateOf(key, ring.keys, clock());
  if (state === "retired" || asset.cloudfront === undefined) return [];
  const signers = cloudFrontSigners(ring, mediaUrl, clock, (half, hash) => cloudFrontSign({ ...half }, hash));
  const signer = signers({ ...asset.cloudfront, keyPairId: kid });
  if (!signer.ok) return [];
  const url = signer.value.file(missingFile(asset), "", { expires: after(clock(), seconds(60)) });
  if (!url.ok) return [];
  const answer = await ask(url.value);
  const about = `asset ${asset.id}, key ${kid}`;
  const found: Finding[] = [];
  if (answer === "silent")
    found.push(
      fault(
        "host_silent",
        about,
        "The distribution does not answer within 5 s.",
        "Check cloudfront.url in the catalog, and that the distribution is deployed and enabled.",
      ),
    );
  else if (!gotThrough(answer))
    found.push(
      (state === "active" ? fault : warning)(
        "cloudfront_key_refused",
        about,
        `The key is ${state} in the ring, and the distribution refuses what it signs (${told(answer)}).`,
        `Put the public key of this id into the distribution's key group: \`npx stagedoor keys export --kid ${kid} --format aws-cli\`.`,
      ),
    );
  return found;
}
