import { ok, type Result, refuse } from "../../../src/base/result.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { bindingFault } from "../../../src/catalog/origin-secrets.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { eachOf, told } from "./ask.ts";
import { assetsOf, giveCatalog, type Live } from "./live.ts";
import { filesBehind, isListing, lists, openFile, readFromOrigin } from "./origin-files.ts";

/** Whether the origins are reachable with their secrets, and refuse everybody who has none. */
export const originsCheck: Check<Live> = {
  name: "origins",
  held: "they answer us, and nobody else",
  run: async (live) => {
    if (live.catalog === undefined) return [notLookedAt("origins", `Give ${giveCatalog}.`)];
    if (!live.origins) return [notLookedAt("origins", "Give --origins, or --media.")];
    const byUrl = new Map<string, { readonly asset: Asset; readonly origin: HttpAssetOrigin }>();
    for (const asset of assetsOf(live))
      if (asset.origin.type === "http") byUrl.set(asset.origin.url, { asset, origin: asset.origin });
    if (byUrl.size === 0) return [notLookedAt("origins", "No asset of the catalog lies on an HTTP server.")];
    const roots = new Set<string>();
    return eachOf([...byUrl.values()], async ({ asset, origin }) => [
      ...(await originFindings(asset, origin, live)),
      ...(await lists(asset, origin.url, roots, live)),
    ]);
  },
};

async function originFindings(asset: Asset, origin: HttpAssetOrigin, live: Live): Promise<Finding[]> {
  const about = `asset ${asset.id}`;
  const url = origin.url + asset.entry;
  if ((await live.ask(url)) === "silent")
    return [
      fault(
        "origin_silent",
        about,
        `Its origin ${new URL(url).host} does not answer within 5 s.`,
        "Check origin.url, and that the server is up and reached from here.",
      ),
    ];
  const entry = await entryOf(asset, origin, live);
  const found = entry.ok ? [] : [entry.refusal];
  const open = await openFile(asset, { what: "entry", url }, live);
  if (!entry.ok || open.some(({ severity }) => severity === "fault")) return [...found, ...open];
  const files = await filesBehind(asset, origin, entry.value, live);
  const behind = await eachOf(files, (file) => openFile(asset, file, live));
  // One open file says it for all of them.
  const opened = behind.find(({ severity }) => severity === "fault");
  const left = files.some(({ what }) => what === "segment")
    ? []
    : [
        notLookedAt(
          `segments of ${about} at its origin`,
          "Its playlists name none below origin.url that could be tried.",
        ),
      ];
  return [...open, ...(opened === undefined ? behind : [opened]), ...left];
}

/** The entry's text, or what is wrong with it for the workers themselves. */
async function entryOf(asset: Asset, origin: HttpAssetOrigin, live: Live): Promise<Result<string, Finding>> {
  const { id, entry } = asset;
  const about = `asset ${id}`;
  const unbound = bindingFault(origin, live.originSecrets);
  if (unbound !== undefined) return refuse(notLookedAt(`${about} at its origin with the secret`, unbound));
  const read = await readFromOrigin(asset, origin, entry, live);
  if (read.ok) return ok(read.value);
  const { code, reason } = read.refusal;
  if (code === "configuration_invalid")
    return refuse(
      warning(
        "origin_secret_absent",
        about,
        `${reason[0]?.toUpperCase()}${reason.slice(1)}, so it was not tried whether its origin lets us in; and of its files the entry alone was asked for without it, no segment.`,
        "Put the secret into this command's environment under its name, and run it again.",
      ),
    );
  const missing = code === "object_unknown";
  const { path } = entryFile(asset);
  return refuse(
    fault(
      missing ? "origin_entry_missing" : "origin_refuses_us",
      about,
      missing
        ? `Its origin has no ${path} for us (${reason}): nobody can play it. None of its other files was tried without the secret.`
        : `With our secret the origin does not serve ${path} (${reason}). Its other files were not requested without the secret.`,
      missing
        ? origin.missingIs === 403
          ? "Upload the asset, or correct origin.url and entry in the catalog. Check the secret too: with missingIs: 403 a refusal looks like a missing file."
          : "Upload the asset, or fix origin.url and entry in the catalog; in S3 the access key may need s3:GetObject."
        : "Check the secret's value, the header's name or the region, and what the access key may read (s3:GetObject). If the origin answers 403 for missing files, set missingIs: 403 in the asset's origin.",
    ),
  );
}

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
