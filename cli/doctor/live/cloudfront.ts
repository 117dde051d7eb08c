import { after, seconds, type UnixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { CloudFrontKey } from "../../../src/keys/key.ts";
import { inUse, keyStateOf, signsByAsset } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/asset-signers.ts";
import { exportGroup } from "../checks/keys.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { type Answer, eachOf, told } from "./ask.ts";
import { assetsOf, giveCatalog, isMediaHost, type Live, missingFile } from "./live.ts";

/** Whether the distributions refuse who has no signature, and take each key of the ring. */
export const cloudFrontCheck: Check<Live> = {
  name: "cloudfront",
  held: "each distribution refuses unsigned URLs and takes the ring's keys",
  run: async (live) => {
    const { ring, catalog, mediaUrl } = live;
    const assets = assetsOf(live).filter(({ cdn }) => cdn === "cloudfront-signed");
    if (catalog !== undefined && assets.length === 0)
      return [notLookedAt("CloudFront", "No asset of the catalog is served by it.")];
    if (ring === undefined || mediaUrl === undefined || catalog === undefined)
      return [notLookedAt("CloudFront", `Give --media, --ring and ${giveCatalog}.`)];
    const behind = Map.groupBy(assets, (asset) => asset.cloudfront?.url ?? mediaUrl);
    return eachOf([...behind], async ([base, served]) => {
      const [first] = served;
      if (first === undefined) return [];
      if ((await live.ask(base + missingFile(first))) === "silent") return [silent(first)];
      // A distribution trusts its keys for all its assets alike, as a rule; whether it asks for a signature may differ by path.
      const keys = keysTried(served, ring, live.clock());
      return [
        ...(await eachOf(served, (asset) => unsigned(asset, base, live))),
        ...(keys.length === 0
          ? [
              notLookedAt(
                `what ${new URL(base).host} takes`,
                "The ring has no private half of a key that it could take.",
              ),
            ]
          : await eachOf(keys, (key) => signed(first, key, ring, mediaUrl, live))),
      ];
    });
  },
};

/** The keys that sign for a distribution's assets, now or in a rotation: those that take part in one, and those that are named. */
function keysTried(served: readonly Asset[], ring: KeyRing, now: UnixSeconds): readonly CloudFrontKey[] {
  const pairs = keysFor(ring, "cloudfront");
  const named = new Set(served.map(({ cloudfront }) => cloudfront?.keyPairId ?? inUse(pairs, "cloudfront", now)?.kid));
  return pairs.filter(
    (key) =>
      key.d !== undefined &&
      keyStateOf(key, ring.keys, now) !== "retired" &&
      (named.has(key.kid) || !signsByAsset(key, now)),
  );
}

function silent({ id }: Asset): Finding {
  return fault(
    "host_silent",
    `asset ${id}`,
    "The distribution does not answer within 5 s.",
    "Check cloudfront.url in the catalog, and that the distribution is deployed and enabled.",
  );
}

/**
 * Whether a request got past CloudFront's own check. What S3 refuses behind it has S3's name on it: of a file that is not
 * there it says 403 to who may not list the bucket.
 */
function gotThrough({ status, code, headers, text }: Answer): boolean {
  if (status !== 403) return true;
  if (code !== undefined) return false;
  return headers.get("Server") === "AmazonS3" || text.includes("<HostId>");
}

async function unsigned(asset: Asset, base: string, { ask, ringFile }: Live): Promise<Finding[]> {
  const answer = await ask(base + missingFile(asset));
  // Without CloudFront, Stagedoor's edge answers in its place.
  if (answer === "silent" || !gotThrough(answer) || isMediaHost(answer)) return [];
  return [
    fault(
      "cloudfront_open",
      `asset ${asset.id}`,
      `${new URL(base).host} does not refuse a URL without a signature (${told(answer)}): who learns a path takes the file.`,
      `Give the cache behaviour that serves this path a trusted key group: \`${exportGroup(ringFile, "cloudformation")}\` prints one.`,
    ),
  ];
}

async function signed(
  asset: Asset,
  key: CloudFrontKey,
  ring: KeyRing,
  mediaUrl: string,
  { ask, clock, ringFile }: Live,
): Promise<Finding[]> {
  const { kid } = key;
  const state = keyStateOf(key, ring.keys, clock());
  if (asset.cloudfront === undefined) return [];
  const signers = cloudFrontSigners(ring, mediaUrl, clock, (half, hash) => cloudFrontSign({ ...half }, hash));
  const signer = signers({ ...asset.cloudfront, keyPairId: kid });
  if (!signer.ok) return [];
  const url = signer.value.file(missingFile(asset), "", { expires: after(clock(), seconds(60)) });
  if (!url.ok) return [];
  const answer = await ask(url.value);
  if (answer === "silent") return [silent(asset)];
  if (gotThrough(answer)) return [];
  const whole = `\`${exportGroup(ringFile)}\` writes the script that brings the whole key group up to date`;
  return [
    (state === "active" ? fault : warning)(
      "cloudfront_key_refused",
      `asset ${asset.id}, key ${kid}`,
      `The key is ${state} in the ring, and the distribution refuses what it signs (${told(answer)}).`,
      state === "next"
        ? `Let CloudFront have it before it is activated: ${whole}, so that the key that signs now stays in it.`
        : `Put the key group right: ${whole}. Where the distribution trusts another group, name that with --group.`,
    ),
  ];
}
