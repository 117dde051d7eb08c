import { httpOrigin } from "../../../src/adapters/origin/http-origin.ts";
import { seconds } from "../../../src/base/seconds.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { type Answer, deadlineMs, type Question, told } from "./ask.ts";
import { eachOf } from "./each-of.ts";
import { assetsOf, type Live } from "./live.ts";

/** Whether the origins are reachable with their secrets, and refuse everybody who has none. */
export const originsCheck: Check<Live> = {
  name: "origins",
  held: "they answer us, and nobody else",
  run: async (live) => {
    if (live.catalog === undefined) return [notLookedAt("origins", "Give --catalog.")];
    if (!live.origins) return [notLookedAt("origins", "Give --origins, or --media.")];
    const byUrl = new Map<string, Asset>();
    for (const asset of assetsOf(live)) if (asset.origin.type === "http") byUrl.set(asset.origin.url, asset);
    const roots = new Set<string>();
    return eachOf([...byUrl.values()], async (asset) => {
      if (asset.origin.type !== "http") return [];
      const { origin } = asset;
      const reached = await withSecret(asset, origin, live);
      if (reached.some(({ id }) => id === "origin_silent")) return reached;
      return [
        ...reached,
        ...(await openToAll(asset, origin.url, live)),
        ...(await lists(asset, origin.url, roots, live)),
      ];
    });
  },
};

/** The asset's entry as the workers ask for it: with their secret, and redirects on the origin's own host alone. */
async function withSecret(
  asset: Asset,
  origin: HttpAssetOrigin,
  { ask, send, secretOf, clock }: Live,
): Promise<Finding[]> {
  const { id, entry } = asset;
  const about = `asset ${id}`;
  if ((await ask(origin.url + entry)) === "silent")
    return [
      fault(
        "origin_silent",
        about,
        `Its origin ${hostOf(origin.url)} does not answer within 5 s.`,
        "Check origin.url, and that the server is up and reached from here.",
      ),
    ];
  const hasty = { ...asset, origin: { ...origin, timeout: seconds(deadlineMs / 1000) } };
  const request = { asset: hasty, path: entry, query: "", method: "GET" } as const;
  const answered = await httpOrigin({ fetch: send, secretOf, clock })(request);
  if (answered.ok) {
    await answered.value.body?.cancel();
    return [];
  }
  const { code, reason } = answered.refusal;
  if (code === "configuration_invalid")
    return [
      warning(
        "origin_secret_absent",
        about,
        `${reason[0]?.toUpperCase()}${reason.slice(1)}, so it was not tried whether its origin lets us in.`,
        "Put the secret into this command's environment under its name, and run it again.",
      ),
    ];
  const missing = code === "object_unknown";
  return [
    fault(
      missing ? "origin_entry_missing" : "origin_refuses_us",
      about,
      missing
        ? `Its origin has no ${entry} for us (${reason}): nobody can play it.`
        : `With our secret its origin does not give out ${entry} (${reason}).`,
      missing
        ? "Upload the asset, or mend origin.url and entry in the catalog; in S3 the access key may need s3:GetObject."
        : "Check the secret's value, the header's name or the region, and what the access key may read (s3:GetObject).",
    ),
  ];
}

/** The ways in which a server that refuses the plain request has been seen to answer all the same. */
const tricks: readonly (readonly [what: string, query: string, question: Question])[] = [
  ["a plain GET", "", {}],
  ["a GET with a query", "?x=1", {}],
  ["a GET of a range", "", { headers: { Range: "bytes=0-15" } }],
  ["a HEAD", "", { method: "HEAD" }],
];

async function openToAll({ id, entry }: Asset, base: string, { ask }: Live): Promise<Finding[]> {
  for (const [what, query, question] of tricks) {
    const answer = await ask(base + entry + query, { ...question, follow: true });
    if (answer !== "silent" && (answer.status === 200 || answer.status === 206))
      return [
        fault(
          "origin_open",
          `asset ${id}`,
          `Its origin ${hostOf(base)} answers ${answer.status} to ${what} without any secret: who learns its address takes every file past Stagedoor.`,
          "Close it: no public access to the bucket, no policy for Principal *, and a server that asks every method and range for the secret.",
        ),
      ];
  }
  return [];
}

/** A listing names the files of everything else there, too. */
async function lists({ id }: Asset, base: string, seen: Set<string>, { ask }: Live): Promise<Finding[]> {
  const { origin } = new URL(base);
  const bucket = `${origin}/${new URL(base).pathname.split("/")[1] ?? ""}/`;
  const places = [`${origin}/`, `${origin}/?list-type=2`, bucket, `${bucket}?list-type=2`, base];
  for (const place of new Set(places)) {
    if (seen.has(place)) continue;
    seen.add(place);
    const answer = await ask(place, { follow: true });
    if (answer !== "silent" && isListing(answer))
      return [
        fault(
          "origin_lists",
          `asset ${id}`,
          `${hostOf(base)} lists what it has to everybody, at ${new URL(place).pathname}.`,
          "Forbid listing: no s3:ListBucket for everybody, no index of folders.",
        ),
      ];
  }
  return [];
}

export function isListing({ status, text }: Answer): boolean {
  if (status !== 200) return false;
  return /<(ListBucketResult|EnumerationResults)\b/.test(text) || /<title>\s*(Index of|Directory listing)/i.test(text);
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
          "Give --public-bucket https://pub-….r2.dev (the dashboard has it), and --catalog.",
        ),
      ];
    const files = assetsOf(live).flatMap(({ origin, entry }) => (origin.type === "r2" ? [origin.prefix + entry] : []));
    return eachOf(publicBuckets, async (bucket) => {
      for (const path of ["/", ...files.map((file) => `/${file}`)]) {
        const answer = await ask(bucket + path, { follow: true });
        if (answer === "silent") return [];
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

function hostOf(url: string): string {
  return new URL(url).host;
}
