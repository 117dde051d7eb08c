import { utf8 } from "../../../src/base/encoding.ts";
import { ok, type Result, refuse } from "../../../src/base/result.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { bindingFault } from "../../../src/catalog/origin-secrets.ts";
import { contentFault } from "../../../src/edge/file-content.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { bucketFindings } from "./bucket-addresses.ts";
import { assetsOf, catalogOptions, type Live } from "./live.ts";
import { filesOf, isContent, isListing, listingFindings, openFileFindings, readFromOrigin } from "./origin-files.ts";
import { checkEach, statusText } from "./probe.ts";

/** Whether the origins are reachable with their secrets, and refuse requests without them. */
export const originsCheck: Check<Live> = {
  name: "origins",
  passed: "they answer requests with their secret, and refuse requests without it",
  run: async (live) => {
    if (live.catalog === undefined) return [notChecked("origins", `Give ${catalogOptions}.`)];
    if (!live.origins) return [notChecked("origins", "Give --origins, or --media.")];
    const byUrl = new Map<string, { readonly asset: Asset; readonly origin: HttpAssetOrigin }>();
    for (const asset of assetsOf(live))
      if (asset.origin.type === "http") byUrl.set(asset.origin.url, { asset, origin: asset.origin });
    if (byUrl.size === 0) return [notChecked("origins", "No asset of the catalog has an HTTP origin.")];
    const listed = new Set<string>();
    return checkEach([...byUrl.values()], async ({ asset, origin }) => [
      ...(await originFindings(asset, origin, live)),
      ...(await bucketFindings(asset, origin, live)),
      ...(await listingFindings(asset, origin.url, listed, live)),
    ]);
  },
};

async function originFindings(asset: Asset, origin: HttpAssetOrigin, live: Live): Promise<Finding[]> {
  const about = `asset ${asset.id}`;
  const url = origin.url + asset.entry;
  if ((await live.probe(url)) === "silent")
    return [
      fault(
        "origin_silent",
        about,
        `Its origin ${new URL(url).host} does not answer within 5 s.`,
        "Check origin.url, and that the server is up and reachable from here.",
      ),
    ];
  const entry = await readEntry(asset, origin, live);
  const entryFindings = await openFileFindings(asset, { kind: "entry", url }, live);
  if (!entry.ok) return [entry.refusal, ...entryFindings];
  if (entryFindings.some(({ severity }) => severity === "fault")) return entryFindings;
  const files = await filesOf(asset, origin, entry.value, live);
  const fileFindings = await checkEach(files, (file) => openFileFindings(asset, file, live));
  const named = asset.files.filter((glob) => !glob.includes("*")).slice(0, mostNamedFiles);
  const namedFindings = await checkEach(named, (path) => namedFileFindings(asset, origin, path, live));
  // One open file is enough to report the origin.
  const openFile = fileFindings.find(({ severity }) => severity === "fault");
  const skipped = files.some(({ kind }) => kind === "segment")
    ? []
    : [notChecked(`segments of ${about} at its origin`, "Its playlists list no segment below origin.url.")];
  return [...entryFindings, ...(openFile === undefined ? fileFindings : [openFile]), ...namedFindings, ...skipped];
}

/** Maximum number of files per asset that are requested because `files` names them. */
const mostNamedFiles = 10;

/** Whether the origin has a file that the asset's `files` name without a wildcard, and whether the edge would serve it. */
async function namedFileFindings(asset: Asset, origin: HttpAssetOrigin, path: string, live: Live): Promise<Finding[]> {
  const about = `asset ${asset.id}`;
  const start = await readFromOrigin(asset, origin, path, live);
  if (!start.ok)
    return start.refusal.code === "object_unknown"
      ? [
          warning(
            "origin_file_missing",
            about,
            `Its files name ${path}, and its origin does not have it: its URL answers 404.`,
            "Upload the file, or correct the glob in the catalog: it is case-sensitive, below origin.url.",
          ),
        ]
      : [];
  const why = contentFault({ head: utf8(start.value), size: undefined, contentType: "" });
  if (why === undefined || !why.includes("playlist")) return [];
  return [
    warning(
      "origin_file_refused",
      about,
      `Its files name ${path}, which is refused with 403 file_forbidden: ${why}.`,
      "Remove it from files: a stream opens its playlists by itself.",
    ),
  ];
}

/** The entry's text, read as the workers read it, or a finding. */
async function readEntry(asset: Asset, origin: HttpAssetOrigin, live: Live): Promise<Result<string, Finding>> {
  const { id, entry } = asset;
  const about = `asset ${id}`;
  const unbound = bindingFault(origin, live.originSecrets);
  if (unbound !== undefined) return refuse(notChecked(`${about} at its origin with the secret`, unbound));
  const text = await readFromOrigin(asset, origin, entry, live);
  if (text.ok) return ok(text.value);
  const { code, reason } = text.refusal;
  if (code === "configuration_invalid")
    return refuse(
      warning(
        "origin_secret_absent",
        about,
        `${reason[0]?.toUpperCase()}${reason.slice(1)}, so doctor could not test whether the origin accepts the secret. Without the secret, doctor requested only the entry and no segment.`,
        "Set an environment variable of the same name to the secret, and run this command again.",
      ),
    );
  const missing = code === "object_unknown";
  const { path } = entryFile(asset);
  return refuse(
    fault(
      missing ? "origin_entry_missing" : "origin_refuses_us",
      about,
      missing
        ? `Its origin has no ${path} (${reason}): the asset cannot be played. Its other files were not requested without the secret.`
        : `Its origin does not serve ${path} with the secret (${reason}). Its other files were not requested without the secret.`,
      missing
        ? origin.missingIs === 403
          ? "Upload the asset, or correct origin.url and entry in the catalog. Check the secret too: with missingIs: 403 a refusal looks like a missing file."
          : "Upload the asset, or correct origin.url and entry in the catalog; in S3 the access key may need s3:GetObject."
        : "Check the secret's value, the header's name or the region, and what the access key may read (s3:GetObject). If the origin answers 403 for missing files, set missingIs: 403 in the asset's origin.",
    ),
  );
}

/** Whether a bucket serves files at its public address: `https://pub-….r2.dev`, or a custom domain of the bucket. */
export const publicBucketsCheck: Check<Live> = {
  name: "public buckets",
  passed: "no bucket serves files at a public address",
  run: async (live) => {
    const { publicBuckets, probe } = live;
    if (publicBuckets.length === 0 || live.catalog === undefined)
      return [
        notChecked(
          "R2's public address",
          `Give --public-bucket https://pub-….r2.dev (the dashboard shows it), and ${catalogOptions}.`,
        ),
      ];
    const files = assetsOf(live).flatMap(({ origin, entry }) => (origin.type === "r2" ? [origin.prefix + entry] : []));
    return checkEach(publicBuckets, async (bucket) => {
      for (const path of ["/", ...files.map((file) => `/${file}`)]) {
        const response = await probe(bucket + path, { follow: true });
        if (response === "silent") return [notChecked(bucket + path, "It does not answer.")];
        if (path === "/" ? isListing(response) : isContent(response))
          return [
            fault(
              "public_bucket_open",
              bucket,
              `It answers ${statusText(response)} to ${path}: the bucket is public.`,
              "Turn off the public development URL, and remove custom domains from the bucket: `npx wrangler r2 bucket dev-url disable <bucket>`.",
            ),
          ];
      }
      return [];
    });
  },
};
