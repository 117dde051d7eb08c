import { after, seconds, type UnixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { CloudFrontKey } from "../../../src/keys/key.ts";
import { inUse, keyStateOf, signsByAsset } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { cloudFrontSign } from "../../../src/platform/node/node-crypto.ts";
import { cloudFrontSigners } from "../../../src/signing/cloudfront/asset-signers.ts";
import { exportGroup } from "../checks/keys.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { functionFindings } from "./function.ts";
import { assetsOf, catalogOptions, functionAssets, isMediaHost, type Live, missingFile } from "./live.ts";
import { checkEach, type ProbeResponse, statusText } from "./probe.ts";

/** Whether each distribution refuses unsigned URLs and accepts each key of the ring. */
export const cloudFrontCheck: Check<Live> = {
  name: "cloudfront",
  passed: "each distribution refuses unsigned URLs and accepts the ring's keys",
  run: async (live) => {
    const { ring, catalog, mediaUrl } = live;
    const signed = assetsOf(live).filter(({ cdn }) => cdn === "cloudfront-signed");
    if (catalog !== undefined && signed.length === 0 && functionAssets(live).size === 0)
      return [notChecked("CloudFront", "No asset of the catalog is at CloudFront.")];
    if (ring === undefined || mediaUrl === undefined || catalog === undefined)
      return [notChecked("CloudFront", `Give --media, --ring and ${catalogOptions}.`)];
    return [
      ...(await signedUrlFindings(signed, ring, mediaUrl, live)),
      ...(await functionFindings(ring, mediaUrl, live)),
    ];
  },
};

/** Whether distributions with CloudFront's own signed URLs check them, by each key of the ring. */
function signedUrlFindings(assets: readonly Asset[], ring: KeyRing, mediaUrl: string, live: Live): Promise<Finding[]> {
  const distributions = Map.groupBy(assets, (asset) => asset.cloudfront?.url ?? mediaUrl);
  return checkEach([...distributions], async ([baseUrl, assetsThere]) => {
    const [first] = assetsThere;
    if (first === undefined) return [];
    if ((await live.probe(baseUrl + missingFile(first))) === "silent") return [silent(first)];
    // Each asset is tried without a signature, because cache behaviours differ by path. One asset is enough to try a key.
    const keys = keysToTry(assetsThere, ring, live.clock());
    return [
      ...(await checkEach(assetsThere, (asset) => unsignedFindings(asset, baseUrl, live))),
      ...(keys.length === 0
        ? [
            notChecked(
              `the keys of ${new URL(baseUrl).host}`,
              "The ring has no private half of a key for this distribution.",
            ),
          ]
        : await checkEach(keys, (key) => signedFindings(first, key, ring, mediaUrl, live))),
    ];
  });
}

/** The keys that sign for a distribution's assets now or later: those in a rotation, and those that an asset names. */
function keysToTry(assets: readonly Asset[], ring: KeyRing, now: UnixSeconds): readonly CloudFrontKey[] {
  const pairs = keysFor(ring, "cloudfront");
  const named = new Set(assets.map(({ cloudfront }) => cloudfront?.keyPairId ?? inUse(pairs, "cloudfront", now)?.kid));
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
 * Whether a request passed CloudFront's own check. A 403 of S3, which answers a missing file with 403 if the caller may not
 * list the bucket, means that it did.
 */
function passedCloudFront({ status, code, headers, text }: ProbeResponse): boolean {
  if (status !== 403) return true;
  if (code !== undefined) return false;
  return headers.get("Server") === "AmazonS3" || text.includes("<HostId>");
}

async function unsignedFindings(asset: Asset, baseUrl: string, { probe, ringFile }: Live): Promise<Finding[]> {
  const response = await probe(baseUrl + missingFile(asset));
  // Without a cloudfront.url the URL leads to Stagedoor's own edge.
  if (response === "silent" || !passedCloudFront(response) || isMediaHost(response)) return [];
  return [
    fault(
      "cloudfront_open",
      `asset ${asset.id}`,
      `${new URL(baseUrl).host} does not refuse a URL without a signature (${statusText(response)}): anyone who knows a path can download the file.`,
      `Give the cache behaviour for this path a trusted key group: \`${exportGroup(ringFile, "cloudformation")}\` prints one.`,
    ),
  ];
}

async function signedFindings(
  asset: Asset,
  key: CloudFrontKey,
  ring: KeyRing,
  mediaUrl: string,
  { probe, clock, ringFile }: Live,
): Promise<Finding[]> {
  const { kid } = key;
  const state = keyStateOf(key, ring.keys, clock());
  if (asset.cloudfront === undefined) return [];
  const signers = cloudFrontSigners(ring, mediaUrl, clock, (half, hash) => cloudFrontSign({ ...half }, hash));
  const signer = signers({ ...asset.cloudfront, keyPairId: kid });
  if (!signer.ok) return [];
  const url = signer.value.file(missingFile(asset), "", { expires: after(clock(), seconds(60)) });
  if (!url.ok) return [];
  const response = await probe(url.value);
  if (response === "silent") return [silent(asset)];
  if (passedCloudFront(response)) return [];
  const script = `\`${exportGroup(ringFile)}\` prints a script that updates the whole key group`;
  return [
    (state === "active" ? fault : warning)(
      "cloudfront_key_refused",
      `asset ${asset.id}, key ${kid}`,
      `The key is ${state} in the ring, and the distribution refuses its signatures (${statusText(response)}).`,
      state === "next"
        ? `Add the key to CloudFront before it is activated: ${script} and keeps the current signing key in it.`
        : `Fix the key group: ${script}. If the distribution trusts another group, name that group with --group.`,
    ),
  ];
}
