import type { Asset } from "../../../src/catalog/asset.ts";
import { type Finding, fault } from "../finding.ts";
import type { Answer } from "./ask.ts";
import type { Live } from "./live.ts";

/** A listing names the files of everything else there, too. */
export async function lists({ id }: Asset, base: string, seen: Set<string>, { ask }: Live): Promise<Finding[]> {
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
          `${new URL(base).host} lists what it has to everybody, at ${new URL(place).pathname}.`,
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
