import { ok, type Result, refuse } from "../../../src/base/result.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { bindingFault } from "../../../src/catalog/origin-secrets.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { eachOf, told } from "./ask.ts";
import { assetsOf, giveCatalog, type Live } from "./live.ts";
import { filesBehind, isListing, lists, openFile, readFromOrigin } from "./origin-files.ts";

/** Whether the origins are reachable with their secrets, and refuse requests without them. */
export const originsCheck: Check<Live> = {
  name: "origins",
  held: "they answer requests with their secret, and refuse requests without it",
  run: async (live) => {
    if (live.catalog === undefined) return [notLookedAt("origins", `Give ${giveCatalog}.`)];
    if (!live.origins) return [notLookedAt("origins", "Give --origins, or --media.")];
    const byUrl = new Map<string, { readonly asset: Asset; readonly origin: HttpAssetOrigin }>();
    for (const asset of assetsOf(live))
      if (asset.origin.type === "http") byUrl.set(asset.origin.url, { asset, origin: asset.origin });
    if (byUrl.size === 0) return [notLookedAt("origins", "No asset of the catalog has an HTTP origin.")];
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
        "Check origin.url, and that the server is up and reachable from here.",
      ),
    ];
  const entry = await entryOf(asset, origin, live);
  const found = entry.ok ? [] : [entry.refusal];
  const open = await openFile(asset, { what: "entry", url }, live);
  if (!entry.ok || open.some(({ severity }) => severity === "fault")) return [...found, ...open];
  const files = await filesBehind(asset, origin, entry.value, live);
  const behind = await eachOf(files, (file) => openFile(asset, file, live));
  // One open file is enough to report the origin.
  const opened = behind.find(({ severity }) => severity === "fault");
  const left = files.some(({ what }) => what === "segment")
    ? []
    : [
        notLookedAt(
          `segments of ${about} at its origin`,
          "Its playlists name no segment below origin.url that could be requested.",
        ),
      ];
  return [...open, ...(opened === undefined ? behind : [opened]), ...left];
}

/** The entry's text, read as the workers read it, or why they could not read it. */
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
        `${reason[0]?.toUpperCase()}${reason.slice(1)}, so doctor could not test whether the origin accepts the secret. Without the secret, the entry alone was requested, and no segment.`,
        "Set the secret as an environment variable of the same name, and run this command again.",
      ),
    );
  const missing = code === "object_unknown";
  const { path } = entryFile(asset);
  return refuse(
    fault(
      missing ? "origin_entry_missing" : "origin_refuses_us",
      about,
      missing
        ? `Its origin has no ${path} for the workers (${reason}): the asset cannot be played. Its other files were not requested without the secret.`
        : `With our secret the origin does not serve ${path} (${reason}). Its other files were not requested without the secret.`,
      missing
        ? origin.missingIs === 403
          ? "Upload the asset, or correct origin.url and entry in the catalog. Check the secret too: with missingIs: 403 a refusal looks like a missing file."
          : "Upload the asset, or fix origin.url and entry in the catalog; in S3 the access key may need s3:GetObject."
        : "Check the secret's value, the header's name or the region, and what the access key may read (s3:GetObject). If the origin answers 403 for missing files, set missingIs: 403 in the asset's origin.",
    ),
  );
}

/** R2's public addresses: `https://pub-….r2.dev`, or a custom domain of the bucket. */
export const publicBucketsCheck: Check<Live> = {
  name: "public buckets",
  held: "no bucket serves files at a public address",
  run: async (live) => {
    const { publicBuckets, ask } = live;
    if (publicBuckets.length === 0 || live.catalog === undefined)
      return [
        notLookedAt(
          "R2's public address",
          `Give --public-bucket https://pub-….r2.dev (the dashboard shows it), and ${giveCatalog}.`,
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
              "Turn off the public development URL, and remove custom domains from the bucket: `npx wrangler r2 bucket dev-url disable <bucket>`.",
            ),
          ];
      }
      return [];
    });
  },
};
